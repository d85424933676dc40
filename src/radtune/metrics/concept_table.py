"""Read a concept table for scoring without a workflow: ROCOv2's ``cui_mapping.csv``, or the artifact of a run."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, Final

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.errors import DataError

HEADER: Final = ["CUI", "Canonical name"]
_CUI: Final = re.compile(r"C\d{7}")


def read_concept_table(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of ``concepts``, and why lines of a CSV file were left out (``line 7: …``).

    Left out is what names no concept: a malformed CUI, one that has a name already (ROCOv2's table repeats some), an empty name.
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
            if header[:2] != HEADER:
                raise DataError(f"{path}: the header is {','.join(header)!r}", f"begin it with {','.join(HEADER)}")
            for cells in reader:
                cui, name = (" ".join(cell.split()) for cell in [*cells, "", ""][:2])
                if not _CUI.fullmatch(cui):
                    left_out.append(f"line {reader.line_num}: {cui!r} is not a CUI (C and seven digits)")
                elif cui in concepts:
                    left_out.append(f"line {reader.line_num}: {cui} has the name {concepts[cui]['name']!r} already")
                elif not name:
                    left_out.append(f"line {reader.line_num}: {cui} has no name")
                else:
                    concepts[cui] = {"cui": cui, "name": name, "type_ids": []}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}", "give a CSV file in UTF-8") from error
    if not concepts:
        raise DataError(f"{path}: holds no concept", f"give a CSV file with the columns {','.join(HEADER)}")
    return list(concepts.values()), left_out
