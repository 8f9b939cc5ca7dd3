"""A recording as one file: safetensors, whose header holds an index. No pickle, nothing runs.

The layout is written down in docs/recording-format.md.
"""

import io
import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deformviz.attention.deformable_conv import TapTrace
from deformviz.axes import ShapeError, axes_of
from deformviz.schema import (
    AttentionTrace,
    Detections,
    GridTrace,
    ImageFrame,
    SpaceTrace,
    UnequalAttentionTrace,
)
from deformviz.tracing.pictures import PictureError, read_picture
from deformviz.tracing.proven import Proof
from deformviz.tracing.recorded_image import RecordedImage
from deformviz.tracing.recording import Pass, RecordError, Recording

FORMAT = "deformviz recording"
VERSION = 1
SUFFIX = ".deformviz"
MOST_FILE_BYTES = 4 * 2**30
MOST_HEADER_BYTES = 4 * 2**20
MOST_PICTURE_SIDE_PX = 1600
KINDS = {
    kind.__name__: kind
    for kind in (AttentionTrace, UnequalAttentionTrace, GridTrace, SpaceTrace, TapTrace)
}
FOUND = ("boxes_xyxy_px", "scores", "labels", "queries")


class RecordingError(ValueError):
    """A file is no recording that this version can show; the message is one sentence."""


def save_recording(recording: Recording, path: str | Path, *, pictures: bool = True) -> Path:
    """Write a recording; the file appears under its name only when it is whole.

    Args:
        pictures: also keep the pictures, at most 1600 px long, as JPEG.

    Raises:
        RecordError: there is nothing in the recording.
    """
    path = Path(path)
    if not len(recording):
        raise RecordError("There is no layer in this recording; nothing was saved.")
    path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
    tensors: dict[str, Tensor] = {}
    index = {
        "model": recording.model,
        "honesty": recording.honesty,
        "versions": recording.versions,
        "skipped": recording.skipped,
        "queries": recording.queries,
        "images": [
            _pack_image(number, image, tensors, pictures)
            for number, image in enumerate(recording.images)
        ],
        "layers": [_pack_layer(name, recording, tensors) for name in recording],
    }
    header = {"format": FORMAT, "version": str(VERSION), "index": json.dumps(index)}
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, metadata=header)
    os.replace(part, path)
    return path


def _pack_layer(name: str, recording: Recording, tensors: dict[str, Tensor]) -> dict[str, Any]:
    trace, arrays = recording[name], []
    for field in axes_of(trace):
        if (array := getattr(trace, field)) is not None:
            tensors[f"layer/{name}/{field}"] = array.contiguous()
            arrays.append(field)
    facts = {
        field.name: getattr(trace, field.name)
        for field in fields(trace)
        if field.name not in axes_of(trace)
    }
    proof = recording.proofs.get(name)
    return {
        "name": name,
        "kind": type(trace).__name__,
        "arrays": arrays,
        "facts": facts,
        "proof": proof and {k: v for k, v in asdict(proof).items() if k != "layer"},
    }


def _pack_image(
    number: int, image: RecordedImage, tensors: dict[str, Tensor], with_picture: bool
) -> dict[str, Any]:
    arrays = {}
    if with_picture and image.picture is not None:
        arrays["picture"] = torch.frombuffer(bytearray(_jpeg(image.picture)), dtype=torch.uint8)
    if image.detections is not None:
        arrays |= {name: torch.as_tensor(getattr(image.detections, name)) for name in FOUND}
        if image.detections.masks is not None:
            masks = np.ascontiguousarray(np.asarray(image.detections.masks, dtype=bool))
            arrays["masks"] = torch.from_numpy(np.packbits(masks, axis=-1))
    if image.logits is not None:
        arrays["logits"] = image.logits
    for name, array in arrays.items():
        tensors[f"image/{number}/{name}"] = array.contiguous()
    return {
        "frame": asdict(image.frame),
        "title": image.title,
        "class_names": list(image.detections.class_names) if image.detections else [],
        "arrays": list(arrays),
    }


def _jpeg(picture: np.ndarray) -> bytes:
    from PIL import Image

    image, buffer = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((MOST_PICTURE_SIDE_PX, MOST_PICTURE_SIDE_PX), Image.Resampling.LANCZOS)
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def open(path: str | Path) -> Recording:
    """Read what `recording.save` wrote.

    Raises:
        RecordingError: no such file, no recording, damaged, or of a newer version. Nothing in the
            file is executed, and no more memory is taken than the file is long.
    """
    path = Path(path)
    _check_start(path)
    try:
        with safe_open(path, framework="pt") as file:
            index = _index(path.name, file.metadata() or {})
            return _read(index, file)
    except RecordingError:
        raise
    except (ShapeError, PictureError) as problem:
        raise RecordingError(f"{path.name} contradicts itself: {problem}") from None
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as problem:
        raise RecordingError(
            f"{path.name} is damaged or was altered ({type(problem).__name__}); record it again."
        ) from None


