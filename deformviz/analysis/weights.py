"""What weights alone tell, without any picture: offset stars, statistics, likeness of heads."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from deformviz.analysis.weight_records import HeadLikeness, OffsetStar, TensorStatistics
from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.reference import star_offsets
from deformviz.models.dat import DAT
from deformviz.models.detector import Detector
from deformviz.models.parts import attention_layers

NEAR_ZERO = 1e-3  # of a tensor's largest magnitude
KINDS = {
    nn.Linear: "linear",
    nn.Conv2d: "convolution",
    nn.LayerNorm: "norm",
    nn.GroupNorm: "norm",
    nn.BatchNorm2d: "norm",
    nn.Embedding: "embedding",
}


def offset_star(module: MultiScaleDeformableAttention, *, per_box: bool) -> OffsetStar:
    """The star of one layer, as trained and as the paper starts it."""
    sizes = module.heads, module.levels, module.points
    bias, rows = module.sampling_offsets.bias, module.sampling_offsets.weight
    size = float(bias.detach().double().square().mean().sqrt())
    return OffsetStar(
        trained=_numpy(bias).reshape(*sizes, 2),
        initial=_numpy(star_offsets(*sizes)),
        per_box=per_box,
        query_share=float(rows.detach().double().norm(dim=1).square().mean().sqrt()) / (size or 1),
    )


def offset_stars(model: nn.Module) -> dict[str, OffsetStar]:
    """The stars of all layers of a detector by short name; none for other models."""
    if not isinstance(model, Detector):
        return {}
    config = model.config
    return {
        name: offset_star(
            module,
            per_box=name.startswith("decoder")
            and (config.two_stage or config.refine and name != "decoder.0"),
        )
        for name, module in attention_layers(model).items()
    }


# -- statistics ----------------------------------------------------------------------------------


def weight_statistics(model: nn.Module) -> tuple[TensorStatistics, ...]:
    """Every parameter once, in the model's order."""
    kind_of = {
        f"{name}.{leaf}".lstrip("."): _kind(module)
        for name, module in model.named_modules()
        for leaf, _ in module.named_parameters(recurse=False)
    }
    return tuple(
        tensor_statistics(name, kind_of[name], parameter)
        for name, parameter in model.named_parameters()
    )


def tensor_statistics(name: str, kind: str, tensor: Tensor) -> TensorStatistics:
    numbers = tensor.detach().double()
    largest = float(numbers.abs().max())
    return TensorStatistics(
        name,
        kind,
        tuple(tensor.shape),
        tensor.numel(),
        float(numbers.mean()),
        float(numbers.std(correction=0)),
        float(numbers.min()),
        float(numbers.max()),
        float((numbers.abs() <= NEAR_ZERO * largest).double().mean()),
    )


def _kind(module: nn.Module) -> str:
    return next((kind for base, kind in KINDS.items() if isinstance(module, base)), "other")


# -- likeness of heads ---------------------------------------------------------------------------


def head_likeness(model: nn.Module) -> dict[str, HeadLikeness]:
    """Likeness of the heads of every deformable layer, by the layer's short name."""
    found = {}
    for name, module in deformable_layers(model):
        if isinstance(module, MultiScaleDeformableAttention):
            value, output = module.value_proj.weight, module.output_proj.weight
            looks = _cosines(module.sampling_offsets.bias.detach().view(module.heads, -1))
        else:
            value, output, looks = (
                module.proj_v.weight.flatten(1),
                module.proj_out.weight.flatten(1),
                None,
            )
        found[name] = HeadLikeness(_map_cosines(value, output, module.heads), looks)
    return found


def head_gains(model: nn.Module) -> dict[str, np.ndarray]:
    """How much every head can pass on: the size of W_m W'_m as a share of the layer's mean head.

    Layer -> [head]; 0 is a head whose value or output projection is zero.
    """
    found = {}
    for name, module in deformable_layers(model):
        if not isinstance(module, MultiScaleDeformableAttention):
            continue
        inner = module.value_proj.weight.detach().double().unflatten(0, (module.heads, -1))
        outer = module.output_proj.weight.detach().double().unflatten(1, (module.heads, -1))
        passed = torch.einsum("emc,mci->mei", outer, inner).flatten(1).norm(dim=1)
        found[name] = _numpy(passed / passed.mean().clamp(min=1e-300))
    return found


def deformable_layers(
    model: nn.Module,
) -> Iterator[tuple[str, MultiScaleDeformableAttention | DATAttention]]:
    """(short name, module) of every layer with deformable attention."""
    if isinstance(model, DAT):
        yield from (
            (name, module)
            for name, module in model.named_modules()
            if isinstance(module, DATAttention)
        )
    elif isinstance(model, Detector):
        yield from attention_layers(model).items()


def _map_cosines(value: Tensor, output: Tensor, heads: int) -> np.ndarray:
    """Cosines of the matrices W_m W'_m, which do not depend on how a head orders its channels.

    value [(head channel) input], output [embedding (head channel)]; <A B, A' B'> is the trace of
    (A^T A') (B' B^T), so the large matrices are never made.
    """
    inner = value.detach().double().view(heads, -1, value.shape[1])  # W'_m
    outer = output.detach().double().view(output.shape[0], heads, -1)  # W_m
    outer_products = torch.einsum("emc,end->mncd", outer, outer)
    inner_products = torch.einsum("mci,ndi->mncd", inner, inner)
    return _normalised((outer_products * inner_products).sum((-1, -2)))


def _cosines(rows: Tensor) -> np.ndarray:
    return _normalised(rows.double() @ rows.double().T)


def _normalised(products: Tensor) -> np.ndarray:
    length = products.diagonal().clamp(min=1e-300).sqrt()
    return (products / (length[:, None] * length)).cpu().numpy()


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()
