"""What people use beside what is here, one command each, in one run.

    python -m tests.bench.peers model --out peers.json [--threads 1] [--rounds 5] [--side 800 1066]
    python -m tests.bench.peers op --out op.json

`model`: an R50 Deformable DETR built by transformers and the same weights loaded here. Two
processes hold both and take turns, so that one of them can keep freed memory, as the commands and
the app's workers do (`deformviz.models.memory`), and the other leave it to the system, as whoever
calls transformers does. Their answers are compared before anything is timed.

`op`: one call on the encoder's shapes, against those of transformers, mmcv and torchvision that
can be imported; torchvision has one level and nine points (`deform_conv2d`, depthwise, weights 1).

Seconds are the processor's; a figure counts only from a quiet machine.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import deformviz as dv
from deformviz.attention.op import ms_deform_attn
from deformviz.models.inference import inference_form
from deformviz.models.memory import keep_freed_memory
from tests.bench.compare import quartiles
from tests.bench.model import SIZE_HW, machine, seconds_of

Case = Callable[[], torch.Tensor]
SHAPES = [(76, 106), (38, 53), (19, 27), (10, 14)]
HEADS, CHANNELS = 8, 32
AGREE = 1e-3  # of the largest number: two implementations of a deep network, in float32


# -- the model -----------------------------------------------------------------------------------


def model_cases(side_hw: tuple[int, int]) -> dict[str, Case]:
    """Logits of one random picture by transformers, by the model, and by its inference form."""
    import transformers  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    backbone = transformers.ResNetConfig(out_features=["stage2", "stage3", "stage4"])
    theirs = transformers.DeformableDetrForObjectDetection(
        transformers.DeformableDetrConfig(backbone_config=backbone)
    ).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = dv.load(folder)
    theirs.requires_grad_(False)
    picture = torch.randn(3, *side_hw)
    with torch.inference_mode():
        form = inference_form(ours)
    return {
        "transformers": lambda: theirs(pixel_values=picture[None]).logits,
        "deformviz, untouched": lambda: ours([picture], traced=False)[0].logits,
        "deformviz, inference form": lambda: form([picture], traced=False)[0].logits,
    }


def serve(connection, keeps: bool, threads: int, side_hw: tuple[int, int]) -> None:
    """Run the case that is named, and answer with its seconds; an empty name ends it."""
    torch.set_num_threads(threads)
    if keeps:
        keep_freed_memory()
    with torch.inference_mode():
        cases = model_cases(side_hw)
        answers = [case() for case in cases.values()]
        scale = answers[0].abs().max()
        connection.send([float((one - answers[0]).abs().max() / scale) for one in answers])
        while name := connection.recv():
            started = time.process_time()
            cases[name]()
            connection.send(time.process_time() - started)
        connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def compare_models(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each case in each process, round by round."""
    context = multiprocessing.get_context("spawn")
    processes = {}
    for keeps, suffix in ((False, ""), (True, ", memory kept")):
        mine, theirs = context.Pipe()
        arguments = theirs, keeps, options.threads, tuple(options.side)
        context.Process(target=serve, args=arguments, daemon=True).start()
        differences = mine.recv()
        assert max(differences) < AGREE, f"The models disagree: {differences}."
        print(f"agree to {max(differences):.1e} of the largest logit")
        processes[suffix] = mine
    names = ["transformers", "deformviz, untouched", "deformviz, inference form"]
    taken: dict[str, list[float]] = {n + suffix: [] for n in names for suffix in processes}
    for _ in range(options.rounds):
        for name in names:
            for suffix, connection in processes.items():
                connection.send(name)
                taken[name + suffix].append(connection.recv())
    for suffix, connection in processes.items():
        connection.send("")
        print(f"peak of the process{suffix or ', memory left to the system'}:", end=" ")
        print(f"{connection.recv():.0f} MiB, all three models in it")
    return taken


# -- the op --------------------------------------------------------------------------------------


def problem(shapes: list[tuple[int, int]], points: int) -> tuple[torch.Tensor, ...]:
    """Values, locations near their own cell and weights, of an encoder's size."""
    generator = torch.Generator().manual_seed(0)
    pixels = sum(height * width for height, width in shapes)
    value = torch.randn(1, pixels, HEADS, CHANNELS, generator=generator)
    y, x = torch.meshgrid(*((torch.arange(size) + 0.5) / size for size in shapes[0]), indexing="ij")
    own = torch.stack([x, y], -1).view(1, -1, 1, 1, 1, 2)
    sizes = torch.tensor([(width, height) for height, width in shapes]).view(1, 1, 1, -1, 1, 2)
    samples = 1, own.shape[1], HEADS, len(shapes), points
    near = torch.randn(*samples, 2, generator=generator) * 2 / sizes
    weights = torch.rand(samples, generator=generator).flatten(3).softmax(-1).view(samples)
    return value, (own + near).contiguous(), weights


