"""What deformviz itself says to a card: what it refuses, what runs here, what it computes."""

from collections.abc import Callable


def backends_here() -> str:
    """Which back ends run on this machine, and why the others do not."""
    from deformviz.attention.backends import report

    return "\n".join(
        f"{backend.name}: {'runs' if backend.runs else 'does not run'}; {backend.detail}"
        for backend in report()
    )


def refusal(provoke: Callable[[], object]) -> Callable[[], str]:
    """The sentence with which deformviz refuses something."""

    def message() -> str:
        try:
            provoke()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        raise AssertionError("nothing was refused")

    return message


def references_without_levels() -> None:
    """Ask a layer with references [batch query xy]."""
    import torch

    from deformviz.walkthrough.toy import toy_inputs, toy_module

    inputs = toy_inputs()
    toy_module()(
        inputs.query, torch.full((1, 1, 2), 0.5), inputs.value_input, inputs.spatial_shapes
    )


def compiled_on_the_wrong_device() -> None:
    """Ask for the CUDA op with tensors on the CPU."""
    from deformviz.attention.backends import which_backend

    which_backend("cpu", "cuda")


def neighborhood_larger_than_the_map() -> None:
    """Ask for 7 neighbours on a map 5 pixels high."""
    from deformviz.attention.neighborhood import neighbors

    neighbors(5, 7)


def half_a_cell() -> str:
    """Where the rows of a map lie for the position embeddings of two systems."""
    import math

    import torch

    from deformviz.models.position import token_positions

    mask, lines = torch.zeros(1, 4, 1, dtype=torch.bool), ["rows of a map of 4, as shares of it:"]
    for system, shift in (("Deformable DETR", -0.5), ("DETR", 0.0)):
        sine, cosine = token_positions(mask, 8, shift=shift)[0, :, :2].double().T
        shares = (torch.atan2(sine, cosine) / (2 * math.pi)) % 1
        written = (f"{round(share, 3) or 1.0:.3f}" for share in shares.tolist())
        lines.append(f"{system}: {', '.join(written)}")
    return "\n".join(lines)


def a_fresh_deformable_convolution() -> str:
    """What a deformable convolution says before training, beside a plain one."""
    import torch
    import torch.nn.functional as F

    from deformviz.attention.deformable_conv import DeformableConv

    generator = torch.Generator().manual_seed(0)
    layer = DeformableConv(4, 3, 3, padding=1)
    features = torch.randn(1, 4, 5, 7, generator=generator)
    with torch.no_grad():
        said, trace = layer(features)
        plain = F.conv2d(features, layer.weight / 2, layer.bias, padding=1)
    apart = float((said - plain).abs().max() / plain.abs().max())
    return (
        f"mask at the start: {float(trace.mask.unique()):g}\n"
        f"from a convolution of half its weights: {apart:.0e} of the largest value"
    )
