"""Tables and images of small data sets that tests make."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image


def write_table(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    """A CSV file with the given header line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(rows)


def write_image(path: Path, shade: int) -> None:
    """A grey image of 8×8 pixels, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), shade).save(path)


def write_rocov2(root: Path) -> Path:
    """A data set in ROCOv2's layout: six, two and two images, no two alike."""
    shade = 0
    for split, count in {"train": 6, "valid": 2, "test": 2}.items():
        ids = [f"X_{split}_{number}" for number in range(count)]
        write_table(root / f"{split}_captions.csv", "ID,Caption", [[item, f"CT of {item}, axial"] for item in ids])
        write_table(root / f"{split}_concepts.csv", "ID,CUIs", [[item, "C0040405;C0006104"] for item in ids])
        write_table(root / f"{split}_concepts_manual.csv", "ID,CUIs", [[item, "C0040405"] for item in ids])
        for item in ids:
            write_image(root / f"{split}_images/{item}.png", shade)
            shade += 1
    write_table(
        root / "cui_mapping.csv",
        "CUI,Canonical name",
        [["C0040405", "X-Ray Computed Tomography"], ["C0006104", "Brain"]],
    )
    return root
