from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radtune.artifacts.io import read_footer
from radtune.cli import app
from radtune.errors import ConfigError


@pytest.mark.parametrize(("command", "kind"), [("systems", "system_scores"), ("compare", "comparisons")])
def test_a_step_runs_by_hand(write_scores: Callable[..., Path], tmp_path: Path, command: str, kind: str) -> None:
    cell = ("plain", "caption", "rouge1")
    first, second = write_scores("a", {cell: [[1.0]] * 4}), write_scores("b", {cell: [[0.0]] * 4})
    output = tmp_path / "out.parquet"
    arguments = ["benchmark", command, "--scores", str(first), "--scores", str(second), "--output", str(output), "--seed", "3"]
    result = CliRunner().invoke(app, [*arguments, "--settings", '{"resamples":10}'], catch_exceptions=False)
    assert result.exit_code == 0
    footer = read_footer(output)
    assert (footer["kind"], footer["seed"], footer["settings"]["resamples"]) == (kind, 3, 10)
    with pytest.raises(ConfigError, match="resamples: '10'"):
        CliRunner().invoke(app, [*arguments, "--settings", '{"resamples":"10"}'], catch_exceptions=False)
