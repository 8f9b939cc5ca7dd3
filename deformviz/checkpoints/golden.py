"""Whether a published model says here what was published of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deformviz.checkpoints.downloads import Golden

LIMIT = 1e-2  # resizing differs between libraries by more than the published rounding


@dataclass(frozen=True)
class Verdict:
    """How far a model's answer is from published numbers."""

    logits: float  # largest differences
    boxes: float

    @property
    def agrees(self) -> bool:
        return max(self.logits, self.boxes) <= LIMIT

    def __str__(self) -> str:
        word = "agrees with" if self.agrees else "differs from"
        return (
            f"{word} the published numbers: logits by at most {self.logits:.1e}, boxes by at most "
            f"{self.boxes:.1e} (up to {LIMIT:.0e} is the resizing of pictures)"
        )


def compare(model: Any, picture: str | Path, golden: Golden) -> Verdict:
    """Run a detector on the picture and compare its first queries with published numbers."""
    import torch
    from PIL import Image

    from deformviz.models.preprocess import preprocess

    with Image.open(picture) as image:
        width, height = image.size
        pixels = torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8)
    prepared, _ = preprocess(pixels.view(height, width, 3).numpy(), model.config)
    with torch.inference_mode():
        output, _ = model([prepared], traced=False)
    rows = len(golden.logits)
    found = output.logits[0, :rows, :3], output.boxes_cxcywh[0, :rows, :3]
    return Verdict(
        *(
            float((part - torch.tensor(wanted)).abs().max())
            for part, wanted in zip(found, (golden.logits, golden.boxes), strict=True)
        )
    )
