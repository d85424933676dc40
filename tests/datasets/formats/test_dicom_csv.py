"""A folder of DICOM files with a CSV: real files of the wheels, and real files made bad."""

from __future__ import annotations

import csv
import io
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from radtune.datasets import dicom
from radtune.datasets.catalogue import PYDICOM_DATA
from radtune.datasets.formats.dicom_csv import ELEMENTS
from radtune.errors import ConfigError, DataError
from radtune.weights.fetch import fetch
from read_data_set import DataSet, read_into

CT, AXIAL, MRI, RADIOGRAPH = "C0040405", "C0205131", "C0024485", "C1306645"
SECRETS = ("ROE^JANE", "MRN-4711", "19500203", "St. Elsewhere", "Dr. Strange")


def read_dicom(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="dicom_csv", **settings)


def table(folder: Path, rows: list[dict[str, str]], name: str = "images.csv") -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def row(item_id: str, image: str, **more: str) -> dict[str, str]:
    return {"id": item_id, "image": image, "caption": f"Caption of {item_id}.", "split": "train", **more}


def identified(dataset: Dataset) -> Dataset:
    """The data set with what names a patient, also in a private element."""
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.InstitutionName = SECRETS[:4]
    dataset.private_block(0x0009, "RADTUNE TEST", create=True).add_new(0x01, "LO", SECRETS[4])
    return dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A CT slice and an MR slice with a patient's name, in a folder with a CSV."""
    root = tmp_path / "roe_jane"
    root.mkdir()
    for name, source in (("a.dcm", "CT_small.dcm"), ("b.dcm", "MR_small.dcm")):
        identified(dcmread(get_testdata_file(source))).save_as(root / name)
    table(root, [row("ct", "a.dcm", group="study 1", licence="CC0"), row("mr", "b.dcm", split="test", concepts="C0006104")])
    return root


def shown(found: DataSet, item_id: str) -> np.ndarray[Any, Any]:
    (path,) = [row["image_path"] for row in found.captions if row["item_id"] == item_id]
    return np.asarray(Image.open(path))


def test_pixels_are_those_of_the_embedded_sample(folder: Path, tmp_path: Path) -> None:
    found = read_dicom(tmp_path / "out", folder)
    dataset = dcmread(folder / "a.dcm")
    expected, _ = dicom.turned_and_square(dicom.eight_bits(dicom.read_frame(dataset), dataset)[0], dataset)
    assert np.array_equal(shown(found, "ct"), expected)
    rows = {row["item_id"]: row for row in found.captions}
    assert [rows["ct"][name] for name in ("split", "group_id", "licence", "caption")] == [
        "train",
        "study 1",
        "CC0",
        "Caption of ct.",
    ]
    assert rows["ct"]["manual_concepts"] == [CT, AXIAL]
    assert (rows["mr"]["concepts"], rows["mr"]["manual_concepts"][0]) == (["C0006104"], MRI)


