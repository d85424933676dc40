from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.artifacts.provenance import provenance
from radtune.cli import app
from radtune.config.metrics import BenchmarkSettings
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


def test_the_comparison_with_papers_runs_by_hand(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    table, output = tmp_path / "table.parquet", tmp_path / "papers.parquet"
    scores = write_scores("visiongpt2", {("plain", "caption", "rouge1"): [[0.5], [0.25]]})
    tabulate = ["benchmark", "systems", "--scores", str(scores), "--output", str(table), "--settings", "{}", "--seed", "1"]
    assert CliRunner().invoke(app, tabulate, catch_exceptions=False).exit_code == 0
    signatures = tmp_path / "signatures.parquet"
    write(signatures, METRIC_SIGNATURES, [], provenance("radtune.metrics.score", BenchmarkSettings(), 1, {}))
    arguments = ["benchmark", "papers", "--table", str(table), "--signatures", str(signatures), "--output", str(output)]
    result = CliRunner().invoke(app, [*arguments, "--settings", "{}", "--seed", "1"], catch_exceptions=False)
    assert result.exit_code == 0
    rouge = {row["source"]: row["measured"] for row in read_rows(output, PAPER_COMPARISON) if row["metric"] == "rouge1"}
    assert rouge == {"ICMI 2025, table I": 0.375, "Bioengineering 2025, 12(12), 1330, table 4": 0.375}