def op_cases() -> dict[str, Case]:
    """The op here, and those of others that can be imported."""
    four, nine = problem(SHAPES, 4), problem(SHAPES[:1], 9)
    shapes = torch.tensor(SHAPES)
    cases: dict[str, Case] = {
        "4 levels, 4 points: deformviz": lambda: ms_deform_attn(four[0], SHAPES, *four[1:]),
        "1 level, 9 points: deformviz": lambda: ms_deform_attn(nine[0], SHAPES[:1], *nine[1:]),
    }
    try:
        from transformers.models.deformable_detr import (  # pyright: ignore[reportMissingImports]
            modeling_deformable_detr as hf,
        )

        start = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])
        theirs = hf.MultiScaleDeformableAttention()
        cases["4 levels, 4 points: transformers"] = lambda: theirs(
            four[0], shapes, SHAPES, start, *four[1:], 64
        )
    except ImportError as problem_met:
        print(f"transformers: not measured ({problem_met})")
    try:
        from mmcv.ops.multi_scale_deform_attn import (  # pyright: ignore[reportMissingImports]
            multi_scale_deformable_attn_pytorch,
        )

        cases["4 levels, 4 points: mmcv, PyTorch form"] = lambda: (
            multi_scale_deformable_attn_pytorch(four[0], shapes, *four[1:])
        )
    except ImportError as problem_met:
        print(f"mmcv: not measured ({problem_met})")
    try:
        from torchvision.ops import deform_conv2d  # pyright: ignore[reportMissingImports]

        arguments = as_convolution(*nine)
        cases["1 level, 9 points: torchvision"] = lambda: (
            deform_conv2d(arguments[0], arguments[1], arguments[2], padding=1, mask=arguments[3])
            .flatten(2)
            .transpose(1, 2)
        )
    except (ImportError, RuntimeError) as problem_met:  # one built for another torch
        print(f"torchvision: not measured ({problem_met})")
    return cases


def as_convolution(value, locations, weights) -> tuple[torch.Tensor, ...]:
    """One level and nine points as a depthwise deformable convolution: map, offsets, ones, mask."""
    height, width = SHAPES[0]
    features = value.flatten(2).transpose(1, 2).reshape(1, -1, height, width)
    pixels = locations[:, :, :, 0] * torch.tensor([width, height]) - 0.5  # query head point xy
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    taps = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    at = torch.tensor([(right, down) for down, right in taps])
    own = torch.stack([columns, rows], -1).view(1, -1, 1, 1, 2) + at
    offsets = (pixels - own).flip(-1)  # y before x
    offsets = offsets.flatten(2).transpose(1, 2).reshape(1, -1, height, width).contiguous()
    mask = weights.flatten(2).transpose(1, 2).reshape(1, -1, height, width).contiguous()
    return features.contiguous(), offsets, torch.ones(HEADS * CHANNELS, 1, 3, 3), mask


def compare_ops(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each op, after their answers were compared."""
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        cases = op_cases()
        right = {name.partition(":")[0]: case() for name, case in list(cases.items())[:2]}
        for name, case in cases.items():
            expected = right[name.partition(":")[0]]
            difference = float((case() - expected).abs().max() / expected.abs().max())
            assert difference < AGREE, f"{name} disagrees: {difference}."
        return seconds_of(cases, options.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("model", "op"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, nargs=2, default=SIZE_HW, metavar=("H", "W"))
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    taken = {"model": compare_models, "op": compare_ops}[options.what](options)
    facts = machine() | {"threads": options.threads}
    print(f"{facts}  load before {load_before:.1f}")
    ours = {n.partition(":")[0]: quartiles(s)[1] for n, s in taken.items() if "deformviz" in n}
    for name, seconds in taken.items():
        low, middle, high = quartiles(seconds)
        best = ours[name.partition(":")[0]] if options.what == "op" else min(ours.values())
        print(
            f"{name:<42}{middle * 1e3:>9.1f} ms  ({low * 1e3:.1f} to {high * 1e3:.1f})"
            f"{middle / best:>8.2f} times ours"
        )
    if options.out:
        cases = {name: {"seconds": seconds} for name, seconds in taken.items()}
        found = {"machine": facts, "load": load_before, "cases": cases}
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
