"""Commands of the ``benchmark`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption

app = typer.Typer(help="Tables and tests over the scores of all systems.", no_args_is_help=True)

ScoresOption = Annotated[list[Path], typer.Option("--scores", help="Scores; give the option once a system.")]


@app.command()
def systems(
    scores: ScoresOption,
    output: Annotated[Path, typer.Option(help="Where the benchmark table goes.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Tabulate mean and confidence interval of every system, arm, task and metric."""
    from radtune.benchmark.systems import tabulate_systems
    from radtune.config.metrics import BenchmarkSettings

    tabulate_systems(scores, output, settings=BenchmarkSettings.parse(settings), seed=seed)


@app.command()
def compare(
    scores: ScoresOption,
    output: Annotated[Path, typer.Option(help="Where the comparisons go.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Test systems against each other, against the baseline, and with against without the modality in the prompt."""
    from radtune.benchmark.compare import compare_systems
    from radtune.config.metrics import BenchmarkSettings

    compare_systems(scores, output, settings=BenchmarkSettings.parse(settings), seed=seed)