def _check_start(path: Path) -> None:
    """Sizes first, before anything is allocated."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
            begins = file.read(1)
    except OSError as problem:
        raise RecordingError(f"{path.name} cannot be opened: {problem.strerror}.") from None
    if size > MOST_FILE_BYTES:
        raise RecordingError(
            f"{path.name} has {size / 2**30:.1f} GiB; {MOST_FILE_BYTES / 2**30:.0f} are allowed."
        )
    if begins != b"{":
        raise RecordingError(f"{path.name} is not a recording: it is no safetensors file.")
    if header > min(MOST_HEADER_BYTES, size):
        raise RecordingError(
            f"{path.name} claims a header of {header} bytes, it has {size} in all and "
            f"{MOST_HEADER_BYTES} are allowed; it was cut or altered."
        )


def _index(name: str, header: dict[str, str]) -> dict[str, Any]:
    if header.get("format") != FORMAT:
        raise RecordingError(
            f"{name} is not a recording but another safetensors file; `deformviz inspect` says "
            "what weights it holds."
        )
    written = header.get("version", "")
    if not written.isdigit() or int(written) > VERSION:
        raise RecordingError(
            f"{name} has format version {written or 'none'}, this deformviz reads up to "
            f"{VERSION}; update deformviz."
        )
    try:
        index = json.loads(header["index"])
    except (KeyError, ValueError, RecursionError):
        index = None
    if not isinstance(index, dict):
        raise RecordingError(f"{name} has no readable index; record it again.")
    return index


def _read(index: dict[str, Any], file: Any) -> Recording:
    recorded, recording = Pass(), Recording(versions=dict(index["versions"]))
    for layer in index["layers"]:
        name, kind = str(layer["name"]), KINDS[layer["kind"]]
        arrays: dict[str, Any] = {n: file.get_tensor(f"layer/{name}/{n}") for n in layer["arrays"]}
        facts: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in layer["facts"].items()
        }
        recorded.traces[name] = kind(**arrays, **facts)
        if layer["proof"]:
            recorded.proofs[name] = Proof(name, **layer["proof"])
    recording.passes = [recorded]
    recording.layers = tuple(recorded.traces)
    recording.model, recording.honesty = str(index["model"]), str(index["honesty"])
    recording.skipped = {str(name): str(why) for name, why in index["skipped"].items()}
    recording.queries = None if index["queries"] is None else tuple(index["queries"])
    recording.images = [
        _read_image(number, image, file) for number, image in enumerate(index["images"])
    ]
    batches = {len(_first_array(trace)) for trace in recorded.traces.values()}
    if not recorded.traces or len(batches) != 1 or len(recording.images) not in (0, *batches):
        raise ShapeError(f"its {len(recording.images)} pictures are not the batch of its layers.")
    return recording


def _first_array(trace: Any) -> Tensor:
    names = [name for name in axes_of(trace) if name != "spatial_shapes"]
    return next(array for name in names if (array := getattr(trace, name)) is not None)


def _read_image(number: int, image: dict[str, Any], file: Any) -> RecordedImage:
    arrays = {name: file.get_tensor(f"image/{number}/{name}") for name in image["arrays"]}
    frame = ImageFrame(**{n: (int(hw[0]), int(hw[1])) for n, hw in image["frame"].items()})
    picture, found, masks = None, None, None
    if "picture" in arrays:
        picture = read_picture(arrays["picture"].numpy().tobytes(), name=f"picture {number}")
        _check_belongs(picture.shape[:2], frame)
    if "masks" in arrays:
        width = frame.original_hw[1]
        masks = torch.from_numpy(
            np.unpackbits(arrays["masks"].numpy(), axis=-1, count=width).astype(bool)
        )
        if tuple(masks.shape[-2:]) != frame.original_hw:
            raise ShapeError(f"masks are {masks.shape[-2:]}, the picture {frame.original_hw}.")
    if "scores" in arrays:
        found = Detections(
            **{name: arrays[name] for name in FOUND},
            class_names=tuple(map(str, image["class_names"])),
            masks=masks,
        )
    return RecordedImage(frame, picture, found, arrays.get("logits"), str(image["title"]))


def _check_belongs(picture_hw: tuple[int, int], frame: ImageFrame) -> None:
    """A stored picture is the recorded one, perhaps smaller: same shape up to rounding."""
    height, width = frame.original_hw
    scale = max(picture_hw) / max(height, width)
    if max(abs(picture_hw[0] - scale * height), abs(picture_hw[1] - scale * width)) > 1 + 1e-6:
        raise ShapeError(
            f"its picture is {picture_hw[0]}x{picture_hw[1]}, its frame says {height}x{width}; "
            "the picture does not belong to it."
        )
