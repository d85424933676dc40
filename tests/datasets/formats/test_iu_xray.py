"""The IU X-ray collection's layout, made up after its published reports: the collection cannot be had here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.datasets.formats.iu_xray import SHARES, split_of_report
from radtune.errors import DataError
from radtune.licences import licence_id
from read_data_set import DataSet, read_into

LICENCE = "http://creativecommons.org/licenses/by-nc-nd/4.0/"


def report(number: int, images: list[str], findings: str | None = "The lungs are clear.") -> str:
    """One report as the collection has it, shortened."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<eCitation>
   <meta type="rr"/>
   <uId id="CXR{number}"/>
   <licenseType>open-access</licenseType>
   <licenseURL>{LICENCE}</licenseURL>
   <MedlineCitation Owner="Indiana University" Status="supplied by publisher">
      <Article PubModel="Electronic">
         <Abstract>
            <AbstractText Label="COMPARISON">None.</AbstractText>
            <AbstractText Label="INDICATION">XXXX-year-old with cough</AbstractText>
            <AbstractText Label="FINDINGS">{findings or ""}</AbstractText>
            <AbstractText Label="IMPRESSION">Normal chest x-XXXX.</AbstractText>
         </Abstract>
      </Article>
   </MedlineCitation>
   <MeSH><major>normal</major></MeSH>
   {"".join(f'<parentImage id="{image}"><caption>Xray Chest PA and Lateral</caption></parentImage>' for image in images)}
</eCitation>
"""


def images_of(number: int) -> list[str]:
    return [f"CXR{number}_1_IM-0001-{view}001" for view in (3, 4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty reports with two images each, in the folders that fetching makes."""
    root = tmp_path / "iu"
    reports, pictures = root / "NLMCXR_reports/ecgen-radiology", root / "NLMCXR_png"
    reports.mkdir(parents=True)
    pictures.mkdir()
    for number in range(1, 41):
        (reports / f"{number}.xml").write_text(report(number, images_of(number)), encoding="utf-8")
        for image in images_of(number):
            Image.new("L", (8, 8), number).save(pictures / f"{image}.png")
    return root


def read_iu(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="iu_xray", **settings)


def xml(folder: Path, number: int) -> Path:
    return folder / f"NLMCXR_reports/ecgen-radiology/{number}.xml"


def test_every_image_is_an_item_with_its_reports_findings(folder: Path, tmp_path: Path) -> None:
    found = read_iu(tmp_path / "out", folder)
    assert len(found.captions) == 80
    rows = {row["item_id"]: row for row in found.captions}
    row = rows["CXR7_1_IM-0001-4001"]
    assert (row["caption"], row["group_id"], row["licence"]) == ("The lungs are clear.", "CXR7", LICENCE)
    assert licence_id(LICENCE) == "cc-by-nc-nd"
    assert found.footer()["notes"]["groups_in_several_splits"] == 0
    assert list(found.footer()["inputs"]) == ["reports"]
    assert not found.quarantine


def test_the_split_depends_on_the_report_alone(folder: Path, tmp_path: Path) -> None:
    before = {row["item_id"]: row["split"] for row in read_iu(tmp_path / "one", folder, seed=1).captions}
    for number in range(1, 21):
        xml(folder, number).unlink()
    after = {row["item_id"]: row["split"] for row in read_iu(tmp_path / "two", folder, seed=2).captions}
    assert len(after) == 40
    assert after.items() <= before.items()


def test_the_shares_are_those_stated() -> None:
    """3,955 reports, as the collection has: within three standard deviations of each share."""
    drawn = [split_of_report(f"CXR{number}") for number in range(1, 3956)]
    for split, share in SHARES.items():
        assert drawn.count(split) / 3955 == pytest.approx(share, abs=3 * (share * (1 - share) / 3955) ** 0.5)


def test_reports_that_cannot_be_used_are_named(folder: Path, tmp_path: Path) -> None:
    xml(folder, 1).write_text("<eCitation>cut off")
    xml(folder, 2).write_text(report(2, []))
    xml(folder, 3).write_text(report(3, images_of(3), findings=None))
    xml(folder, 4).write_text(report(4, ["CXR4_absent"]))
    found = read_iu(tmp_path / "out", folder)
    assert sorted((row["item_id"], row["reason"]) for row in found.quarantine) == [
        ("1", "unreadable_report"),
        ("CXR2", "report_without_image"),
        ("CXR3_1_IM-0001-3001", "empty_caption"),
        ("CXR3_1_IM-0001-4001", "empty_caption"),
        ("CXR4_absent", "missing_image"),
    ]
    reasons = {"empty_caption": 2, "missing_image": 1, "report_without_image": 1, "unreadable_report": 1}
    assert found.footer()["dropped"] == reasons, "a report that gives no image is a row in, too"


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
    ],
)
def test_entities_are_refused(folder: Path, tmp_path: Path, entities: str) -> None:
    """Neither are they expanded, nor is a file of the machine read."""
    text = report(1, images_of(1), findings="&b;").replace("<eCitation>", f"<!DOCTYPE eCitation [{entities}]><eCitation>", 1)
    xml(folder, 1).write_text(text)
    found = read_iu(tmp_path / "out", folder)
    assert [(row["item_id"], row["reason"], row["detail"]) for row in found.quarantine] == [
        ("1", "unreadable_report", "NLMCXR_reports/ecgen-radiology/1.xml: EntitiesForbidden")
    ]


def test_a_folder_without_reports_or_images_says_so(folder: Path, tmp_path: Path) -> None:
    (folder / "NLMCXR_png").rename(folder / "pictures")
    with pytest.raises(DataError, match="no NLMCXR_png or images"):
        read_iu(tmp_path / "out", folder)
    for path in xml(folder, 1).parent.glob("*.xml"):
        path.unlink()
    with pytest.raises(DataError, match="no report"):
        read_iu(tmp_path / "out", folder)
