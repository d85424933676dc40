"""The embedded sample, made for real from the wheels."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydicom import dcmread

from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.config.datasets import SampleSettings
from radtune.datasets import catalogue, concept_names
from radtune.datasets.sample import make_sample
from radtune.errors import DataError
from radtune.weights.fetch import fetch
from read_data_set import read_into

Row = dict[str, Any]
SMALL = SampleSettings(slice_spacing_mm=12.0, cine_frame_step=60, maximum_side=128)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, weights_cache: Path) -> Path:
    """Folder that holds the sample and its artifacts, made with the default settings."""
    root = tmp_path_factory.mktemp("sample")
    make_sample(
        root / "sample", root / "sources.parquet", root / "quarantine.parquet",
        settings=SampleSettings(), seed=1, weights_cache=weights_cache,
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def rows(sample: Path) -> list[Row]:
    return [row | {"facts": json.loads(row["facts"])} for row in read_rows(sample / "sources.parquet", SAMPLE_SOURCES)]


def captions(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*_captions.csv")):
        with path.open(newline="") as file:
            found |= {row["ID"]: row["Caption"] for row in csv.DictReader(file)}
    return found


def test_enough_images_of_enough_modalities(rows: list[Row]) -> None:
    counts = Counter(row["facts"]["modality"] for row in rows)
    assert 180 <= len(rows) <= 260
    assert set(counts) == {"CT", "MRI", "Radiograph", "Ultrasound", "Scintigraphy"}
    assert counts["MRI"] <= 0.6 * len(rows)


def test_shares_of_the_splits(rows: list[Row]) -> None:
    splits = Counter(row["split"] for row in rows)
    assert splits["test"] >= 35
    assert splits["train"] > splits["test"] > splits["valid"] >= 15
    for modality in ("CT", "MRI", "Radiograph", "Ultrasound"):
        own = {row["split"] for row in rows if row["facts"]["modality"] == modality}
        assert {"train", "test"} <= own
    assert {row["split"] for row in rows if row["group_id"] == "ct-perfusion"} == {"train"}


def test_no_group_straddles_splits_and_parallel_slices_keep_the_gap(rows: list[Row]) -> None:
    groups = defaultdict(set)
    slabs = defaultdict(list)
    for row in rows:
        groups[row["group_id"]].add(row["split"])
        if row["group_id"].startswith("mr-mni152"):
            slabs[row["facts"]["plane"]].append((row["frame"], row["split"]))
    assert all(len(splits) == 1 for splits in groups.values())
    assert set(slabs) == {"axial", "coronal", "sagittal"}
    for slices in slabs.values():
        ordered = sorted(slices)
        assert {split for _, split in ordered} == {"train", "valid", "test"}
        for (below, first), (above, second) in pairwise(ordered):
            assert first == second or above - below >= 12  # the voxels of the template measure 1 mm
    assert min(frame for frame, _ in slabs["sagittal"]) >= 98  # the midline: the template is symmetric


def test_images_are_real_pictures_and_no_two_alike(sample: Path, rows: list[Row]) -> None:
    seen = set()
    for row in rows:
        with Image.open(sample / "sample" / f"{row['split']}_images" / f"{row['item_id']}.png") as image:
            assert min(image.size) >= 64
            assert max(image.size) <= 1024
            assert image.mode in ("L", "RGB")
            assert len(image.getcolors(1 << 24)) >= 20
            seen.add((image.size, image.tobytes()))
    assert len(seen) == len(rows)


def test_captions_say_the_modality_and_no_identity(sample: Path, rows: list[Row], weights_cache: Path) -> None:
    words = {
        "CT": ("CT", "computed tomography"),
        "MRI": ("MRI", "MR image", "magnetic resonance"),
        "Radiograph": ("radiograph", "X-ray"),
        "Ultrasound": ("ltrasound", "echocardiogram", "Sonographic"),
        "Scintigraphy": ("scintigraphy",),
    }
    text = captions(sample / "sample")
    assert text.keys() == {row["item_id"] for row in rows}
    for row in rows:
        caption, facts = text[row["item_id"]], row["facts"]
        assert any(word in caption for word in words[facts["modality"]]), caption
        for name in ("subject", "detail", "window", "level", "plane", "technique"):
            assert facts.get(name, "").lower() in caption.lower()
    everything = " ".join(text.values()).lower()
    for source in catalogue.DICOM_SOURCES:
        dataset = dcmread(fetch(source.package.source, weights_cache) / source.member, stop_before_pixels=True)
        for name in ("PatientName", "PatientID", "StudyDate", "StudyID", "InstitutionName", "AccessionNumber"):
            value = str(dataset.get(name) or "").lower()
            assert len(value) < 4 or value not in everything


def test_header_facts(rows: list[Row]) -> None:
    by_file = {Path(row["source_file"]).name: row["facts"] for row in rows}
    assert by_file["RG1_UNCR.dcm"]["view"] == "posteroanterior"
    assert by_file["RG3_UNCR.dcm"]["view"] == "anteroposterior"
    assert by_file["MR2_UNCR.dcm"]["technique"] == "T1-weighted spin-echo"
    assert by_file["MR-SIEMENS-DICOM-WithOverlays.dcm"]["contrast"] == "contrast-enhanced"
    assert by_file["CT_small.dcm"]["plane"] == "axial"
    assert by_file["example4d.nii.gz"]["plane"] == "oblique axial"


def test_what_was_left_out_is_named_once_with_a_reason(sample: Path, rows: list[Row]) -> None:
    left_out = read_rows(sample / "quarantine.parquet", QUARANTINE)
    footer = read_footer(sample / "sources.parquet")
    assert footer["rows_in"] == len(rows) + len(left_out)
    assert footer["dropped"] == dict(Counter(row["reason"] for row in left_out))
    assert len({row["item_id"] for row in left_out}) == len(left_out)
    reasons = {row["item_id"].rpartition("/")[2]: row["reason"] for row in left_out}
    assert reasons["6154"] == "too_small"
    assert reasons["693_J2KI.dcm"] == "same_picture"
    assert reasons["examples_jpeg2k.dcm"] == "same_picture"
    assert reasons["SC_rgb.dcm"] == "not_a_radiology_image"
    assert reasons["OBXXXX1A.dcm"] == "nothing_to_see"
    assert "not_reviewed" not in reasons.values()
    assert not {source.file for source in catalogue.DICOM_SOURCES} & reasons.keys()


def test_the_sample_is_read_like_any_data_set_in_the_layout(sample: Path, rows: list[Row], tmp_path: Path) -> None:
    found = read_into(tmp_path, sample / "sample")
    read = {row["item_id"]: row for row in found.captions}
    assert found.quarantine == []
    assert found.footer()["notes"]["cuis_without_name"] == 0
    for row in rows:
        item = read[row["item_id"]]
        assert (item["group_id"], item["split"]) == (row["group_id"], row["split"])
        assert item["licence"]
        assert item["manual_concepts"][0] == item["concepts"][0]
        assert set(item["concepts"]) <= concept_names.NAMES.keys()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def make(root: Path, cache: Path, seed: int) -> Path:
    make_sample(
        root / "sample", root / "sources.parquet", root / "quarantine.parquet", settings=SMALL, seed=seed, weights_cache=cache
    )
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, weights_cache: Path) -> Path:
    return make(tmp_path_factory.mktemp("small"), weights_cache, seed=1)


def test_two_runs_write_the_same_bytes_and_replace_what_was_there(small: Path, weights_cache: Path, tmp_path: Path) -> None:
    for name in ("sample", ".sample.tmp", ".sample.old"):  # an older run, and what a killed one left
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_captions.csv").write_text("old")
    make(tmp_path, weights_cache, seed=1)
    assert content(tmp_path / "sample") == content(small / "sample")
    for name, kind in (("sources", SAMPLE_SOURCES), ("quarantine", QUARANTINE)):
        assert content_digest(tmp_path / f"{name}.parquet", kind) == content_digest(small / f"{name}.parquet", kind)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quarantine.parquet", "sample", "sources.parquet"]


def test_a_folder_that_cannot_be_written_is_named(weights_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match="cannot be written"):
        make(tmp_path / "file", weights_cache, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
