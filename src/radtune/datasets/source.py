"""What a reader of one layout gets and gives: a folder with its bad rows noted, and items one by one."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO

from radtune.config.datasets import SourceSettings
from radtune.errors import DataError

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_CUI = re.compile(r"C\d{7}")
"""A concept unique identifier of the UMLS: C and seven digits (UMLS Reference Manual, chapter 2)."""


@dataclass(frozen=True)
class Question:
    """A published question about an image."""

    name: str
    """Unique within the item: it becomes the end of the question's id."""
    question: str
    answer: str
    language: str = "en"
    """ISO 639-1 code."""


@dataclass(frozen=True)
class Item:
    """One image with a caption, questions, or both, as a release states them; checked later, for all layouts alike."""

    item_id: str
    """As published; empty where the release gives none."""
    place: str
    """Where it stands, for messages: `train_captions.csv, line 7`."""
    split: str
    """As the release spells it: `val` and `dev` are understood."""
    caption: str
    """Empty for an image that only has questions."""
    image: Path | None
    """The image file; None where the release names none that is there."""
    group: str = ""
    """Article, case or study; empty: the item is its own group."""
    concepts: Sequence[str] = ()
    """CUIs of the caption."""
    manual_concepts: Sequence[str] = ()
    """CUIs a person assigned."""
    licence: str = ""
    """As the source writes it."""
    attribution: str = ""
    link: str = ""
    sha256: str = ""
    """Of the image file, where the release records it."""
    restricted: bool = False
    """Credentialed: never sent to an LLM elsewhere, never shown."""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Concept:
    """One row of a table that names concepts."""

    place: str
    cui: str
    name: str
    type_ids: tuple[str, ...] = ()


@dataclass
class Source:
    """A folder that is being read: what was opened, and what was noted."""

    folder: Path
    settings: SourceSettings
    unpacked: Path
    """Where a layout whose images are no files of their own (:attr:`Format.unpacks`) puts them."""
    files: dict[str, Path | list[Path]] = field(default_factory=dict)
    """Every table that was read, by name: the inputs of the artifact."""
    noted: list[tuple[str, str, str]] = field(default_factory=list)
    """Item, reason and detail of every oddity."""

    def note(self, item_id: str, reason: str, detail: str) -> None:
        """Put a row into quarantine about something that keeps no item out."""
        self.noted.append((item_id, reason, detail))

    def find(self, *names: str) -> str:
        """The first of ``names`` that the folder has. Raises :class:`DataError` that lists them."""
        for name in names:
            if (self.folder / name).exists():
                return name
        raise DataError(
            f"{self.folder}: no {' or '.join(names)}", f"set the data set's folder to one in the layout {self.settings.format}"
        )

    def has(self, name: str) -> bool:
        """Whether the folder has that file or folder."""
        return (self.folder / name).exists()

    def rows(
        self, name: str, columns: Sequence[str] = (), *, delimiter: str = ",", header: Sequence[str] | None = None
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows of a delimited file (perhaps ``.gz``), each with its place, ``name, line n``.

        A byte order mark is accepted. ``header`` names the columns of a file without a header line. Raises :class:`DataError`
        if a column of ``columns`` is absent, a row has more or fewer fields than the header, the file is no UTF-8 or no CSV.
        """
        path = self.folder / name
        self.files[name] = path
        try:
            with _open(path) as file:
                reader = csv.DictReader(file, fieldnames=header, strict=True, delimiter=delimiter)
                found = list(reader.fieldnames or [])
                if not set(columns) <= set(found):
                    raise DataError(
                        f"{path}: header is {delimiter.join(found) or 'absent'}, expected {delimiter.join(columns)}",
                        "restore the published header line",
                    )
                for row in reader:
                    place = f"{name}, line {reader.line_num}"
                    if None in row or None in row.values():
                        raise DataError(
                            f"{path}, line {reader.line_num}: not {len(found)} fields as in the header",
                            "quote fields that hold separators or line breaks",
                        )
                    yield place, row
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8: {error}", "save the file as UTF-8") from None
        except (csv.Error, gzip.BadGzipFile, EOFError) as error:
            raise DataError(f"{path}: cannot be read as a table: {error}", "fetch the file again") from None

    def inside(self, name: str) -> Path | None:
        """The file that a table names, if it is a file below the folder; None if it is absent or would lie outside."""
        path = self.folder / name
        return path if path.is_file() and path.resolve().is_relative_to(self.folder.resolve()) else None

    def cuis(self, item_id: str, place: str, text: str) -> list[str]:
        """CUIs of a list joined by ``;``, each once, in its order; what is no CUI is noted as ``bad_cui`` and left out."""
        cuis = [cui.strip() for cui in text.split(";") if cui.strip()]
        for cui in cuis:
            if not is_cui(cui):
                self.note(item_id, "bad_cui", f"{place}: {cui!r} is not a CUI (C and seven digits); left out of the list")
        return list(dict.fromkeys(cui for cui in cuis if is_cui(cui)))

    def image_index(self, folder: str) -> dict[str, Path]:
        """Image file by stem, from a folder and the folders directly in it; of two with one stem the first by path counts."""
        found: dict[str, Path] = {}
        root = self.folder / folder
        for path in sorted([*root.glob("*"), *root.glob("*/*")]):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                first = found.setdefault(path.stem, path)
                if first != path:
                    self.note(path.stem, "second_image", f"{path}: not used, {first} has the same name")
        return found


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def is_cui(text: str) -> bool:
    """Whether ``text`` is a concept unique identifier of the UMLS."""
    return _CUI.fullmatch(text) is not None


def _no_concepts(_source: Source) -> Iterator[Concept]:
    return iter(())


@dataclass(frozen=True)
class Format:
    """One layout. Its module's ``FORMAT`` is found by name."""

    read: Callable[[Source], Iterator[Item]]
    """Items in the order of the release. Raises :class:`DataError` where nothing sensible can be read; a single bad item is
    yielded as it is, and judged for all layouts alike."""
    watched: tuple[str, ...]
    """Glob patterns below the folder of the tables whose change makes the workflow read again."""
    concepts: Callable[[Source], Iterator[Concept]] = _no_concepts
    """The table that names the CUIs, where a release has one."""
    unpacks: bool = False
    """Whether images are no files of their own (Parquet, DICOM) and are put below :attr:`Source.unpacked`."""


def load_format(name: str) -> Format:
    """The layout of that name (one of :data:`radtune.config.datasets.FORMATS`)."""
    found: Format = import_module(f"radtune.datasets.formats.{name}").FORMAT
    return found
