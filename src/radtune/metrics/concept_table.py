"""Read a concept table for scoring without a workflow: the artifact of a run, or a CSV file such as ROCOv2's ``cui_mapping.csv``.

Its header is ``CUI,Canonical name``, or ``CUI,Canonical name,TUIs`` with the concepts' semantic types (``T023;T047``).
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, Final

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.datasets.source import is_cui
from radtune.errors import DataError

HEADER: Final = ["CUI", "Canonical name", "TUIs"]
"""Columns; the last may be absent."""
_TUI: Final = re.compile(r"T[0-9]{3}")


def read_concept_table(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of ``concepts``, and why lines of a CSV file were left out (``line 7: …``).

    Left out is what names no concept: a malformed CUI or TUI, a CUI that has a name already, an empty name.
    Raises :class:`DataError` if the file cannot be read or holds no concept.
    """
    if path.suffix == ".parquet":
        return read_rows(path, CONCEPTS), []
    concepts: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            if header not in (HEADER[:2], HEADER):
                raise DataError(f"{path}: the header is {','.join(header)!r}", f"write {','.join(HEADER)}, or leave TUIs out")
            for cells in reader:
                cui, name, types = (" ".join(cell.split()) for cell in [*cells, "", "", ""][:3])
                type_ids = [tui.strip() for tui in types.split(";") if tui.strip()]
                if not is_cui(cui):
                    left_out.append(f"line {reader.line_num}: {cui!r} is not a CUI (C and seven digits)")
                elif cui in concepts:
                    left_out.append(f"line {reader.line_num}: {cui} has the name {concepts[cui]['name']!r} already")
                elif not name:
                    left_out.append(f"line {reader.line_num}: {cui} has no name")
                elif wrong := [tui for tui in type_ids if not _TUI.fullmatch(tui)]:
                    left_out.append(f"line {reader.line_num}: {wrong[0]!r} is not a TUI (T and three digits)")
                else:
                    concepts[cui] = {"cui": cui, "name": name, "type_ids": type_ids}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}", "give a CSV file in UTF-8") from error
    if not concepts:
        raise DataError(f"{path}: holds no concept", f"give a CSV file with the columns {','.join(HEADER)}")
    return list(concepts.values()), left_out