def test_nothing_but_the_allowed_elements_gets_anywhere(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    """A patient's name stands in a public element, a private one, and, against the standard, in allowed ones."""
    dataset = identified(dcmread(get_testdata_file("CT_small.dcm")))
    dataset[Tag("WindowCenter")] = RawDataElement(Tag("WindowCenter"), "DS", 8, SECRETS[0].encode(), 0, False, True)
    dataset.save_as(folder / "c.dcm")
    (folder / "d.dcm").write_bytes(b"\0" * 128 + b"DICM" + SECRETS[0].encode() * 9)
    table(folder, [row("ct", "a.dcm"), row("window", "c.dcm"), row("junk", "d.dcm")])
    caplog.set_level(logging.DEBUG)
    found = read_dicom(tmp_path / "out", folder)
    assert [row["item_id"] for row in found.captions] == ["ct"]
    assert found.footer()["dropped"] == {"unreadable_dicom": 2}
    everything = [repr((found.captions, found.quarantine, found.footer())), caplog.text, repr([str(w.message) for w in recwarn])]
    written = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for secret in SECRETS:
        assert not any(secret in text for text in everything), secret
        assert not any(secret.encode() in content for content in written), secret
    assert not {"PatientName", "PatientID", "StudyDate", "InstitutionName", "StudyInstanceUID"} & set(ELEMENTS)
    assert logging.getLogger("pydicom").disabled is False


def test_two_readings_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first, second = (read_dicom(tmp_path / out, folder) for out in ("one", "two"))
    digests = [[row["image_sha256"] for row in found.captions] for found in (first, second)]
    assert digests[0] == digests[1]
    names = [sorted(path.relative_to(found.folder) for path in found.folder.rglob("*.png")) for found in (first, second)]
    assert names[0] == names[1]
    assert not list(first.folder.rglob("*.tmp"))


def test_inverted_compressed_and_colour_files(folder: Path, tmp_path: Path, weights_cache: Path) -> None:
    """A MONOCHROME1 radiograph in JPEG 2000, the same uncompressed, and a palette of 16 bits."""
    wheel = fetch(PYDICOM_DATA.source, weights_cache) / "data_store/data"
    files = {"plain": "RG1_UNCR.dcm", "packed": "RG1_J2KR.dcm", "palette": "examples_palette.dcm"}
    for name in ("RG1_UNCR.dcm", "RG1_J2KR.dcm"):
        shutil.copy(wheel / name, folder / name)
    shutil.copy(get_testdata_file("examples_palette.dcm"), folder / "examples_palette.dcm")
    table(folder, [row(item_id, name) for item_id, name in files.items()])
    found = read_dicom(tmp_path / "out", folder)
    dataset = dcmread(folder / "RG1_UNCR.dcm")
    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    stored = dicom.default_window(dicom.read_frame(dataset), dataset)[0]
    assert np.array_equal(shown(found, "plain"), dicom.turned_and_square(255 - stored, dataset)[0])
    assert np.array_equal(shown(found, "plain"), shown(found, "packed"))
    assert shown(found, "palette").ndim == 3
    assert {row["item_id"]: row["manual_concepts"] for row in found.captions}["plain"][0] == RADIOGRAPH


def test_of_several_frames_the_middle_or_the_named_one(folder: Path, tmp_path: Path) -> None:
    shutil.copy(get_testdata_file("rtdose.dcm"), folder / "c.dcm")  # 15 frames
    frames = {"middle": "", "first": "1", "eighth": "8", "none": "0", "beyond": "16", "word": "two"}
    table(folder, [row(item_id, "c.dcm", frame=frame) for item_id, frame in frames.items()])
    found = read_dicom(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"bad_frame": 3}
    assert np.array_equal(shown(found, "middle"), shown(found, "eighth"))
    assert not np.array_equal(shown(found, "middle"), shown(found, "first"))


def test_bad_files_are_left_out_with_a_reason(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.dcm").touch()
    (folder / "text.dcm").write_text("no DICOM")
    content = (folder / "a.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(content[:-5000])
    huge = dcmread(folder / "a.dcm")
    huge.Rows = huge.Columns = 65_535
    huge.save_as(folder / "huge.dcm")
    shutil.copy(get_testdata_file("rtplan.dcm"), folder / "plan.dcm")
    said = dcmread(folder / "a.dcm")
    said.BurnedInAnnotation = "YES"
    said.save_as(folder / "said.dcm")
    names = ("empty", "text", "cut", "huge", "plan", "said", "absent")
    table(folder, [row("outside", "../a.dcm"), *(row(name, f"{name}.dcm") for name in names)])
    shutil.copy(folder / "a.dcm", folder.parent / "a.dcm")
    found = read_dicom(tmp_path / "out", folder)
    reasons = {row["item_id"]: row["reason"] for row in found.quarantine}
    assert reasons == {
        "absent": "missing_image",
        "outside": "missing_image",
        "empty": "empty_image",
        "text": "unreadable_dicom",
        "cut": "unreadable_dicom",
        "plan": "unreadable_dicom",
        "huge": "too_large",
        "said": "burned_in_annotation",
    }
    assert [row["item_id"] for row in found.captions] == ["said"]


def test_columns_are_called_as_configured_and_tables_say_the_split(folder: Path, tmp_path: Path) -> None:
    (folder / "images.csv").unlink()
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(folder / "plain.png")
    for name, item_id, file in (("train.csv", "1", "a.dcm"), ("val.csv", "2", "plain.png")):
        table(folder, [{"accession": item_id, "file": file, "report": "Normal."}], name)
    found = read_dicom(tmp_path / "out", folder, columns={"id": "accession", "image": "file", "caption": "report"})
    assert [(row["item_id"], row["split"]) for row in found.captions] == [("1", "train"), ("2", "valid")]
    assert found.captions[1]["image_path"] == str(folder / "plain.png")  # not DICOM: as it is
    with pytest.raises(ConfigError, match="columns: picture: no such column of the layout dicom_csv"):
        read_dicom(tmp_path / "other", folder, columns={"picture": "file"})
    with pytest.raises(DataError, match="header is accession,file,report, expected id,image,caption"):
        read_dicom(tmp_path / "other", folder)


def test_only_drawn_images_are_unpacked(folder: Path, tmp_path: Path) -> None:
    table(folder, [row(str(number), "a.dcm") for number in range(10)])
    found = read_dicom(tmp_path / "out", folder, limit_per_split=3)
    assert found.footer()["dropped"] == {"over_limit": 7}
    assert len(list((tmp_path / "out/unpacked").rglob("*.png"))) == 3


def test_a_folder_without_a_table_says_so(folder: Path, tmp_path: Path) -> None:
    (folder / "images.csv").unlink()
    with pytest.raises(DataError, match=r"no table \(\*\.csv\)"):
        read_dicom(tmp_path / "out", folder)


def test_an_image_that_cannot_be_written_stops_the_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/unpacked").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        read_dicom(tmp_path / "out", folder)


def test_png_files_hold_pixels_only(folder: Path, tmp_path: Path) -> None:
    found = read_dicom(tmp_path / "out", folder)
    for item in found.captions:
        image = Image.open(io.BytesIO(Path(item["image_path"]).read_bytes()))
        image.load()
        assert image.format == "PNG"
        assert not image.info
