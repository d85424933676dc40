import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from radtune.images.decode import DecodedImage, RejectedImage, _decode_plain_jpeg, _is_plain_jpeg, decode, to_rgb

BLACK = (0, 0, 0)
GREEN = (10, 200, 30)
PIXELS = 10_000_000


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=file_format, **options)
    return file.getvalue()


def rgb(decoded: DecodedImage) -> np.ndarray[Any, Any]:
    return np.asarray(Image.fromarray(decoded.pixels).convert("RGB"))


def corner(number: int) -> Image.Image:
    """A 24 x 16 picture, dark but for a bright block in the top left corner, stored as EXIF orientation ``number`` says."""
    upright = np.zeros((16, 24), np.uint8)
    upright[:6, :9] = 255
    # What each orientation stores, by its definition in EXIF 2.3, 4.6.4 (row 0 and column 0 of the stored picture).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[number]
    return Image.fromarray(np.ascontiguousarray(stored))


def exif(number: int) -> Image.Exif:
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = number
    return block


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("number", range(1, 9))
def test_every_orientation_becomes_upright(file_format: str, number: int) -> None:
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(file_format, {})
    decoded = decode(encoded(corner(number), file_format, exif=exif(number), **options), BLACK, PIXELS)
    assert decoded.steps["orientation"] == number
    assert decoded.size == (24, 16)
    assert rgb(decoded).shape == (16, 24, 3)
    bright = rgb(decoded).min(axis=2) > 127
    assert bright[:6, :9].all()
    assert bright.sum() == 6 * 9


def test_malformed_exif_does_not_cost_the_picture() -> None:
    content = encoded(corner(6), "WEBP", exif=exif(6), lossless=True)
    decoded = decode(content.replace(b"MM\x00*", b"MM\x00?"), BLACK, PIXELS)  # not the number that begins a TIFF header
    assert decoded.steps["orientation"] is None
    assert decoded.size == (16, 24)


@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_a_malformed_tag_beside_the_orientation_does_not_cost_it() -> None:
    block = exif(6)
    block[ExifTags.Base.ResolutionUnit] = 2
    content = encoded(corner(6), "JPEG", exif=block, quality=95)
    unit = content.index(ExifTags.Base.ResolutionUnit.to_bytes(2, "big"))
    decoded = decode(content[: unit + 2] + b"\x00\x0c" + content[unit + 4 :], BLACK, PIXELS)  # type 12, a float of 8 bytes
    assert decoded.steps["orientation"] == 6
    assert decoded.size == (24, 16)


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "P", "LA", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16", "I;16L", "I;16B"],
)
def test_every_mode_becomes_rgb(mode: str) -> None:
    pixels, _ = to_rgb(Image.new(mode, (5, 3)), BLACK)
    assert (pixels.mode, pixels.size) == ("RGB", (5, 3))


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [
        ("1", "PNG"),
        ("L", "JPEG"),
        ("P", "GIF"),
        ("P", "PNG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "JPEG"),
        ("LAB", "TIFF"),
    ],
)
def test_colour_survives_every_way_of_storing_it(mode: str, file_format: str) -> None:
    grey = (200, 200, 200) if mode != "1" else (255, 255, 255)
    image = Image.new("RGB", (8, 8), grey)
    lightness = round(80.6 * 2.55)  # L* of sRGB 200 is 80.6
    special = {"LAB": Image.new("LAB", (8, 8), (lightness, 128, 128)), "P": image.quantize()}
    stored = special.get(mode) or image.convert(mode)
    decoded = decode(encoded(stored, file_format), BLACK, PIXELS)
    assert np.abs(rgb(decoded).astype(int) - np.array(grey)).max() <= 3


@pytest.mark.parametrize(
    ("values", "mode", "file_format"),
    [
        (np.array([[1000, 1500, 2000]], np.uint16), "I;16", "PNG"),
        (np.array([[1000, 1500, 2000]], np.uint16), "I;16", "TIFF"),
        (np.array([[-500, 0, 500]], np.int32), "I", "TIFF"),
        (np.array([[-0.5, 0.0, 0.5]], np.float32), "F", "TIFF"),
    ],
)
def test_deep_images_are_scaled_by_their_own_range(values: np.ndarray[Any, Any], mode: str, file_format: str) -> None:
    decoded = decode(encoded(Image.fromarray(values), file_format), BLACK, PIXELS)
    assert decoded.mode == mode
    assert rgb(decoded)[0, :, 0].tolist() == [0, 128, 255]
    assert decoded.steps["scaled_from"] == [values.min(), values.max()]


