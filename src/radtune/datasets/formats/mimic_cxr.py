"""MIMIC-CXR's layout on PhysioNet: chest radiographs with the findings of their reports. Credentialed: a local copy only.

Johnson et al., MIMIC-CXR-JPG 2.1.0, https://physionet.org/content/mimic-cxr-jpg, with the reports of
https://physionet.org/content/mimic-cxr. Images are ``files/p10/p10000032/s50414267/<dicom_id>.jpg``; the tables are
``mimic-cxr-2.0.0-metadata.csv.gz`` and ``mimic-cxr-2.0.0-split.csv.gz``. A report is ``files/p10/p10000032/s50414267.txt`` in
``mimic-cxr-reports.zip``, which is read as it is, or unpacked.

Every frontal image (view position AP or PA) is an item, every other view is left out. Its caption is the findings section of its
study's report, found by the rules of :func:`findings`. All items are restricted; the group is the patient.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache

from radtune.datasets import concept_names as cui
from radtune.datasets.source import Format, Item, Source
from radtune.errors import DataError

METADATA = ("mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-2.0.0-metadata.csv")
SPLIT = ("mimic-cxr-2.0.0-split.csv.gz", "mimic-cxr-2.0.0-split.csv")
REPORTS = "mimic-cxr-reports.zip"

FRONTAL = {"AP": cui.ANTERO_POSTERIOR, "PA": cui.POSTERO_ANTERIOR}
"""Concept of each view position (DICOM PS3.3 C.8.1.2) that is taken."""

LICENCE = "PhysioNet Credentialed Health Data License 1.5.0"

STUDIES_HELD = 64
"""Captions kept in memory: the images of a study stand together in the table."""

_HEADER = re.compile(r"^[ \t]*(?P<name>[A-Z][A-Z ()/,-]+):(?=\s|$)", re.MULTILINE)
"""A section begins with its name in capitals and a colon at the start of a line, as in the release's own parser
(``txt/section_parser.py`` of https://github.com/MIT-LCP/mimic-cxr)."""

_WHOLE_STUDY = re.compile(
    r"\b(?:CHEST|PORTABLE|TWO VIEWS|ONE VIEW|(?:PA|AP|FRONTAL|LATERAL) (?:VIEW|AND)|FRONTAL (?:SEMI-)?UPRIGHT|RIBS|BONE WINDOW)\b"
)
"""Names that describe the whole study (``CHEST, TWO VIEWS:``): what follows are findings. A choice of the same parser's."""

_OTHER_SECTION = re.compile(r"ADDENDUM|COMPARISON|EXAM|HISTORY|INDICATION|TECHNIQUE")
"""Names of other sections, which may also say what was imaged."""

_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


def read(source: Source) -> Iterator[Item]:
    """Every image of the metadata table, those of other views to be left out."""
    splits = {row["dicom_id"]: row["split"] for _, row in source.rows(source.find(*SPLIT), ("dicom_id", "split"))}
    report = _report_reader(source)

    @lru_cache(STUDIES_HELD)
    def caption(study: str) -> tuple[str, str]:
        return findings(report(study))

    for place, row in source.rows(source.find(*METADATA), ("dicom_id", "subject_id", "study_id", "ViewPosition")):
        dicom_id, patient, view = row["dicom_id"], f"p{row['subject_id']}", row["ViewPosition"].strip()
        study = f"files/{patient[:3]}/{patient}/s{row['study_id']}"
        text, left_out = "", None
        if view not in FRONTAL:
            left_out = ("view", f"view position {view or 'not stated'}; taken are {', '.join(FRONTAL)}")
        else:
            try:
                text, section = caption(study)
            except _NoReport as fault:
                left_out = (fault.reason, f"{study}.txt")
            else:
                if section not in ("findings", ""):
                    source.note(dicom_id, f"findings_from_{section}", f"{place}: the report has no section called findings")
        yield Item(
            item_id=dicom_id,
            place=place,
            split=splits.get(dicom_id, ""),
            caption=text,
            image=source.inside(f"{study}/{dicom_id}.jpg"),
            group=patient,
            manual_concepts=(cui.RADIOGRAPH, FRONTAL[view]) if view in FRONTAL else (),
            licence=LICENCE,
            attribution="MIMIC-CXR-JPG (Johnson et al., PhysioNet)",
            link="https://physionet.org/content/mimic-cxr-jpg",
            restricted=True,
            left_out=left_out,
        )


def findings(report: str) -> tuple[str, str]:
    """Findings of a report, and where they stood: ``findings``, ``whole_study``, ``last_paragraph``, or empty if nowhere.

    In this order: the longest section whose name contains FINDING, unless it is joined with the impression (``FINDINGS AND
    IMPRESSION`` is an impression); the longest whose name describes the whole study (``CHEST, TWO VIEWS``); if the report has no
    impression either, what follows the first blank line of its last section. An impression is never taken: it concludes, it
    does not describe.
    """
    sections = _sections(report)
    named: dict[str, list[str]] = {"findings": [], "whole_study": []}
    concluded = False
    for name, text in sections:
        if "IMPRESSION" in name or "CONCLUSION" in name:
            concluded = True
        elif "FINDING" in name:
            named["findings"].append(text)
        elif _WHOLE_STUDY.search(name) and not _OTHER_SECTION.search(name):
            named["whole_study"].append(text)
    for place, texts in named.items():
        if found := max(texts, key=len, default=""):
            return found, place
    if concluded or not sections:
        return "", ""
    paragraphs = _PARAGRAPHS.split(sections[-1][1], maxsplit=1)
    return (paragraphs[1].strip(), "last_paragraph") if len(paragraphs) > 1 and paragraphs[1].strip() else ("", "")


def _sections(report: str) -> list[tuple[str, str]]:
    """Name and text of each section with a name, in order."""
    headers = list(_HEADER.finditer(report))
    ends = [*(header.start() for header in headers), len(report)][1:]
    return [(header["name"], report[header.end() : end].strip()) for header, end in zip(headers, ends, strict=True)]


class _NoReport(Exception):
    """Why a study has no report that can be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _report_reader(source: Source) -> Callable[[str], str]:
    """A function that gives the report of a study (``files/p10/p10000032/s50414267``), or raises :class:`_NoReport`."""
    if not source.has(REPORTS):
        return lambda study: _decoded(lambda: _unpacked_report(source, f"{study}.txt"))
    path = source.folder / REPORTS
    source.files[REPORTS] = path
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable zip archive: {error}", "fetch the file again") from None
    return lambda study: _decoded(lambda: archive.read(f"{study}.txt"))


def _unpacked_report(source: Source, name: str) -> bytes:
    """Bytes of a report that is a file. Raises ``FileNotFoundError`` if there is none, also where a table's numbers lead out of
    the folder."""
    path = source.inside(name)
    if path is None:
        raise FileNotFoundError(name)
    return path.read_bytes()


def _decoded(read_bytes: Callable[[], bytes]) -> str:
    """Text of a report. Raises :class:`_NoReport`; the message says nothing of what the report says."""
    try:
        return read_bytes().decode()
    except (FileNotFoundError, KeyError):
        raise _NoReport("missing_report") from None
    except (OSError, UnicodeDecodeError, RuntimeError, zipfile.BadZipFile, zlib.error):  # RuntimeError: encrypted
        raise _NoReport("unreadable_report") from None


FORMAT = Format(read, watched=(*METADATA, *SPLIT, REPORTS))
