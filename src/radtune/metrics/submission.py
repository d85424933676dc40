"""Read caption files in the submission format of ImageCLEFmedical: CSV in UTF-8 with the header ``ID,Caption``.

The rules are those of the challenge's own check of 2026 (``taubsity/clef-caption-evaluation-2026``, ``submission_check.py``).
That check and the evaluators stop at the first problem or misread the file; here every problem is found and has its line number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from radtune.errors import DataError

HEADER: Final = ["ID", "Caption"]
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Problem(NamedTuple):
    """What is wrong with a file, and in which line of it."""

    line: int
    text: str


class Record(NamedTuple):
    """One CSV record as it stands in the file."""

    line: int
    """Line on which it begins, counted from 1."""
    cells: list[str]
    lines: int
    """How many lines it takes: more than one where a quoted caption holds a line break."""


class CaptionFile(NamedTuple):
    """A caption file and what is wrong with it."""

    path: Path
    captions: dict[str, str]
    """By ID, in the file's order. Of an ID that occurs twice, the first."""
    lines: dict[str, int]
    """Line on which each ID's record begins."""
    problems: list[Problem]


def read_submission(predictions: Path, references: Path, *, as_official: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """Predicted and reference captions by ID, both in the order of ``references``.

    ``as_official`` adds what the check of 2026 refuses although the file can be read: IDs in another order than the references',
    and line breaks within captions. Raises :class:`DataError` that lists every problem of both files with its line.
    """
    predicted, true = _read(predictions, line_breaks=not as_official), _read(references)
    problems = [
        Problem(line, f"the ID {item_id!r} is not among the references")
        for item_id, line in predicted.lines.items()
        if item_id not in true.captions
    ]
    if as_official and predicted.captions.keys() == true.captions.keys():
        pairs = zip(predicted.captions, true.captions, strict=True)
        moved = next(((found, expected) for found, expected in pairs if found != expected), None)
        if moved:
            problems.append(Problem(predicted.lines[moved[0]], f"{moved[0]!r} stands where the references have {moved[1]!r}"))
    missing = [
        Problem(line, f"the ID {item_id!r} has no caption in {predictions}")
        for item_id, line in true.lines.items()
        if item_id not in predicted.captions
    ]
    _refuse(
        [
            predicted._replace(problems=predicted.problems + problems),
            true._replace(problems=true.problems + missing),
        ]
    )
    return {item_id: predicted.captions[item_id] for item_id in true.captions}, true.captions


def _refuse(files: list[CaptionFile]) -> None:
    """Raise :class:`DataError` if any of ``files`` has a problem."""
    found = [(file.path, sorted(file.problems)) for file in files if file.problems]
    if not found:
        return
    lines = [f"{path}, line {problem.line}: {problem.text}" for path, problems in found for problem in problems]
    raise DataError(
        f"{len(lines)} problem(s) in the caption files\n" + "\n".join(f"  {line}" for line in lines),
        "correct these lines; nothing was scored (docs/scoring.md explains each message)",
    )


def _read(path: Path, *, line_breaks: bool = True) -> CaptionFile:
    """Read one file to its end, whatever is wrong with it. Raises :class:`DataError` only where there is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "correct the path") from error
    file = CaptionFile(path, {}, {}, [])
    if content.startswith(_BYTE_ORDER_MARK):
        content = content.removeprefix(_BYTE_ORDER_MARK)
        file.problems.append(Problem(1, "begins with a byte order mark; save the file as UTF-8 without one (BOM)"))
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not _is_utf8(line):
            file.problems.append(Problem(number, "is not valid UTF-8; save the file in that encoding"))
    records = _records(content.decode(errors="replace"), file.problems)
    header = next(records, None)
    if header is None or header.cells != HEADER:
        found = "nothing" if header is None else repr(",".join(header.cells))
        file.problems.append(Problem(1, f"the header is {found}, and has to be exactly 'ID,Caption'"))
    for record in records:
        _add(file, record, line_breaks)
    return file


def _add(file: CaptionFile, record: Record, line_breaks: bool) -> None:
    """Take up one record, or note what is wrong with it."""
    line, cells, lines = record
    if not any(cell.strip() for cell in cells):
        file.problems.append(Problem(line, "is blank"))
        return
    item_id = cells[0]
    if not item_id.strip():
        file.problems.append(Problem(line, "the ID is empty"))
    elif item_id in file.captions:
        file.problems.append(Problem(line, f"the ID {item_id!r} stands in line {file.lines[item_id]} already"))
    else:
        file.captions[item_id] = cells[1] if len(cells) > 1 else ""
        file.lines[item_id] = line
    if len(cells) < 2:
        file.problems.append(Problem(line, "has one column; ID and caption are separated by a comma"))
    elif len(cells) > 2:
        file.problems.append(Problem(line, f"has {len(cells)} columns; a caption with a comma has to stand in double quotes"))
    elif lines > 1 and not line_breaks:
        file.problems.append(Problem(line, "the caption holds a line break, which the official check takes for a new row"))


def _records(text: str, problems: list[Problem]) -> Iterator[Record]:
    """The CSV records of ``text``, blank lines as records without cells. What cannot be parsed is noted and left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(Problem(first, _explain(error)))
            continue
        yield Record(first, cells, reader.line_num - first + 1)


def _explain(error: csv.Error) -> str:
    message = str(error)
    if "unexpected end of data" in message or "field larger" in message:
        return "a double quote opens here and is never closed"
    if "expected after" in message:
        return "a double quote within a quoted caption has to be doubled"
    return f"is not CSV: {message}"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
