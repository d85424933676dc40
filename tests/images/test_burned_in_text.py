"""Burned-in text, found by the real recogniser in real images, with words drawn onto them and without."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.data import get_testdata_file

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.burned_in_text import BURNED_IN_TEXT
from radtune.config.images import BurnedInTextSettings, ImageSettings
from radtune.images.burned_in_text import find_burned_in_text
from radtune.images.standardise import standardise

pytest.importorskip("rapidocr", reason="the extra phi is not installed")

NAME, DATE = "ROE, JANE", "1950-02-03"
SETTINGS = ImageSettings(size=256, shards=1, burned_in_text=BurnedInTextSettings(find=True))


def scan(file: str) -> Image.Image:
    """A real CT or MR slice without any text, enlarged."""
    pixels = dcmread(get_testdata_file(file)).pixel_array.astype(float)
    low, high = np.percentile(pixels, (1, 99))
    grey = (np.clip((pixels - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(grey).resize((512, 384))


def with_words(image: Image.Image, *lines: str, size: int = 30) -> Image.Image:
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=size)
    for number, line in enumerate(lines):
        draw.text((12, 8 + number * (size + 8)), line, fill=255, font=font, stroke_width=1, stroke_fill=0)
    return image


@pytest.fixture
def look(tmp_path: Path, write_captions: Any) -> Any:
    """Standardise images and look for text in them: the rows by item id."""

    def look(images: dict[str, Image.Image], settings: ImageSettings = SETTINGS) -> dict[str, dict[str, Any]]:
        for item_id, image in images.items():
            image.save(tmp_path / f"{item_id}.png")
        captions = write_captions({item_id: tmp_path / f"{item_id}.png" for item_id in images})
        standardised = tmp_path / "images.parquet"
        standardise([captions], standardised, tmp_path / "quarantine.parquet", shard=0, settings=settings, seed=1)
        find_burned_in_text(standardised, tmp_path / "text.parquet", settings=settings, seed=1)
        return {row["item_id"]: row for row in read_rows(tmp_path / "text.parquet", BURNED_IN_TEXT)}

    return look


def test_names_are_found_and_never_told(
    look: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    rows = look(
        {
            "ct": scan("CT_small.dcm"),
            "mr": scan("MR_small.dcm"),
            "named_ct": with_words(scan("CT_small.dcm"), NAME, DATE),
            "named_mr": with_words(scan("MR_small.dcm"), NAME, DATE),
            "marker": with_words(scan("MR_small.dcm"), "R"),
        }
    )
    assert {item_id: row["flagged"] for item_id, row in rows.items()} == {
        "ct": False,
        "mr": False,
        "named_ct": True,
        "named_mr": True,
        "marker": False,
    }
    assert [rows[item_id]["characters"] for item_id in ("ct", "mr")] == [0, 0]
    assert rows["named_ct"]["lines"] == 2
    assert abs(rows["named_ct"]["characters"] - len(NAME + DATE)) <= 2
    assert 0.02 < rows["named_ct"]["share"] < 0.2
    footer = read_footer(tmp_path / "text.parquet")
    assert footer["notes"]["flagged"] == 2
    assert footer["rows_in"] == footer["rows_out"] == 5
    assert footer["notes"]["with_text"] in (2, 3)  # a lone letter may or may not be read
    printed = capfd.readouterr()
    for told in (json.dumps(list(rows.values())), json.dumps(footer), caplog.text, printed.out, printed.err):
        assert "ROE" not in told
        assert "JANE" not in told
        assert DATE not in told


def test_the_threshold_and_the_result_of_a_second_look(look: Any, tmp_path: Path) -> None:
    images = {"named": with_words(scan("CT_small.dcm"), NAME, DATE)}
    first = look(images)
    digest = read_footer(tmp_path / "text.parquet")["content_digest"]
    assert first["named"]["flagged"]
    look(images)
    assert read_footer(tmp_path / "text.parquet")["content_digest"] == digest
    strict = BurnedInTextSettings(find=True, minimum_characters=first["named"]["characters"] + 1)
    assert not look(images, SETTINGS.model_copy(update={"burned_in_text": strict}))["named"]["flagged"]


def test_real_images_with_and_without_text(look: Any, rocov2_mini: Path) -> None:
    """Judged by eye: three that show no letter, two of them ultrasound fans that detection alone takes for one large word, and
    three with lines of text, two of which name a person and a date."""
    without = ("train_000070", "train_000163", "valid_000021")
    lines = ("train_000031", "train_000079", "train_000145")
    paths = {path.stem.removeprefix("ROCOv2mini_"): path for path in rocov2_mini.glob("*_images/**/*.jpg")}
    images = {item_id: Image.open(paths[item_id]) for item_id in (*without, *lines)}
    rows = look(images, SETTINGS.model_copy(update={"size": 512}))
    assert {item_id for item_id, row in rows.items() if row["flagged"]} == set(lines)
    assert not any(rows[item_id]["characters"] for item_id in without)


def test_looking_changes_no_standardised_image() -> None:
    other = ImageSettings(burned_in_text=BurnedInTextSettings(find=True, minimum_characters=3))
    assert other.standardising_canonical() == ImageSettings().standardising_canonical()
    assert other.canonical() != ImageSettings().canonical()
