"""Pictures come in here: any common file becomes RGB bytes, or one sentence says why not.

A picture is the one thing strangers hand to this program, so sizes are checked in the header,
before a decoder allocates anything.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

log = logging.getLogger(__name__)

# Only these decoders run on foreign bytes. GIF is read for its first frame.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
READABLE = "JPEG, PNG, WebP, BMP or GIF"
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


class PictureError(ValueError):
    """A picture cannot be used; the message is one sentence for the person who chose it."""


def read_picture(
    source: str | Path | bytes | Image.Image | np.ndarray,
    *,
    max_megapixels: float = 40,
    max_bytes: int = 20_000_000,
    name: str = "The picture",
) -> np.ndarray:
    """A picture as the models want it: NumPy uint8 RGB [height width 3], upright.

    Args:
        source: a path, the bytes of a file, a PIL image, or a uint8 RGB array [height width 3].
            EXIF rotation is applied, transparency is laid over white, 16-bit values keep their
            upper 8 bits, and of an animation the first frame counts.
        max_megapixels: larger pictures are refused, for files before they are decoded.
        max_bytes: larger files are refused unread.
        name: what errors call a picture that comes as bytes.

    Raises:
        PictureError: the file is missing, empty, too large, damaged or no image.
    """
    if isinstance(source, np.ndarray):
        return _check_array(source, max_megapixels)
    if isinstance(source, Image.Image):
        _check_size(source.size, max_megapixels)
        return _to_rgb(source)
    data, name = _read_bytes(source, max_bytes, name)
    return _decode(data, name, max_megapixels)


def _read_bytes(source: str | Path | bytes, max_bytes: int, name: str) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, size = bytes(source), len(source)
    else:
        path = Path(source)
        if not path.is_file():
            raise PictureError(f"There is no file {str(path)!r}; check the path of the picture.")
        data, name, size = None, path.name, path.stat().st_size
    if size > max_bytes:
        raise PictureError(
            f"{name} has {size / 1e6:.1f} MB, more than the {max_bytes / 1e6:.0f} MB allowed; "
            "save it smaller or as JPEG."
        )
    if size == 0:
        raise PictureError(f"{name} is empty (0 bytes); choose the file again.")
    return (path.read_bytes() if data is None else data), name


def _decode(data: bytes, name: str, max_megapixels: float) -> np.ndarray:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the header only
    except Image.DecompressionBombError:
        raise PictureError(_too_large(name, None, max_megapixels)) from None
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not an image this program reads; use {READABLE}.") from None
    except Exception as error:  # a decoder may fail in any way on foreign bytes
        log.info("header of %s refused: %r", name, error)
        raise PictureError(
            f"{name} is damaged: its header cannot be read; save it again from its source."
        ) from None
    with image:
        _check_size(image.size, max_megapixels, name)
        try:
            image.load()
        except Exception as error:  # likewise: truncated data has many exception types
            log.info("pixels of %s refused: %r", name, error)
            raise PictureError(
                f"{name} is truncated or damaged: its pixels cannot be read to the end; "
                "copy or download it again."
            ) from None
        return _to_rgb(image)


def _check_size(size_wh: tuple[int, int], max_megapixels: float, name: str = "The picture") -> None:
    width, height = size_wh
    if width * height > max_megapixels * 1e6:
        raise PictureError(_too_large(name, size_wh, max_megapixels))
    if width < 1 or height < 1:
        raise PictureError(f"{name} is {width}×{height} pixels; both sides must be at least 1.")


def _too_large(name: str, size_wh: tuple[int, int] | None, max_megapixels: float) -> str:
    has = f"{size_wh[0]}×{size_wh[1]} pixels" if size_wh else "far too many pixels"
    return (
        f"{name} has {has}, more than the {max_megapixels:g} megapixels allowed; "
        "scale it down first."
    )


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Upright uint8 RGB of a loaded image of any mode."""
    try:
        image = ImageOps.exif_transpose(image)
    except Exception as error:  # broken metadata is no reason to refuse good pixels
        log.info("EXIF orientation ignored: %r", error)
    if image.mode in _SIXTEEN_BIT:
        grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode == "F":
        raise PictureError(
            "The picture has floating point pixels, whose range is unknown; convert it to 8 bits."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))


def _check_array(pixels: np.ndarray, max_megapixels: float) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise PictureError(
            f"A picture array must be uint8 RGB [height width 3]; this one is {pixels.dtype} "
            f"of shape {pixels.shape}."
        )
    _check_size((pixels.shape[1], pixels.shape[0]), max_megapixels)
    return np.ascontiguousarray(pixels)
