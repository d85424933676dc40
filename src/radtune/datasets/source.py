"""What a reader of one layout gets and gives: a folder with its bad rows noted, and items one by one."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Literal, cast

from radtune.artifacts.digests import text_digest
from radtune.config.datasets import SourceSettings
from radtune.errors import ConfigError, DataError

SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev", "validate", "vaild"),
    "test": ("test", "testing"),
}
"""Splits, and how releases spell them (in any case). ``Vaild`` stands in the published ROCO-QA."""

_SPLIT_OF = {spelling: split for split, spellings in SPLITS.items() for spelling in spellings}

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_CUI = re.compile(r"C[0-9]{7}")
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


class UnusableImage(Exception):
    """Why the image of an item cannot be used: a reason and a detail, as quarantine has them."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


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
    unpack: Callable[[], Path] | None = None
    """Makes the image file and returns its place, for an image that is no file of its own (then ``image`` is None). Called once,
    and only for an item that is taken. May raise :class:`UnusableImage`."""
    left_out: tuple[str, str] | None = None
    """Reason and detail where the layout itself does not take the item, such as a view that is not wanted."""


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
        """Put a row into quarantine."""
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

    def split_files(self, names: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """The file of each split, the first of its ``names`` that the folder has.

        A split that has none is noted as ``missing_split``. Raises :class:`DataError` if no split has one.
        """
        found = {split: name for split, own in names.items() if (name := next(filter(self.has, own), None)) is not None}
        if not found:
            self.find(*(name for own in names.values() for name in own))
        for split in (split for split in names if split not in found):
            self.note(split, "missing_split", f"no {' or '.join(names[split])}: the folder has nothing of this split")
        return found

    def rows(
        self,
        name: str,
        columns: Sequence[str] = (),
        *,
        delimiter: str = ",",
        header: Sequence[str] | None = None,
        quoted: bool = True,
        rename: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows of a delimited file (perhaps ``.gz``), each with its place: ``name, line n``, the line on which the row begins.

        A byte order mark is accepted, a blank line is noted. ``header`` names the columns of a file without a header line.
        ``quoted``: a double quote opens a field; False where it is a character like any other. ``rename``: other spellings of
        columns, which releases of one layout have.

        Raises :class:`DataError` if a column of ``columns`` is absent or stands twice, a row has more or fewer fields than the
        header, the file is no UTF-8 or no CSV, or cannot be read.
        """
        path = self.folder / name
        self.files[name] = path
        with _reading(path) as file:
            records = _records(path, file, delimiter, quoted)
            found = list(header) if header else next(records, (1, []))[1]
            found = [(rename or {}).get(column, column) for column in found]
            if not set(columns) <= set(found) or len(set(found)) < len(found):
                raise DataError(
                    f"{path}: header is {delimiter.join(found) or 'absent'}, expected {delimiter.join(columns)}, each once",
                    "restore the published header line",
                )
            for line, cells in records:
                place = f"{name}, line {line}"
                if not cells:
                    self.note(place, "blank_line", f"{path}, line {line}: a blank line; passed over")
                elif len(cells) != len(found):
                    raise DataError(
                        f"{path}, line {line}: not {len(found)} fields as in the header but {len(cells)}",
                        "quote fields that hold separators or line breaks",
                    )
                else:
                    yield place, dict(zip(found, cells, strict=True))

    def lines(self, name: str) -> Iterator[tuple[str, str]]:
        """Lines of a text file (perhaps ``.gz``) without their ends, each with its place; a blank line is noted.

        Raises :class:`DataError` if the file is no UTF-8 or cannot be read.
        """
        path = self.folder / name
        self.files[name] = path
        with _reading(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{name}, line {number}", line.rstrip("\r\n")
                else:
                    self.note(f"{name}, line {number}", "blank_line", f"{path}, line {number}: a blank line; passed over")

    def json(self, name: str) -> Any:
        """What a JSON file holds. Raises :class:`DataError` if it is no JSON, no UTF-8 or cannot be read."""
        path = self.folder / name
        self.files[name] = path
        with _reading(path) as file:
            return _parsed(str(path), file.read())

    def records(self, name: str, keys: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Objects of a JSON list or, in a file ``.jsonl``, of lines, each with its place: ``name, record n`` or ``name, line n``.

        Raises :class:`DataError` if the file is no JSON list, a line no JSON, or a record no object with all of ``keys``.
        """
        for place, record in self._json_lines(name) if name.endswith(".jsonl") else self._json_list(name):
            if not isinstance(record, dict) or not set(keys) <= record.keys():
                raise DataError(f"{self.folder / place}: not an object with the keys {', '.join(keys)}", "fetch the file again")
            yield place, record

    def _json_list(self, name: str) -> Iterator[tuple[str, Any]]:
        listed = self.json(name)
        if not isinstance(listed, list):
            raise DataError(f"{self.folder / name}: not a JSON list", "fetch the file again")
        for number, record in enumerate(listed, start=1):
            yield f"{name}, record {number}", record

    def _json_lines(self, name: str) -> Iterator[tuple[str, Any]]:
        for place, line in self.lines(name):
            yield place, _parsed(str(self.folder / place), line)

    def columns(self, known: Sequence[str]) -> dict[str, str]:
        """What the tables call each column of ``known``: as ``columns`` of the settings says, else by the same name.

        Raises :class:`ConfigError` if the settings name a column that is not known.
        """
        if unknown := sorted(self.settings.columns.keys() - set(known)):
            raise ConfigError(
                f"columns: {', '.join(unknown)}: no such column of the layout {self.settings.format}",
                f"it has {', '.join(known)}",
            )
        return {name: self.settings.columns.get(name, name) for name in known}

    def write_image(self, item_id: str, suffix: str, content: bytes) -> Path:
        """Write an image file below :attr:`unpacked`, whole or not at all, called by a digest of the item's id; return its place.

        Raises :class:`DataError` if it cannot be written.
        """
        name = text_digest(item_id)
        path = self.unpacked / name[:2] / f"{name[:32]}{suffix}"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            # Not synced to the disk, which would take longer than all else: each image is proved again when it is used.
            os.replace(temporary, path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise DataError(
                f"{path}: cannot be written: {error.strerror}", "free disk space or correct the permissions"
            ) from None
        return path

    def inside(self, name: str) -> Path | None:
        """The file below the folder that a table names; None if there is none, or if the name leads out of the folder.

        A name with ``..`` or an absolute one is never followed. A symbolic link is: it is the user's own, since unpacking an
        archive makes none, and large data sets are often put together from links.
        """
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return None
        path = self.folder / name
        try:
            return path if path.is_file() else None
        except OSError:  # longer than the file system allows
            return None

    def cuis(self, item_id: str, place: str, text: str) -> list[str]:
        """CUIs of a list joined by ``;``; see :meth:`checked_cuis`."""
        return self.checked_cuis(item_id, place, text.split(";"))

    def checked_cuis(self, item_id: str, place: str, texts: Iterable[str]) -> list[str]:
        """The CUIs among ``texts``, each once, in their order; what is no CUI is noted as ``bad_cui`` and left out."""
        found: dict[str, None] = {}
        for text in texts:
            cui = text.strip()
            if is_cui(cui):
                found[cui] = None
            elif cui:
                self.note(item_id, "bad_cui", f"{place}: {cui!r} is not a CUI (C and seven digits); left out of the list")
        return list(found)

    def image_index(self, folder: str) -> dict[str, Path]:
        """Image file by stem, from a folder and the folders directly in it; of two with one stem the first by name counts.

        Raises :class:`DataError` if the folder cannot be listed.
        """
        found: dict[str, Path] = {}
        try:
            for path in _image_files(self.folder / folder, deeper=True):
                first = found.setdefault(path.stem, path)
                if first is not path:
                    self.note(path.stem, "second_image", f"{path}: not used, {first} has the same name")
        except OSError as error:
            raise DataError(
                f"{self.folder / folder}: cannot be listed: {error.strerror}", "make it a readable folder of images"
            ) from None
        return found


def _image_files(folder: Path, *, deeper: bool) -> Iterator[Path]:
    """Image files in ``folder``, by name, and of the folders in it if ``deeper``. Symbolic links are followed."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES and entry.is_file():
            yield folder / entry.name
        elif deeper and entry.is_dir():
            yield from _image_files(folder / entry.name, deeper=False)


@contextmanager
def _reading(path: Path) -> Iterator[IO[str]]:
    """A text file, perhaps ``.gz``. Whatever goes wrong while it is read becomes a :class:`DataError` that names it."""
    try:
        with _open(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise DataError(f"{path}, line {_undecodable_line(path)}: not UTF-8", "save the file as UTF-8") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: a damaged archive: {error}", "fetch the file again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "correct the path or the permissions") from None


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _undecodable_line(path: Path) -> int:
    """Number of the first line that is not UTF-8; 0 if there is none."""
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0


def _records(path: Path, file: Iterable[str], delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Records of a delimited file, each with the line on which it begins."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{path}, line {line}: cannot be read as a table: {error}",
                "close the quote that opens there, and double every quote within a quoted field",
            ) from None
        yield line, cells


def _parsed(place: str, text: str) -> Any:
    """What JSON text says. Raises :class:`DataError` if it is no JSON, or an escape in it is half a character."""
    try:
        found = json.loads(text)
        if "\\ud" in text.lower():  # perhaps a lone surrogate, which no artifact can hold
            json.dumps(found, ensure_ascii=False).encode()
    except (json.JSONDecodeError, RecursionError, UnicodeEncodeError) as error:
        raise DataError(f"{place}: no JSON: {error}", "fetch the file again") from None
    return found


def as_text(value: object) -> str:
    """A value of a JSON record as text: null is empty, a number as Python writes it."""
    return "" if value is None else str(value)


def split_of(text: str) -> str | None:
    """The split (a key of :data:`SPLITS`) that a release spells ``text``; None if it is none."""
    return _SPLIT_OF.get(text.strip().lower())


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
