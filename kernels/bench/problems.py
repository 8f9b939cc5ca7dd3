"""What is measured: shapes and sampling points of real detectors, and points of a trained one."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

SAMPLE_IMAGES = Path(__file__).resolve().parents[2] / "sample_images"

# Deformable DETR on a picture of 608 x 843: the seed's encoder, 10,723 pixels in four levels.
ENCODER_LEVELS = ((76, 106), (38, 53), (19, 27), (10, 14))


@dataclass(frozen=True)
class Problem:
    """Arguments of one call of the op, and the layer's raw outputs that would lead to them."""

    name: str
    shapes: tuple[tuple[int, int], ...]
    value: Tensor
    references: Tensor  # [batch query level xy]
    offsets: Tensor  # [batch query head level point xy], pixels
    logits: Tensor  # [batch query head level point]

    @cached_property
    def locations(self) -> Tensor:
        size = torch.tensor([(width, height) for height, width in self.shapes]).float()
        return self.references[:, :, None, :, None] + self.offsets / size[:, None]

    @cached_property
    def weights(self) -> Tensor:
        return self.logits.flatten(-2).softmax(-1).view_as(self.logits)

    @cached_property
    def grad(self) -> Tensor:
        batch, queries, heads = self.logits.shape[:3]
        generator = torch.Generator().manual_seed(1)
        return torch.randn(batch, queries, heads * self.value.shape[-1], generator=generator)


def pixel_centers(shapes) -> Tensor:
    """The references of an encoder: every pixel of every level asks about itself [query xy]."""
    centers = []
    for height, width in shapes:
        y, x = torch.meshgrid(
            (torch.arange(height) + 0.5) / height,
            (torch.arange(width) + 0.5) / width,
            indexing="ij",
        )
        centers.append(torch.stack([x, y], -1).flatten(0, 1))
    return torch.cat(centers)


def star(heads: int, points: int) -> Tensor:
    """Where heads look before training: one direction each, one to `points` pixels far."""
    angle = torch.arange(heads) * (2 * torch.pi / heads)
    ray = torch.stack([angle.cos(), angle.sin()], -1)
    ray = ray / ray.abs().amax(-1, keepdim=True)
    return ray[:, None, None] * torch.arange(1, points + 1)[:, None]


def synthetic(
    name: str,
    *,
    queries: int | None = None,
    uniform: bool = False,
    batch: int = 1,
    shapes=ENCODER_LEVELS,
    heads: int = 8,
    channels: int = 32,
    points: int = 4,
) -> Problem:
    """Queries are all pixels, or `queries` random places; samples lie near them or anywhere."""
    generator = torch.Generator().manual_seed(0)
    pixels, levels = sum(height * width for height, width in shapes), len(shapes)
    centers = (
        pixel_centers(shapes) if queries is None else torch.rand(queries, 2, generator=generator)
    )
    references = centers[None, :, None].expand(batch, -1, levels, -1).contiguous()
    sizes = batch, len(centers), heads, levels, points
    offsets = star(heads, points) + 1.5 * torch.randn(*sizes, 2, generator=generator)
    if uniform:
        size = torch.tensor([(width, height) for height, width in shapes]).float()
        anywhere = torch.rand(*sizes, 2, generator=generator)
        offsets = (anywhere - references[:, :, None, :, None]) * size[:, None]
    return Problem(
        name,
        tuple(shapes),
        torch.randn(batch, pixels, heads, channels, generator=generator),
        references,
        offsets,
        torch.randn(*sizes, generator=generator),
    )


def captured(name: str, *, channels: int | None = None, layer: str = "encoder.1") -> Problem:
    """One layer of the shipped model on a picture of 608 x 843: its locations and its weights.

    With `channels`, random values of so many channels per head instead of the model's own.
    """
    from PIL import Image

    import deformviz as dv

    model = dv.load("deformable-detr-scenes")
    picture = Image.open(SAMPLE_IMAGES / "busy-street.png").convert("RGB").resize((843, 608))
    pixels = torch.tensor(list(picture.tobytes())).view(608, 843, 3).movedim(2, 0) / 255
    mean, deviation = (
        torch.tensor(numbers)[:, None, None]
        for numbers in (model.config.image_mean, model.config.image_std)
    )
    with torch.inference_mode():
        _, traces = model([(pixels - mean) / deviation], traced=(layer,))
    trace = traces[layer]
    value = trace.value
    if channels:
        value = torch.randn(*value.shape[:3], channels, generator=torch.Generator().manual_seed(2))
    shapes = tuple(map(tuple, trace.spatial_shapes.tolist()))
    return Problem(
        f"{name}, {layer}, D={value.shape[-1]}",
        shapes,
        value.clone(),
        trace.reference_points.clone(),
        trace.sampling_offsets.clone(),
        trace.attention_weights.log(),
    )
