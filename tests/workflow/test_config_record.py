"""The record of a run's configuration is complete, and is left alone while it holds."""

from __future__ import annotations

from pathlib import Path

from radtune.config.load import load_config
from radtune.config.published import PUBLISHED
from radtune.workflow.config_record import record_config


def test_record_reads_back_as_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "results/x/config.yaml"
    record_config(PUBLISHED, path)
    assert load_config([path]) == PUBLISHED
    first = path.stat().st_mtime_ns
    record_config(PUBLISHED, path)
    assert path.stat().st_mtime_ns == first
    record_config(PUBLISHED.model_copy(update={"seed": 1}), path)
    assert load_config([path]).seed == 1
