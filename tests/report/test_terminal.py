from __future__ import annotations

import io
import re

from rich.console import Console

from radtune.report.results import METRIC_TITLES, Cell, Column, ScoreRow, ScoreTable
from radtune.report.terminal import _table


def printed(metrics: list[str]) -> str:
    """The table of two systems with all of ``metrics`` in both arms, on a terminal of 80 columns."""
    columns = [Column(metric, arm) for metric in metrics for arm in ("plain", "modality")]
    rows = [ScoreRow(name, [Cell(0.123, 0.1, 0.2)] * len(columns), pretrained=False) for name in ("soft_prompt_smollm2", "b")]
    text = io.StringIO()
    Console(file=text, width=80).print(_table(ScoreTable("caption", columns, rows, 0.95, 9, 9)))
    return text.getvalue()


def test_many_metrics_fit_by_showing_the_headlines() -> None:
    text = printed(list(METRIC_TITLES))
    assert text.count("0.123") == 2 * 2 * 4
    assert len(re.findall(r"0\.10–0\.20", text)) == 2 * 2 * 4
    assert "ROUGE-1" in text
    assert "BLEU" not in text
    assert f"4 of {len(METRIC_TITLES)} metrics; the report has all" in text
    assert max(map(len, text.splitlines())) <= 80


def test_few_metrics_are_all_shown() -> None:
    text = printed(["cider", "bleu4"])
    assert "CIDEr" in text
    assert "the report has all" not in text
