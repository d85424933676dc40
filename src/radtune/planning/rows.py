"""How many rows a run trains on and predicts: counted where they exist, assumed where they do not yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.layout import Layout
from radtune.config.run import RadtuneConfig

ROCOV2 = {"train": 59_958, "valid": 9_904, "test": 9_927}
"""Images of the splits of ROCOv2 (Rückert et al. 2024, Scientific Data 11, 688)."""


@dataclass(frozen=True)
class RowCounts:
    """Rows of each split, and how they are known."""

    train: int
    valid: int
    test: int
    source: str


def count_rows(config: RadtuneConfig, mix: str, results: Path) -> RowCounts:
    """Rows of ``mix`` from the run's own artifacts below ``results``, or else as many as ROCOv2 would give."""
    layout = Layout(results / config.run)
    if layout.mix(mix).is_file() and layout.captions.is_file():
        splits = [row["split"] for row in read_rows(layout.mix(mix), MIX, ["split"])]
        test = sum(row["split"] == "test" for row in read_rows(layout.captions, CAPTIONS, ["split"]))
        return RowCounts(splits.count("train"), splits.count("valid"), test, f"counted in {layout.mix(mix)}")
    limit = config.datasets.limit_per_split
    images = {split: count if limit is None else min(count, limit) for split, count in ROCOV2.items()}
    settings, source = config.mixes[mix], "assumed: captions of ROCOv2"
    a_caption = float(settings.captions)
    if settings.questions:
        a_caption += config.questions.pairs_per_caption / (1 - settings.annealing_share)
        source = f"{source if settings.captions else 'assumed: ROCOv2'} and every question asked for, all accepted"
    return RowCounts(round(images["train"] * a_caption), round(images["valid"] * a_caption), images["test"], source)
