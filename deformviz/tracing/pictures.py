"""Pictures come in here: any common file becomes RGB bytes, or one sentence says why not.

A picture is the one thing strangers hand to this program, so sizes are checked in the header,
before a decoder allocates anything.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

log = logging.getLogger(__name__)

# Only these decoders run on foreign bytes. GIF is read for its first frame.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
READABLE = "JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF"
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
MOST_SLENDER = 100  # a model scales the longer side to a few hundred pixels: 1 is left of the other


class PictureError(ValueError):
    """A picture cannot be used; the message is one sentence for the person who chose it."""


def read_picture(
    source: Any,
    *,
    max_megapixels: float = 40,
    max_bytes: int = 20_000_000,
    name: str = "The picture",
) -> np.ndarray:
    """A picture as the models want it: NumPy uint8 RGB [height width 3], upright.

    Args:
        source: a path, the bytes of a file or an open one, a PIL image, or a uint8 RGB array or
            tensor [height width 3]. EXIF rotation is applied, transparency is laid over white,
            16-bit values keep their upper 8 bits, and of an animation the first frame counts.
        max_megapixels: larger pictures are refused, for files before they are decoded.
        max_bytes: larger files are refused unread.
        name: what errors call a picture that comes as bytes.

    Raises:
        PictureError: the file is missing, empty, too large, damaged or no image, or the picture is
            so slender that a model would see a line of it.
    """
    pixels = _pixels(source, max_megapixels=max_megapixels, max_bytes=max_bytes, name=name)
    height, width = pixels.shape[:2]
    if max(height, width) > MOST_SLENDER * min(height, width):
        raise PictureError(
            f"A picture of {width}×{height} pixels is more than {MOST_SLENDER} times as long as it "
            "is wide: scaled for a model, its shorter side is one pixel. Cut it into pieces."
        )
    return pixels


def _pixels(source: Any, *, max_megapixels: float, max_bytes: int, name: str) -> np.ndarray:
    """Upright uint8 RGB of whatever a picture may be held in."""
    if hasattr(source, "detach") and hasattr(source, "cpu"):  # a tensor
        source = source.detach().cpu().numpy()
    if isinstance(source, np.ndarray):
        return _check_array(source, max_megapixels)
    if isinstance(source, Image.Image):
        _check_size(source.size, max_megapixels)
        return _to_rgb(source)
    if hasattr(source, "read"):
        source, name = _read_open(source, max_bytes), getattr(source, "name", name)
    if not isinstance(source, (str, Path, bytes, bytearray, memoryview)):
        raise PictureError(
            "A picture must be a path, the bytes of a file, an open file, a PIL image, or a uint8 "
            f"RGB array [height width 3]; this is {_kind(source)}."
        )
    data, name = _read_bytes(source, max_bytes, str(name))
    return _decode(data, name, max_megapixels)


def _kind(source: Any) -> str:
    """What somebody handed over, in a word or two."""
    if source is None:
        return "None"
    if isinstance(source, (list, tuple)):
        return f"a {type(source).__name__} of {len(source)}; give them one by one"
    return f"a {type(source).__name__}"


def _read_open(file: Any, max_bytes: int) -> bytes:
    """The bytes of an open file, from its beginning, no more than are allowed and one."""
    try:
        if file.seekable():
            file.seek(0)
        data = file.read(max_bytes + 1)
    except (OSError, ValueError, AttributeError, TypeError) as problem:
        raise PictureError(f"The open file cannot be read ({problem}).") from None
    if not isinstance(data, (bytes, bytearray)):
        raise PictureError('The open file gives text; open the picture in binary mode, "rb".')
    return bytes(data)


def _file(source: str | Path) -> Path:
    """The picture's file. Raises PictureError, with what else the text may be."""
    if "://" in str(source):
        raise PictureError(
            f"{str(source)[:80]!r} is an address; nothing is fetched from a network here. Download "
            "the picture and give its path."
        )
    try:
        path = Path(source).expanduser()
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, a home nobody has
        is_file = is_folder = False
    if is_file:
        return path
    if is_folder:
        raise PictureError(f"{str(path)[:80]!r} is a folder; choose one picture in it.")
    raise PictureError(f"There is no file {str(source)[:80]!r}; check the path of the picture.")


def _read_bytes(source: Any, max_bytes: int, name: str) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, size = bytes(source), len(source)
    else:
        path = _file(source)
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
        if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
            raise PictureError(
                f"{name} is an HEIC picture, as iPhones take them, which this program does not "
                "read; save it as JPEG (on the phone: Settings, Camera, Formats, Most Compatible)."
            ) from None
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
    if image.mode == "I":
        return _wide_integers(np.asarray(image))
    if image.mode == "F":
        raise PictureError(
            "The picture has floating point pixels, whose range is unknown; convert it to 8 bits."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))


def _wide_integers(grey: np.ndarray) -> np.ndarray:
    """32-bit integers [height width] that hold 8-bit or 16-bit grey values."""
    low, high = int(grey.min()), int(grey.max())
    if low < 0 or high > 65535:
        raise PictureError(
            f"The picture has 32-bit values from {low} to {high}, whose range is unknown; convert "
            "it to 8 bits."
        )
    grey = grey if high <= 255 else grey >> 8
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _array_cure(pixels: np.ndarray) -> str:
    """What would make this array a picture."""
    if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[-1] != 3:
        return "Its colours come first: transpose it to [height width 3]."
    if pixels.ndim == 3 and pixels.shape[-1] == 4:
        return "Leave its fourth channel out, or give it as a PIL image."
    if pixels.ndim == 2:
        return "Repeat grey values three times, or give them as a PIL image."
    if pixels.dtype.kind == "f" and pixels.ndim == 3 and pixels.shape[-1] == 3:
        return "Scale it to 0 .. 255 and convert it: (255 * array).round().astype(np.uint8)."
    return "Convert it first."


def _check_array(pixels: np.ndarray, max_megapixels: float) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise PictureError(
            f"A picture array must be uint8 RGB [height width 3]; this one is {pixels.dtype} "
            f"of shape {pixels.shape}. {_array_cure(pixels)}"
        )
    _check_size((pixels.shape[1], pixels.shape[0]), max_megapixels)
    return np.ascontiguousarray(pixels)
