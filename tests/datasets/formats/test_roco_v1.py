from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radtune.errors import DataError
from read_data_set import read_into
from small_data_set import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three splits of two figures each, of one article a split."""
    root = tmp_path / "roco"
    for split in ("train", "validation", "test"):
        own = root / f"data/{split}/radiology"
        own.mkdir(parents=True)
        ids = [f"ROCO_{len(split)}{number:04}" for number in (1, 2)]
        (own / "captions.txt").write_text("".join(f'{item}\t "R" marks {item}.\n' for item in ids))
        (own / "cuis.txt").write_text("".join(f"{item}\tC0040405\tC0030797\tC0040405\n" for item in ids))
        origins = [f"{item},PMC{len(split)}_fig.{number}.jpg,CC BY-NC" for number, item in enumerate(ids)]
        (own / "licences.txt").write_text("\n".join(["ROCO_ID,PMC_ID,CC", *origins]) + "\n")
        write_image(own / f"images/PMC{len(split)}_fig.0.jpg", 10 * len(split))
        write_image(own / f"images/{ids[1]}.jpg", 10 * len(split) + 1)
    return root


def test_captions_concepts_articles_and_licences_are_joined(folder: Path, tmp_path: Path) -> None:
    found = read_into(tmp_path / "out", folder, format="roco_v1")
    assert [row["split"] for row in found.captions] == ["train", "train", "valid", "valid", "test", "test"]
    first, second = found.captions[:2]
    assert first["caption"] == '"R" marks ROCO_50001.'
    assert first["concepts"] == ["C0040405", "C0030797"]
    assert first["image_path"].endswith("data/train/radiology/images/PMC5_fig.0.jpg")
    assert second["image_path"].endswith("data/train/radiology/images/ROCO_50002.jpg")
    assert (first["group_id"], first["licence"], first["attribution"], first["link"]) == (
        "PMC5",
        "CC BY-NC",
        "CC BY-NC [PMC5, fig.0.jpg]",
        "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC5",
    )
    assert found.quarantine == []


def test_real_text_of_the_validation_part(real_sample: Callable[[str], Path], tmp_path: Path) -> None:
    sample = real_sample("roco-v1/data/validation/radiology")
    own = tmp_path / "roco/data/validation/radiology"
    own.mkdir(parents=True)
    for table in sample.glob("*.txt"):
        (own / table.name).symlink_to(table)
    names = [line.split(",")[1] for line in (sample / "licences.txt").read_text().splitlines()[1:]]
    for number, name in enumerate(names):
        write_image(own / "images" / name, number)
    found = read_into(tmp_path / "out", tmp_path / "roco", format="roco_v1")
    assert len(found.captions) == 250
    first = found.captions[0]
    assert first["item_id"] == "ROCO_00020"
    assert first["caption"].startswith("Axial computed tomography scan of the pelvis")
    assert first["concepts"][:2] == ["C4300092", "C0040395"]
    assert (first["group_id"], first["licence"]) == ("PMC3970251", "CC BY")
    assert {row["reason"] for row in found.quarantine} == {"missing_split"}
    assert found.footer()["notes"]["caption_text"]["lost_spaces"] > 0


def test_bad_rows_have_a_reason(folder: Path, tmp_path: Path) -> None:
    own = folder / "data/train/radiology"
    (own / "cuis.txt").write_text("ROCO_50001\tC0040405\tT046\nROCO_50001\tC0030797\n\nROCO_59999\tC0040405\n")
    (own / "licences.txt").write_text(
        "ROCO_ID,PMC_ID,CC\nROCO_50001,fig.0.jpg,CC BY\nROCO_50002,PMC5_fig.1.jpg,NO-CC CODE\nROCO_50002,PMC9_fig.1.jpg,CC BY\n"
    )
    found = read_into(tmp_path / "out", folder, format="roco_v1")
    assert sorted((row["item_id"], row["reason"]) for row in found.quarantine) == [
        ("ROCO_50001", "bad_article"),
        ("ROCO_50001", "bad_cui"),
        ("ROCO_50001", "duplicate_concepts"),
        ("ROCO_50001", "missing_image"),
        ("ROCO_50002", "duplicate_origin"),
        ("ROCO_59999", "concepts_without_caption"),
        ("data/train/radiology/cuis.txt, line 3", "blank_line"),
    ]
    assert found.captions[0]["licence"] == "NO-CC CODE"


def test_a_caption_file_that_is_none_stops_the_run(folder: Path, tmp_path: Path) -> None:
    (folder / "data/test/radiology/captions.txt").write_text("ROCO_40001 no tab\n")
    with pytest.raises(DataError, match=r"captions\.txt, line 1: not 2 fields"):
        read_into(tmp_path / "out", folder, format="roco_v1")