def test_big_endian_16_bits() -> None:
    image = Image.frombytes("I;16B", (3, 1), np.array([[256, 512, 768]], ">u2").tobytes())
    assert np.asarray(to_rgb(image, BLACK)[0])[0, :, 0].tolist() == [0, 128, 255]


def test_a_window_clips_what_lies_outside_its_percentiles() -> None:
    values = np.arange(101, dtype=np.uint16).reshape(1, 101) * 10
    values[0, 100] = 60_000  # a bright marker
    decoded = decode(encoded(Image.fromarray(values), "PNG"), BLACK, PIXELS, window=(10, 90))
    grey = rgb(decoded)[0, :, 0].tolist()
    assert decoded.steps["scaled_from"] == [100, 900]
    assert (grey[:11], grey[51], grey[90:]) == ([0] * 11, 131, [255] * 11)


def test_values_that_are_not_finite_do_not_stretch_the_range() -> None:
    image = Image.fromarray(np.array([[np.nan, -np.inf, 0, 1, 2, np.inf]], np.float32))
    pixels, steps = to_rgb(image, BLACK)
    assert np.asarray(pixels)[0, :, 0].tolist() == [0, 0, 0, 128, 255, 255]
    assert steps == {"scaled_from": [0.0, 2.0]}


def test_a_constant_deep_image_is_black_and_one_without_values_is_damaged() -> None:
    flat, _ = to_rgb(Image.fromarray(np.full((2, 2), 700, np.uint16)), BLACK)
    assert not np.asarray(flat).any()
    with pytest.raises(RejectedImage, match=r"damaged: .*no finite pixel"):
        decode(encoded(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"), BLACK, PIXELS)


def test_transparency_lies_over_the_fill_colour() -> None:
    rgba = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    rgba.putpixel((1, 0), (250, 0, 0, 255))
    decoded = decode(encoded(rgba, "PNG"), GREEN, PIXELS)
    assert [tuple(pixel) for pixel in rgb(decoded)[0]] == [GREEN, (250, 0, 0), GREEN]
    assert decoded.steps["alpha"] is True
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    decoded = decode(encoded(palette, "PNG", transparency=0), GREEN, PIXELS)
    assert [tuple(pixel) for pixel in rgb(decoded)[0]] == [GREEN, (0, 0, 255)]


def test_first_of_several_frames() -> None:
    frames = [Image.new("L", (4, 4), value) for value in (50, 100, 150)]
    decoded = decode(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]), BLACK, PIXELS)
    assert tuple(rgb(decoded)[0, 0]) == (50, 50, 50)
    assert decoded.steps["frames"] == 3


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "JPEG2000"])
def test_truncated_files_are_rejected(file_format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    content = encoded(Image.fromarray(noise), file_format)
    with pytest.raises(RejectedImage) as problem:
        decode(content[: len(content) // 2], BLACK, PIXELS)
    assert problem.value.reason in {"damaged", "not_an_image"}


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_not_an_image(content: bytes) -> None:
    with pytest.raises(RejectedImage, match="not_an_image"):
        decode(content, BLACK, PIXELS)


def test_formats_that_would_start_another_program_are_refused() -> None:
    with pytest.raises(RejectedImage, match="not_an_image"):
        decode(encoded(Image.new("RGB", (4, 4)), "EPS"), BLACK, PIXELS)


def test_bombs_are_refused_before_their_pixels_are_decoded() -> None:
    with pytest.raises(RejectedImage, match="too_large: 100 x 50 pixels, more than 4999"):
        decode(encoded(Image.new("1", (100, 50)), "PNG"), BLACK, 4_999)
    decode(encoded(Image.new("1", (100, 50)), "PNG"), BLACK, 5_000)
    huge = encoded(Image.new("1", (1, 1)), "BMP")
    huge = huge[:18] + (60_000).to_bytes(4, "little") * 2 + huge[26:]  # a header that promises 3.6 gigapixels
    with pytest.raises(RejectedImage, match="too_large"):
        decode(huge, BLACK, PIXELS)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_grey_picture_has_one_channel_however_it_is_stored(file_format: str) -> None:
    grey = Image.effect_noise((40, 90), 60)
    for mode in ("L", "RGB"):
        content = encoded(grey.convert(mode), file_format)
        decoded = decode(content, BLACK, PIXELS)
        assert decoded.pixels.shape == (90, 40)
        assert np.array_equal(rgb(decoded), by_pillow(content))
    coloured = grey.convert("RGB")
    coloured.putpixel((7, 89), (10, 11, 10))  # one step of one channel is colour
    assert decode(encoded(coloured, "PNG"), BLACK, PIXELS).pixels.shape == (90, 40, 3)


def by_pillow(content: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


PHOTO = Image.fromarray(np.random.default_rng(2).integers(0, 256, (12, 17, 3), np.uint8)).resize((171, 123))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plain_jpeg_has_pillows_pixels_and_record(mode: str, subsampling: int, progressive: bool) -> None:
    content = encoded(PHOTO.convert(mode), "JPEG", quality=80, subsampling=subsampling, progressive=progressive)
    plain = _decode_plain_jpeg(content, mode, None)
    assert plain is not None
    assert plain.shape == ((123, 171, 3) if mode == "RGB" else (123, 171))
    decoded = decode(content, BLACK, PIXELS)
    assert np.array_equal(rgb(decoded), by_pillow(content))
    assert (decoded.mode, decoded.size, decoded.steps) == (mode, (171, 123), {"orientation": 1, "frames": 1})


def adobe(content: bytes, transform: int) -> bytes:
    """The JPEG file with Adobe's marker, in which ``transform`` says how colour is stored."""
    return content[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform]) + content[2:]


@pytest.mark.parametrize("transform", [0, 1])
def test_adobes_marker_is_obeyed(transform: int) -> None:
    content = adobe(encoded(PHOTO, "JPEG", quality=95)[20:].join([b"\xff\xd8", b""]), transform)  # without the JFIF marker
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["adobe_transform"] == transform
        assert _is_plain_jpeg(image) == (transform == 1)
    assert np.array_equal(rgb(decode(content, BLACK, PIXELS)), by_pillow(content))
    # Read as RGB, the same bytes are another picture: the marker matters.
    assert (np.abs(by_pillow(content).astype(int) - np.asarray(PHOTO)).mean() < 10) == (transform == 1)


def test_cmyk_and_several_frames_are_left_to_pillow() -> None:
    cmyk = encoded(PHOTO.convert("CMYK"), "JPEG")
    several = encoded(PHOTO, "MPO", save_all=True, append_images=[PHOTO.rotate(180)])
    for content in (cmyk, several):
        with Image.open(io.BytesIO(content)) as image:
            assert not _is_plain_jpeg(image)
    assert np.array_equal(rgb(decode(cmyk, BLACK, PIXELS)), by_pillow(cmyk))
    decoded = decode(several, BLACK, PIXELS)
    assert np.array_equal(rgb(decoded), by_pillow(several))
    assert decoded.steps["frames"] == 2


def test_a_jpeg_cut_anywhere_is_rejected() -> None:
    content = encoded(PHOTO, "JPEG", quality=90)
    for length in range(2, len(content) - 2, 97):
        with pytest.raises(RejectedImage) as problem:
            decode(content[:length], BLACK, PIXELS)
        assert problem.value.reason == ("not_an_image" if length < content.index(b"\xff\xda") else "damaged")


def test_what_simplejpeg_refuses_is_judged_by_pillow() -> None:
    content = encoded(PHOTO, "JPEG", quality=90)
    middle = content.index(b"\xff\xda") + (len(content) - content.index(b"\xff\xda")) // 2
    broken = content[:middle] + b"\xff\xd3" + content[middle:]  # a restart marker where none belongs
    assert _decode_plain_jpeg(broken, "RGB", None) is None
    assert np.array_equal(rgb(decode(broken, BLACK, PIXELS)), by_pillow(broken))


def test_scaled_decoding_stays_above_the_size_that_is_wanted() -> None:
    content = encoded(PHOTO.resize((1000, 600)), "JPEG", quality=95)
    full = decode(content, BLACK, PIXELS)
    for side, expected in ((501, (1000, 600)), (500, (500, 300)), (251, (375, 225)), (120, (125, 75)), (20, (125, 75))):
        decoded = decode(content, BLACK, PIXELS, scaled_to=side)
        assert (rgb(decoded).shape[1::-1], decoded.size) == (expected, (1000, 600))
        assert decoded.steps.get("decoded_size") == (None if expected == (1000, 600) else list(expected))
        means = rgb(full).mean(axis=(0, 1))
        assert np.abs(rgb(decoded).mean(axis=(0, 1)) - means).max() < 1


def test_real_jpegs_decode_to_pillows_pixels(rocov2_mini: Path) -> None:
    for path in sorted(rocov2_mini.rglob("*.jpg"))[::4]:
        content = path.read_bytes()
        assert _decode_plain_jpeg(content, Image.open(path).mode, None) is not None, path
        assert np.array_equal(rgb(decode(content, BLACK, PIXELS)), by_pillow(content)), path
