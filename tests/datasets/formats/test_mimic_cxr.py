"""MIMIC-CXR's layout, made up: the data are credentialed, so that no part of them can be here."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.datasets.formats.mimic_cxr import findings
from radtune.errors import DataError
from radtune.licences import licence_id
from read_data_set import DataSet, read_into

REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)
 
 INDICATION:  ___F with new onset ascites  // eval for infection
 
 COMPARISON:  None.
 
 FINDINGS: 
 
 There is no focal consolidation,
 pleural effusion or pneumothorax.
 
 IMPRESSION: 
 
 No acute cardiopulmonary process.
"""
FINDINGS = "There is no focal consolidation, pleural effusion or pneumothorax."

IMAGES = [
    # dicom_id, subject_id, study_id, ViewPosition, split
    ("aaaa-1", "10000032", "50414267", "PA", "train"),
    ("aaaa-2", "10000032", "50414267", "LATERAL", "train"),
    ("bbbb-1", "10000032", "53189527", "AP", "train"),
    ("cccc-1", "11000011", "51771847", "PA", "validate"),
    ("dddd-1", "12000012", "52345678", "AP", "test"),
    ("dddd-2", "12000012", "52345678", "", "test"),
]
REPORTS = {"50414267": REPORT, "53189527": REPORT, "51771847": REPORT, "52345678": REPORT}


def study_path(patient: str, study: str) -> str:
    return f"files/p{patient[:2]}/p{patient}/s{study}"


