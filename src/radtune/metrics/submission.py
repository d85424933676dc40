"""Read files in the submission formats of ImageCLEFmedical: CSV in UTF-8 with the header ``ID,Caption`` or ``ID,CUIs``.

The rules are those of the challenge's own check of 2026 (``taubsity/clef-caption-evaluation-2026``, ``submission_check.py``).
That check and the evaluators stop at the first problem or misread the file; here every problem is found and has its line number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from radtune.errors import DataError
from radtune.metrics.concept_detection import parse_concepts


class Format(NamedTuple):
    """What the second column of a file holds."""

    column: str
    noun: str
    """What a cell is called in messages."""
    comma: str
    """What to do about a comma in a cell."""
    check: Callable[[str], object] | None = None
    """Raises ``ValueError`` for a cell that is refused."""

    @property
    def header(self) -> list[str]:
        """The file's first line."""
        return ["ID", self.column]


CAPTIONS: Final = Format("Caption", "caption", "a caption with a comma has to stand in double quotes")
CONCEPTS: Final = Format("CUIs", "list of concepts", "concepts are separated by semicolons", parse_concepts)

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


class SubmittedFile(NamedTuple):
    """A file and what is wrong with it."""

    path: Path
    form: Format
    cells: dict[str, str]
    """By ID, in the file's order. Of an ID that occurs twice, the first."""
    lines: dict[str, int]
    """Line on which each ID's record begins."""
    problems: list[Problem]


def is_concept_file(path: Path) -> bool:
    """Whether the first line of ``path`` is that of a file of concepts. Raises :class:`DataError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            first = file.readline().removeprefix(_BYTE_ORDER_MARK).strip()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "correct the path") from error
    return first == ",".join(CONCEPTS.header).encode()


def read_submission(
    predictions: Path, references: Path, form: Format = CAPTIONS, *, as_official: bool = False
) -> tuple[dict[str, str], dict[str, str]]:
    """Predicted and reference cells by ID, both in the order of ``references``.

    ``as_official`` adds what the check of 2026 refuses although the file can be read: IDs in another order than the references',
    and line breaks within captions. Raises :class:`DataError` that lists every problem of both files with its line.
    """
    predicted, true = _read(predictions, form, line_breaks=not as_official), _read(references, form)
    problems = [
        Problem(line, f"the ID {item_id!r} is not among the references")
        for item_id, line in predicted.lines.items()
        if item_id not in true.cells
    ]
    if as_official and predicted.cells.keys() == true.cells.keys():
        pairs = zip(predicted.cells, true.cells, strict=True)
        moved = next(((found, expected) for found, expected in pairs if found != expected), None)
        if moved:
            problems.append(Problem(predicted.lines[moved[0]], f"{moved[0]!r} stands where the references have {moved[1]!r}"))
    missing = [
        Problem(line, f"the ID {item_id!r} has no {form.noun} in {predictions}")
        for item_id, line in true.lines.items()
        if item_id not in predicted.cells
    ]
    _refuse(
        [
            predicted._replace(problems=predicted.problems + problems),
            true._replace(problems=true.problems + missing),
        ]
    )
    return {item_id: predicted.cells[item_id] for item_id in true.cells}, true.cells


def _refuse(files: list[SubmittedFile]) -> None:
    """Raise :class:`DataError` if any of ``files`` has a problem."""
    found = [(file.path, sorted(file.problems)) for file in files if file.problems]
    if not found:
        return
    lines = [f"{path}, line {problem.line}: {problem.text}" for path, problems in found for problem in problems]
    raise DataError(
        f"{len(lines)} problem(s) in the files ({','.join(files[0].form.header)})\n" + "\n".join(f"  {line}" for line in lines),
        "correct these lines; nothing was scored (docs/scoring.md explains each message)",
    )


def _read(path: Path, form: Format, *, line_breaks: bool = True) -> SubmittedFile:
    """Read one file to its end, whatever is wrong with it. Raises :class:`DataError` only where there is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "correct the path") from error
    file = SubmittedFile(path, form, {}, {}, [])
    if content.startswith(_BYTE_ORDER_MARK):
        content = content.removeprefix(_BYTE_ORDER_MARK)
        file.problems.append(Problem(1, "begins with a byte order mark; save the file as UTF-8 without one (BOM)"))
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not _is_utf8(line):
            file.problems.append(Problem(number, "is not valid UTF-8; save the file in that encoding"))
    records = _records(content.decode(errors="replace"), file.problems)
    header = next(records, None)
    if header is None or header.cells != form.header:
        found = "nothing" if header is None else repr(",".join(header.cells))
        file.problems.append(Problem(1, f"the header is {found}, and has to be exactly {','.join(form.header)!r}"))
    for record in records:
        _add(file, record, line_breaks)
    return file


def _add(file: SubmittedFile, record: Record, line_breaks: bool) -> None:
    """Take up one record, or note what is wrong with it."""
    (line, cells, lines), form = record, file.form
    if not any(cell.strip() for cell in cells):
        file.problems.append(Problem(line, "is blank"))
        return
    item_id = cells[0]
    if not item_id.strip():
        file.problems.append(Problem(line, "the ID is empty"))
    elif item_id in file.cells:
        file.problems.append(Problem(line, f"the ID {item_id!r} stands in line {file.lines[item_id]} already"))
    else:
        file.cells[item_id] = cells[1] if len(cells) > 1 else ""
        file.lines[item_id] = line
    if len(cells) < 2:
        file.problems.append(Problem(line, f"has one column; ID and {form.noun} are separated by a comma"))
    elif len(cells) > 2:
        file.problems.append(Problem(line, f"has {len(cells)} columns; {form.comma}"))
    elif lines > 1 and not line_breaks:
        file.problems.append(Problem(line, f"the {form.noun} holds a line break, which the official check takes for a new row"))
    elif form.check is not None:
        try:
            form.check(cells[1])
        except ValueError as error:
            file.problems.append(Problem(line, str(error)))


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
