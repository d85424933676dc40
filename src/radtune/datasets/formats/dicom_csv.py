"""A folder of DICOM files with a CSV: one row an image.

Every ``*.csv`` directly in the folder is read. Its columns are called as :data:`COLUMNS`, or as ``columns`` of the settings says:
``{image: file, caption: report, id: accession}``. ``id``, ``image`` (a path below the folder) and ``caption`` are needed.
Without a column ``split``, the file's name says it: ``train.csv``. Of several frames the middle one is taken, or the one that
a column ``frame`` names, counted from 1. Files of a common image format are taken as they are.

Of a DICOM file only :data:`ELEMENTS` are read: patient, dates, institution and all others never enter memory, and so no artifact,
log or message; nor does the name of the file. Pixels become an 8-bit PNG file as a viewer would show them
(:mod:`radtune.datasets.dicom`).
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image
from pydicom import Dataset, dcmread

from radtune.datasets import concept_names as cui
from radtune.datasets import dicom
from radtune.datasets.picture import PLANE_CUIS, unique
from radtune.datasets.source import IMAGE_SUFFIXES, Format, Item, Source, UnusableImage
from radtune.errors import DataError

NEEDED = ("id", "image", "caption")
COLUMNS = (*NEEDED, "split", "group", "licence", "attribution", "link", "concepts", "frame")

ELEMENTS = (
    # What the pixels are (PS3.3 C.7.6.3, C.7.6.6, C.7.6.1.1.5)
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "PixelAspectRatio", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    # How they are shown (C.11.1, C.11.2, C.7.6.2, C.7.6.1)
    "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "ImageOrientationPatient", "PatientOrientation", "SharedFunctionalGroupsSequence",
    # How the image was taken (C.7.3.1, C.8.1.2), and whether it says who was (C.7.6.1)
    "Modality", "ViewPosition", "BurnedInAnnotation",
)  # fmt: skip
"""Keywords of the elements that are read (DICOM PS3.6), of the whole data set."""

MODALITIES = {
    **dict.fromkeys(("CR", "DX", "RF", "XA", "MG"), cui.RADIOGRAPH),
    "CT": cui.CT,
    "MR": cui.MRI,
    "NM": cui.SCINTIGRAPHY,
    "US": cui.ULTRASOUND,
}
"""Concept of a modality (PS3.3 C.7.3.1.1.1)."""

PROJECTIONS = {"AP": cui.ANTERO_POSTERIOR, "PA": cui.POSTERO_ANTERIOR}

MAXIMUM_PIXELS = 178_956_970
"""Larger frames are not decoded: Pillow's own bound against decompression bombs."""

PNG_LEVEL = 1
"""Effort of the compression, which loses nothing; the file is read once more and not kept after the run."""


def read(source: Source) -> Iterator[Item]:
    """Every row of every table, tables by name."""
    tables = sorted(path.name for path in source.folder.glob("*.csv"))
    if not tables:
        raise DataError(f"{source.folder}: no table (*.csv)", "add one with the columns id, image and caption")
    names = source.columns(COLUMNS)
    for table in tables:
        for place, row in source.rows(table, [names[column] for column in NEEDED]):
            values = {column: row.get(name, "").strip() for column, name in names.items()}
            values["split"] = values["split"] or PurePosixPath(table).stem
            yield _item(source, place, values)


def _item(source: Source, place: str, row: Mapping[str, str]) -> Item:
    """One row. Only the header of its DICOM file is read; the pixels are when the item is taken."""
    path = source.inside(row["image"]) if row["image"] else None
    item = Item(
        item_id=row["id"],
        place=place,
        split=row["split"],
        caption=row["caption"],
        image=path,
        group=row["group"],
        concepts=source.cuis(row["id"], place, row["concepts"]),
        licence=row["licence"],
        attribution=row["attribution"],
        link=row["link"],
    )
    if path is None or path.suffix.lower() in IMAGE_SUFFIXES or path.stat().st_size == 0:
        return item
    try:
        with _reading(path, stop_before_pixels=True) as header:
            frame = _frame(row["frame"], header)
            manual = _concepts(header)
            annotated = header.get("BurnedInAnnotation") == "YES"
    except UnusableImage as fault:
        return replace(item, image=None, left_out=(fault.reason, fault.detail))
    if annotated:
        source.note(row["id"], "burned_in_annotation", f"{place}: the header says that pixels identify the patient")
    return replace(item, image=None, manual_concepts=manual, unpack=partial(_unpack, source, row["id"], path, frame))


@contextmanager
def _reading(path: Path, *, stop_before_pixels: bool = False) -> Iterator[Dataset]:
    """The allowed elements of a DICOM file. Whatever goes wrong with them becomes an :class:`UnusableImage`.

    Neither pydicom's warnings nor the words of its errors are passed on: they quote values of the file.
    """
    log = logging.getLogger("pydicom")
    was_disabled, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield dcmread(path, specific_tags=list(ELEMENTS), stop_before_pixels=stop_before_pixels)
    except UnusableImage:
        raise
    except Exception as error:  # damaged files make pydicom and its decoders raise errors of many types
        raise UnusableImage("unreadable_dicom", f"not a DICOM image that can be read: {type(error).__name__}") from None
    finally:
        log.disabled = was_disabled


def _frame(wanted: str, header: Dataset) -> int:
    """The frame to take, from 0: the one that the table names from 1, else the middle one. Raises :class:`UnusableImage`."""
    if int(header.Rows) * int(header.Columns) > MAXIMUM_PIXELS:
        raise UnusableImage("too_large", f"{header.Rows} × {header.Columns} pixels, more than {MAXIMUM_PIXELS}")
    count = int(header.get("NumberOfFrames") or 1)
    if not wanted:
        return count // 2
    if not (wanted.isdecimal() and 1 <= int(wanted) <= count):
        raise UnusableImage("bad_frame", f"{wanted!r} is no frame of the {count}, counted from 1")
    return int(wanted) - 1


def _concepts(header: Dataset) -> tuple[str, ...]:
    """Modality, plane and projection, as the header states them."""
    plane, tilt = dicom.plane(header) or ("", 0.0)
    return unique(
        (
            MODALITIES.get(header.get("Modality", "")),
            PLANE_CUIS.get(plane) if tilt <= dicom.OBLIQUE_DEGREES else None,
            PROJECTIONS.get(header.get("ViewPosition", "")),
        )
    )


def _unpack(source: Source, item_id: str, path: Path, frame: int) -> Path:
    """Write one frame as a PNG file of 8 bits a channel; the same file gives the same bytes."""
    with _reading(path) as dataset:
        pixels, _ = dicom.eight_bits(dicom.read_frame(dataset, frame), dataset)
        pixels, _ = dicom.turned_and_square(pixels, dataset)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png", compress_level=PNG_LEVEL)
    return source.write_image(item_id, ".png", file.getvalue())


FORMAT = Format(read, watched=("*.csv",), unpacks=True)