def table(path: Path, header: str, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([header.split(","), *rows])
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def make(root: Path, reports: dict[str, str]) -> Path:
    root.mkdir()
    header = "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns"
    rows = [[dicom, patient, study, "CHEST (PA AND LAT)", view, "8", "8"] for dicom, patient, study, view, _ in IMAGES]
    table(root / "mimic-cxr-2.0.0-metadata.csv.gz", header, rows)
    rows = [[dicom, study, patient, split] for dicom, patient, study, _, split in IMAGES]
    table(root / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split", rows)
    for dicom, patient, study, *_ in IMAGES:
        path = root / study_path(patient, study) / f"{dicom}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), len(dicom)).save(path)
        if study in reports:
            path.parent.with_suffix(".txt").write_text(reports[study], encoding="utf-8")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "mimic", REPORTS)


def read_mimic(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="mimic_cxr", **settings)


def test_every_frontal_image_is_a_restricted_item(folder: Path, tmp_path: Path) -> None:
    found = read_mimic(tmp_path / "out", folder)
    assert [(row["item_id"], row["split"], row["group_id"]) for row in found.captions] == [
        ("aaaa-1", "train", "p10000032"),
        ("bbbb-1", "train", "p10000032"),
        ("cccc-1", "valid", "p11000011"),
        ("dddd-1", "test", "p12000012"),
    ]
    assert {row["caption"] for row in found.captions} == {FINDINGS}
    assert all(row["restricted"] for row in found.captions)
    assert {licence_id(row["licence"]) for row in found.captions} == {"physionet"}
    assert [row["manual_concepts"][1] for row in found.captions] == ["C1996865", "C1999039", "C1996865", "C1999039"]
    assert found.footer()["dropped"] == {"view": 2}
    assert [row["detail"].split("; ")[0] for row in found.quarantine] == [
        "mimic-cxr-2.0.0-metadata.csv.gz, line 3: view position LATERAL",
        "mimic-cxr-2.0.0-metadata.csv.gz, line 7: view position not stated",
    ]


def test_reports_are_read_from_the_archive_as_it_is(folder: Path, tmp_path: Path) -> None:
    expected = read_mimic(tmp_path / "out", folder)
    with zipfile.ZipFile(folder / "mimic-cxr-reports.zip", "w") as archive:
        for path in sorted(folder.rglob("*.txt")):
            archive.write(path, path.relative_to(folder))
            path.unlink()
    found = read_mimic(tmp_path / "packed", folder)
    assert found.captions == expected.captions
    assert "mimic-cxr-reports.zip" in found.footer()["inputs"]
    (folder / "mimic-cxr-reports.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"mimic-cxr-reports\.zip: not a readable zip archive"):
        read_mimic(tmp_path / "broken", folder)


def test_studies_without_a_usable_report_are_left_out(folder: Path, tmp_path: Path) -> None:
    def report(patient: str, study: str) -> Path:
        return (folder / study_path(patient, study)).with_suffix(".txt")

    report("10000032", "50414267").unlink()
    report("10000032", "53189527").write_bytes(b"FINDINGS: \xff a secret")
    report("11000011", "51771847").write_text("IMPRESSION: A conclusion only.\n")
    found = read_mimic(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"empty_caption": 1, "missing_report": 1, "unreadable_report": 1, "view": 2}
    assert [row["item_id"] for row in found.captions] == ["dddd-1"]
    assert not any("secret" in row["detail"] or "conclusion" in row["detail"] for row in found.quarantine)


def test_a_damaged_report_in_the_archive_costs_its_study_only(folder: Path, tmp_path: Path) -> None:
    damaged = f"{study_path('12000012', '52345678')}.txt"
    archive = folder / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*.txt")):
            file.write(path, path.relative_to(folder))
        begin = file.getinfo(damaged).header_offset + 30 + len(damaged)
    content = bytearray(archive.read_bytes())
    content[begin : begin + 4] = b"\xff" * 4  # no block of deflate begins so
    archive.write_bytes(content)
    found = read_mimic(tmp_path / "out", folder)
    assert [row["item_id"] for row in found.captions] == ["aaaa-1", "bbbb-1", "cccc-1"]
    assert found.footer()["dropped"] == {"unreadable_report": 1, "view": 2}


def test_numbers_that_lead_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    patient = "10/../../../.."
    (folder / "files/p10/p10").mkdir()
    (tmp_path / "s1.txt").write_text("FINDINGS: Not of this data set.\n", encoding="utf-8")
    assert (folder / f"files/p10/p{patient}/s1.txt").is_file()
    header = "dicom_id,subject_id,study_id,ViewPosition"
    table(
        folder / "mimic-cxr-2.0.0-metadata.csv.gz",
        header,
        [["aaaa-2", patient, "1", "PA"], ["aaaa-1", "10000032", "50414267", "PA"]],
    )
    found = read_mimic(tmp_path / "out", folder)
    assert found.footer()["dropped"] == {"missing_report": 1}


def test_findings_found_elsewhere_are_noted(tmp_path: Path) -> None:
    reports = REPORTS | {"50414267": " CHEST, TWO VIEWS:  Clear lungs.\n", "53189527": " HISTORY:  Cough.\n \n Clear lungs.\n"}
    found = read_mimic(tmp_path / "out", make(tmp_path / "mimic", reports))
    assert {row["item_id"]: row["reason"] for row in found.quarantine if row["reason"] != "view"} == {
        "aaaa-1": "findings_from_whole_study",
        "bbbb-1": "findings_from_last_paragraph",
    }


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (REPORT, ("findings", FINDINGS)),
        (" FINDING: One.\n\n FINDINGS:  The longer one.\n", ("findings", "The longer one.")),
        (" FINDINGS:\n\n IMPRESSION:  Clear.\n", ("", "")),
        (" FINDINGS AND IMPRESSION:  Clear lungs.\n", ("", "")),
        (" FINDINGS/IMPRESSION:  Clear lungs.\n", ("", "")),
        (" PORTABLE AP CHEST:\n\n INDICATION: Cough.\n\n FINDINGS: Clear.\n", ("findings", "Clear.")),
        (" PA AND LATERAL VIEWS OF THE CHEST:  Clear.\n IMPRESSION: Fine.\n", ("whole_study", "Clear.")),
        (
            " INDICATION:  Cough.\n COMPARISON:  None.\n \n The lungs are clear.\n \n No edema.\n",
            ("last_paragraph", "The lungs are clear. No edema."),
        ),
        (" COMPARISON CHEST FILM:  From 2100.\n IMPRESSION: Fine.\n", ("", "")),
        (" INDICATION:  Cough.\n \n", ("", "")),
        ("Words without any header.", ("", "")),
        ("", ("", "")),
        (" FINDINGS:  Seen at 10:30: unchanged. Tip at T4: fine.\n", ("findings", "Seen at 10:30: unchanged. Tip at T4: fine.")),
    ],
)
def test_rules_for_findings(report: str, expected: tuple[str, str]) -> None:
    text, place = findings(report)
    assert (place, " ".join(text.split())) == expected


def test_a_folder_without_the_tables_says_so(folder: Path, tmp_path: Path) -> None:
    (folder / "mimic-cxr-2.0.0-split.csv.gz").unlink()
    with pytest.raises(DataError, match=r"no mimic-cxr-2\.0\.0-split\.csv\.gz or mimic-cxr-2\.0\.0-split\.csv"):
        read_mimic(tmp_path / "out", folder)
