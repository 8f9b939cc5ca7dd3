"""Pictures of every kind become the same upright RGB; hostile files get one sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deformviz.tracing.pictures import PictureError, read_picture

WIDTH, HEIGHT = 7, 5


def colourful():
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def encode(image, file_format, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def png_header(width, height, body=b""):
    """A PNG that claims a size; nothing but the header is true."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize(
    "file_format, options",
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_files_come_back_exactly(file_format, options):
    pixels = colourful()
    assert np.array_equal(read_picture(encode(pixels, file_format, **options)), pixels)


def test_a_jpeg_comes_back_nearly():
    smooth = np.full((HEIGHT * 8, WIDTH * 8, 3), (200, 40, 90), np.uint8)
    assert np.abs(read_picture(encode(smooth, "JPEG")).astype(int) - smooth).max() < 6


def test_a_path_a_pil_image_and_an_array_give_the_same_picture(tmp_path):
    pixels = colourful()
    path = tmp_path / "picture.png"
    path.write_bytes(encode(pixels, "PNG"))
    for source in (path, str(path), Image.fromarray(pixels), pixels):
        assert np.array_equal(read_picture(source), pixels)


def test_grey_and_palette_pictures_become_rgb():
    grey = colourful()[..., 0]
    assert np.array_equal(read_picture(encode(grey, "PNG")), np.repeat(grey[..., None], 3, -1))
    palette = Image.fromarray(colourful()).quantize(4)
    expected = np.asarray(palette.convert("RGB"))
    assert np.array_equal(read_picture(encode(palette, "PNG")), expected)
    assert np.array_equal(read_picture(encode(palette, "GIF")), expected)


def test_sixteen_bit_grey_keeps_its_upper_byte():
    values = np.array([[0, 255, 256, 0x8000, 0xFFFF]], np.uint16)
    assert read_picture(encode(values, "PNG"))[0, :, 0].tolist() == [0, 0, 1, 0x80, 0xFF]


def test_transparency_lies_over_white():
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    picture = read_picture(encode(rgba, "PNG"))
    assert picture[0, 0].tolist() == [10, 20, 30]
    assert abs(int(picture[0, 1, 0]) - 127) <= 1
    assert picture[2, 3].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb():
    cmyk = Image.new("CMYK", (WIDTH * 8, HEIGHT * 8), (0, 255, 255, 0))
    red, green, blue = read_picture(encode(cmyk, "JPEG", quality=95))[4, 4]
    assert red > 220 and green < 60 and blue < 60


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright
    picture = read_picture(encode(colourful(), "PNG", exif=exif))
    assert picture.shape == (WIDTH, HEIGHT, 3)
    assert np.array_equal(picture, np.rot90(colourful(), -1))


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_counts(file_format):
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("#102030", "#f0e0d0")]
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert read_picture(data)[2, 2].tolist() == [0x10, 0x20, 0x30]


def test_one_pixel_and_a_short_line_are_pictures_too():
    assert read_picture(encode(np.zeros((1, 1, 3), np.uint8), "PNG")).shape == (1, 1, 3)
    assert read_picture(encode(np.zeros((1, 100, 3), np.uint8), "PNG")).shape == (1, 100, 3)


def test_a_picture_of_which_a_model_would_see_a_line_is_refused_with_its_cure():
    for size_hw in ((20_000, 2), (1, 101)):
        with pytest.raises(PictureError, match="times as long as it is wide.*Cut it into pieces"):
            read_picture(np.zeros((*size_hw, 3), np.uint8))


@pytest.mark.parametrize("file_format", ["AVIF", "TIFF"])
def test_pictures_of_phones_and_scanners_are_read(file_format):
    smooth = np.full((HEIGHT * 8, WIDTH * 8, 3), (200, 40, 90), np.uint8)
    assert np.abs(read_picture(encode(smooth, file_format)).astype(int) - smooth).max() < 6


def test_an_open_file_and_a_tensor_are_pictures(tmp_path):
    import torch

    pixels = colourful()
    path = tmp_path / "picture.png"
    path.write_bytes(encode(pixels, "PNG"))
    used = io.BytesIO(path.read_bytes())
    used.read(3)  # somebody looked at its header
    with path.open("rb") as file:
        for source in (file, used, torch.from_numpy(pixels), bytearray(path.read_bytes())):
            assert np.array_equal(read_picture(source), pixels)


def test_whole_numbers_of_32_bits_keep_their_values():
    grey = colourful()[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=-1)
    assert np.array_equal(read_picture(Image.fromarray(grey.astype(np.int32))), expected)
    wide = Image.fromarray(grey.astype(np.int32) * 257)
    assert np.array_equal(read_picture(wide), expected)
    with pytest.raises(PictureError, match="32-bit values from -1 to .*convert it to 8 bits"):
        read_picture(Image.fromarray(grey.astype(np.int32) - 1 - int(grey.min())))


@pytest.mark.parametrize(
    "source, sentence",
    [
        (None, "this is None"),
        (["a.png", "b.png"], "a list of 2; give them one by one"),
        (7, "this is a int"),
        ("https://example.org/cat.jpg", "nothing is fetched from a network"),
        ("file://./cat.jpg", "Download the picture and give its path"),
        (".", "is a folder; choose one picture in it"),
        ("a\0b.png", "There is no file"),
        ("~nobody-of-this-name/x.png", "There is no file"),
        ("a" * 5000, "There is no file"),
        (io.StringIO("text"), "binary mode"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC picture.*save it as JPEG"),
        (np.zeros((3, HEIGHT, WIDTH), np.uint8), "colours come first"),
        (np.zeros((HEIGHT, WIDTH, 4), np.uint8), "Leave its fourth channel out"),
        (np.zeros((HEIGHT, WIDTH, 3)), r"Scale it to 0 \.\. 255"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(source, sentence):
    with pytest.raises(PictureError, match=sentence) as caught:
        read_picture(source)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "is empty"),
        (b"%PDF-1.7 not a picture at all", "not an image this program reads"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image this program reads"),
        (png_header(30, 20, b"nonsense"), "truncated or damaged"),
        (png_header(8000, 6000), "8000×6000 pixels, more than the 40 megapixels"),
        (png_header(60000, 60000), "more than the 40 megapixels"),
    ],
)
def test_hostile_bytes_get_one_sentence(data, sentence):
    with pytest.raises(PictureError, match=sentence) as caught:
        read_picture(data)
    assert str(caught.value).count(". ") == 0 and str(caught.value).endswith(".")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_half_a_file_is_refused(file_format):
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    data = encode(noise, file_format)
    with pytest.raises(PictureError, match="damaged|not an image"):
        read_picture(data[: len(data) // 2])


def test_size_is_checked_before_anything_is_decoded(monkeypatch):
    def decode(self):
        raise AssertionError("the decoder ran")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decode)
    with pytest.raises(PictureError, match="40 megapixels"):
        read_picture(png_header(9000, 5000))


def test_large_files_are_refused_unread(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(b"0" * 2000)
    with pytest.raises(PictureError, match="large.png has 0.0 MB"):
        read_picture(path, max_bytes=1000)
    with pytest.raises(PictureError, match="There is no file"):
        read_picture(tmp_path / "missing.png")


def test_arrays_must_be_bytes_of_rgb():
    with pytest.raises(PictureError, match="float32"):
        read_picture(np.zeros((HEIGHT, WIDTH, 3), np.float32))
    with pytest.raises(PictureError, match="shape"):
        read_picture(np.zeros((HEIGHT, WIDTH), np.uint8))
