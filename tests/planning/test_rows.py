"""Rows are counted where a run has them, and assumed otherwise."""

from __future__ import annotations

from pathlib import Path

from radtune.config.base import validated
from radtune.config.load import merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.planning.rows import RowCounts, count_rows


def test_published_size(tmp_path: Path) -> None:
    assert count_rows(PUBLISHED, "captions", tmp_path) == RowCounts(59_958, 9_904, 9_927, "assumed: captions of ROCOv2")


def test_limit_and_questions(tmp_path: Path) -> None:
    values = merge(PUBLISHED.model_dump(mode="json"), {"datasets": {"limit_per_split": 1_000}})
    values["mixes"]["captions_and_questions"]["annealing_share"] = 0.5
    config = validated(RadtuneConfig, values, "test")
    rows = count_rows(config, "captions_and_questions", tmp_path)
    assert (rows.train, rows.valid, rows.test) == (5_000, 5_000, 1_000)  # 1 caption, 2 written and 2 known questions each
    assert "every question asked for" in rows.source
