from collections.abc import Callable
from pathlib import Path

import pytest

from radtune.artifacts import io
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import BenchmarkSettings

SETTINGS = BenchmarkSettings(resamples=500)

Cells = dict[tuple[str, str, str], list[list[float | None]]]
"""Arm, task and metric to the values of each row, one a draw."""


@pytest.fixture
def write_scores(tmp_path: Path) -> Callable[[str, Cells], Path]:
    """Write the scores of one system; rows 0 and 1 belong to one group, 2 and 3 to the next, and so on."""

    def write(system: str, cells: Cells) -> Path:
        rows = [
            {
                "prediction_id": f"{task}:{row}#{draw}",
                "row_id": f"{task}:{row}",
                "item_id": str(row),
                "group_id": f"g{row // 2}",
                "system": system,
                "arm": arm,
                "task": task,
                "metric": metric,
                "value": value,
            }
            for (arm, task, metric), values in cells.items()
            for row, draws in enumerate(values)
            for draw, value in enumerate(draws)
        ]
        path = tmp_path / f"{system}.parquet"
        io.write(path, SCORES, rows, provenance("radtune.metrics.score", SETTINGS, 1, {}))
        return path

    return write
