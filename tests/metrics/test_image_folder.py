from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radtune.errors import DataError
from radtune.metrics.image_folder import ImageFolder


def test_images_by_id_in_any_mode_and_folder(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    Image.new("P", (5, 4)).save(tmp_path / "palette.png")
    Image.new("CMYK", (6, 4)).save(tmp_path / "below" / "four.JPG", format="JPEG")
    Image.fromarray(np.arange(35, dtype=np.uint16).reshape(5, 7) * 1_000).save(tmp_path / "deep.png")
    (tmp_path / "notes.txt").write_text("no image")
    images = ImageFolder(tmp_path)
    for item_id, size in {"palette": (5, 4), "four": (6, 4), "deep": (7, 5)}.items():
        assert item_id in images
        image = images.image(item_id)
        assert (image.mode, image.size) == ("RGB", size)
    assert "notes" not in images


def test_what_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "spoilt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    images = ImageFolder(tmp_path)
    for item_id, message in {"absent": "no image of absent", "spoilt": "spoilt.png"}.items():
        with pytest.raises(DataError, match=message):
            images.image(item_id)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        ImageFolder(tmp_path / "none")
    for name in ("a.png", "a.jpg"):
        Image.new("L", (2, 2)).save(tmp_path / name)
    with pytest.raises(DataError, match="two images of a"):
        ImageFolder(tmp_path)
