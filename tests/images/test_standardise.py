import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.config.images import ImageSettings
from radtune.errors import ConfigError
from radtune.images.perceptual_hash import inner_hash, perceptual_hash
from radtune.images.shards import shard_of
from radtune.images.standardise import standardise, standardise_image

SMALL = ImageSettings(size=32, shards=1)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="png")
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def run(captions: Path, shard: int, settings: ImageSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Rows, quarantine rows and footer of one shard."""
    output, quarantine = captions.with_name(f"images-{shard}.parquet"), captions.with_name(f"quarantine-{shard}.parquet")
    standardise([captions], output, quarantine, shard=shard, settings=settings, seed=1)
    return read_rows(output, IMAGES), read_rows(quarantine, QUARANTINE), read_footer(output)


@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    side=st.integers(1, 64),
    resample=st.sampled_from(["lanczos", "bicubic", "area"]),
)
def test_padding_is_exact(width: int, height: int, side: int, resample: Any) -> None:
    fill, colour = (9, 80, 200), (240, 120, 60)
    chosen = ImageSettings(size=side, fill=fill, format="png", resample=resample)
    result = standardise_image(png(Image.new("RGB", (width, height), colour)), chosen)
    pixels = np.asarray(opened(result.content))
    assert pixels.shape == (side, side, 3)
    (inner_width, inner_height), (left, top) = result.transform["size"], result.transform["offset"]
    inside = np.zeros((side, side), bool)
    inside[top : top + inner_height, left : left + inner_width] = True
    assert (pixels[inside] == colour).all()
    assert (pixels[~inside] == fill).all()
    assert inside.sum() == inner_width * inner_height
    assert 0 <= (side - inner_width) - 2 * left <= 1
    assert 0 <= (side - inner_height) - 2 * top <= 1


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_output_carries_no_metadata(file_format: Any) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane Roe, born 1950"
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", "Jane Roe, born 1950")
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(file, format="png", exif=exif, pnginfo=text, icc_profile=b"Jane Roe, born 1950")
    result = standardise_image(file.getvalue(), ImageSettings(size=32, format=file_format))
    image = opened(result.content)
    assert b"Jane Roe" in file.getvalue()
    assert b"Jane Roe" not in result.content
    assert image.format == file_format.upper()
    assert not image.getexif()
    assert "icc_profile" not in image.info


SECRET = "Jane Roe, born 1950"


def with_all_metadata(file_format: str) -> bytes:
    """A picture with the secret in every block of metadata that the format has and Pillow writes."""
    picture, secret, file = Image.new("RGB", (40, 20), "white"), SECRET.encode(), io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = exif[ExifTags.Base.ImageDescription] = SECRET
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = secret
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = secret
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + secret
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{SECRET}</x:xmpmeta>'.encode()
    if file_format == "JPEG":
        picture.save(file, "JPEG", exif=exif, icc_profile=profile, comment=secret, xmp=xmp)
        iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(secret + b"\x1c\x02\x50\0\0").to_bytes(4)
        block = iptc + b"\x1c\x02\x50" + len(secret).to_bytes(2) + secret  # IPTC 2:80, by-line, in marker APP13
        content = file.getvalue()
        return content[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2) + block + content[2:] + secret
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Patient", SECRET)
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        text.add(b"prVt", secret)
        picture.save(file, "PNG", exif=exif, pnginfo=text, icc_profile=profile)
        return file.getvalue() + secret
    if file_format == "TIFF":
        tags = {270: SECRET, 315: SECRET, 700: xmp, 33723: secret, 50341: secret}  # description, artist, XMP, IPTC, private
        picture.save(file, "TIFF", tiffinfo=tags, icc_profile=profile)
    elif file_format == "GIF":
        picture.save(file, "GIF", comment=secret)
    else:
        picture.save(file, file_format, exif=exif, icc_profile=profile, xmp=xmp)
    return file.getvalue()


def blocks(content: bytes, file_format: str) -> set[bytes]:
    """Names of the blocks that an image file is made of: markers of JPEG, chunks of PNG and WebP."""
    found, place = set(), {"jpeg": 2, "png": 8, "webp": 12}[file_format]
    while place < len(content):
        if file_format == "jpeg":
            name, size = content[place : place + 2], int.from_bytes(content[place + 2 : place + 4]) + 2
        elif file_format == "png":
            name, size = content[place + 4 : place + 8], int.from_bytes(content[place : place + 4]) + 12
        else:
            name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little") + 8
        found.add(name)
        if name == b"\xff\xda":  # start of scan: pixels up to the end of the image
            assert content.index(b"\xff\xd9", place) == len(content) - 2
            break
        place += size + (size % 2 if file_format == "webp" else 0)
    return found


PIXELS_ONLY = {
    "jpeg": {b"\xff\xe0", b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda"},  # JFIF, tables, frame, scan
    "png": {b"IHDR", b"IDAT", b"IEND"},
    "webp": {b"VP8 "},
}


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF", "GIF", "WEBP"])
@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_only_pixels_are_left_of_a_file_full_of_metadata(source: str, file_format: Any) -> None:
    """EXIF with GPS, XMP, IPTC, ICC, comments, texts, private blocks, and what follows the end."""
    content = with_all_metadata(source)
    assert content.count(SECRET.encode()) >= {"JPEG": 7, "PNG": 6, "TIFF": 5, "GIF": 1, "WEBP": 4}[source]
    result = standardise_image(content, ImageSettings(size=32, format=file_format)).content
    assert SECRET.encode() not in result
    assert blocks(result, file_format) <= PIXELS_ONLY[file_format]


def test_bad_files_are_quarantined_with_their_reason(write_captions: Any, tmp_path: Path) -> None:
    noise = png(Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)))
    contents = {
        "good": noise,
        "truncated": noise[: len(noise) // 2],
        "empty": b"",
        "page": b"<html>404</html>",
        "bomb": png(Image.new("1", (200, 200))),
        "heavy": noise + b"\0" * 20_000,
        "changed": noise,
        "missing": noise,
        "folder": b"",
    }
    files = {name: tmp_path / f"{name}.png" for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    captions = write_captions(files)
    files["changed"].write_bytes(png(Image.new("L", (3, 3))))
    files["missing"].unlink()
    files["folder"].unlink()
    files["folder"].mkdir()
    chosen = ImageSettings(size=32, shards=1, maximum_pixels=10_000, maximum_bytes=20_000)
    rows, quarantine, footer = run(captions, 0, chosen)
    assert [row["item_id"] for row in rows] == ["good"]
    assert {row["item_id"]: row["reason"] for row in quarantine} == {
        "bomb": "too_large",
        "changed": "digest_differs",
        "empty": "empty",
        "folder": "missing",
        "heavy": "too_large",
        "missing": "missing",
        "page": "not_an_image",
        "truncated": "damaged",
    }
    assert all(str(files[row["item_id"]]) in row["detail"] for row in quarantine)
    assert footer["dropped"] == {
        "damaged": 1, "digest_differs": 1, "empty": 1, "missing": 2, "not_an_image": 1, "too_large": 2,
    }  # fmt: skip
    assert footer["rows_in"] == footer["rows_out"] + sum(footer["dropped"].values()) == len(files)


def test_shards_partition_the_items_and_their_number_changes_no_image(write_captions: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    files = {f"item-{number:02d}": tmp_path / f"{number}.png" for number in range(20)}
    for path in files.values():
        shape = (*random.integers(5, 60, 2), 3)
        path.write_bytes(png(Image.fromarray(random.integers(0, 255, shape, np.uint8))))
    captions = write_captions(files)
    digests = []
    for shards in (1, 3):
        parts = [run(captions, shard, ImageSettings(size=32, shards=shards))[0] for shard in range(shards)]
        for shard, rows in enumerate(parts):
            ids = [row["item_id"] for row in rows]
            assert ids == sorted(item_id for item_id in files if shard_of(item_id, shards) == shard)
        together = [row for rows in parts for row in rows]
        assert len(together) == len(files)
        digests.append({row["item_id"]: row["sha256"] for row in together})
        assert all(hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["sha256"] for row in together)
    assert digests[0] == digests[1]


def test_a_row_says_what_was_done(write_captions: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("L", (64, 16), 128).save(tmp_path / "a.jpg", exif=exif)
    (row,), _, _ = run(write_captions({"a": tmp_path / "a.jpg"}), 0, SMALL)
    assert (row["width"], row["height"], row["original_width"], row["original_height"]) == (32, 32, 16, 64)
    assert (row["original_mode"], row["image"]["path"]) == ("L", "a.jpg")
    assert json.loads(row["transform"]) == {
        "fill": [0, 0, 0], "frames": 1, "offset": [12, 0], "orientation": 6, "scale": 0.5, "size": [8, 32],
    }  # fmt: skip


def test_the_hashes_are_those_of_the_picture_without_its_padding(write_captions: Any, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (16, 32), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (row,), _, _ = run(write_captions({"a": tmp_path / "a.png"}), 0, SMALL)
    assert row["perceptual_hash"] == perceptual_hash(noise) > 2**63 - 1
    assert row["inner_hash"] == inner_hash(noise)


def test_the_footer_tells_hugging_face_that_the_column_holds_images(write_captions: Any, tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    captions = write_captions({"a": tmp_path / "a.png"})
    run(captions, 0, SMALL)
    schema = pq.read_schema(captions.with_name("images-0.parquet"))
    assert json.loads(schema.metadata[b"huggingface"])["info"]["features"]["image"] == {"_type": "Image"}
    # The features of `datasets` count only where their type is that of the column.
    assert schema.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_the_same_run_twice_gives_the_same_content(write_captions: Any, tmp_path: Path) -> None:
    Image.effect_noise((50, 30), 60).save(tmp_path / "a.png")
    captions = write_captions({"a": tmp_path / "a.png"})
    digests = set()
    for seed in (1, 2):
        output = tmp_path / f"{seed}.parquet"
        standardise([captions], output, tmp_path / "quarantine.parquet", shard=0, settings=SMALL, seed=seed)
        digests.add(content_digest(output, IMAGES))
    assert len(digests) == 1


def test_images_of_several_data_sets_with_and_without_captions(write_captions: Any, tmp_path: Path) -> None:
    Image.effect_noise((50, 30), 60).save(tmp_path / "a.png")
    first = write_captions({"a": tmp_path / "a.png"}).rename(tmp_path / "first.parquet")
    further = write_captions({"slake/a": tmp_path / "a.png"})
    output = tmp_path / "images.parquet"
    standardise([first, further], output, tmp_path / "quarantine.parquet", shard=0, settings=SMALL, seed=1)
    assert [row["item_id"] for row in read_rows(output, IMAGES)] == ["a", "slake/a"]
    assert [Path(record["path"]) for record in read_footer(output)["inputs"].values()] == [first, further]


def test_a_shard_without_items_is_an_empty_artifact(write_captions: Any) -> None:
    rows, quarantine, footer = run(write_captions({}), 0, SMALL)
    assert (rows, quarantine, footer["rows_in"]) == ([], [], 0)


def test_no_such_shard(write_captions: Any) -> None:
    with pytest.raises(ConfigError, match="give 0 to 0"):
        run(write_captions({}), 1, SMALL)


@pytest.mark.usefixtures("rocov2_mini")
def test_real_images_all_survive(rocov2_mini: Path, write_captions: Any) -> None:
    files = {path.stem: path for path in sorted(rocov2_mini.glob("test_images/**/*.jpg"))}
    rows, quarantine, _ = run(write_captions(files), 0, ImageSettings(size=64, shards=1))
    assert (len(rows), quarantine) == (len(files), [])
    for row in rows:
        with Image.open(files[row["item_id"]]) as source:
            assert {row["original_width"], row["original_height"]} == set(source.size)
