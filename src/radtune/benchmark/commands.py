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


@app.command()
def slices(
    scores: ScoresOption,
    captions: Annotated[Path, typer.Option(help="The data set's captions.")],
    concepts: Annotated[Path, typer.Option(help="The data set's concept table.")],
    labels: Annotated[Path, typer.Option(help="The modality labels.")],
    output: Annotated[Path, typer.Option(help="Where the table goes.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Tabulate mean and confidence interval by modality, caption length, body region and semantic group."""
    from radtune.benchmark.slices import tabulate_slices
    from radtune.config.metrics import BenchmarkSettings

    tabulate_slices(scores, captions, concepts, labels, output, settings=BenchmarkSettings.parse(settings), seed=seed)


@app.command()
def papers(
    table: Annotated[Path, typer.Option(help="The benchmark table.")],
    signatures: Annotated[list[Path], typer.Option(help="Metric signatures; give the option once a system.")],
    output: Annotated[Path, typer.Option(help="Where the comparison goes.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Put what the papers print for the run's systems beside what the run measured."""
    from radtune.benchmark.paper_comparison import compare_with_papers
    from radtune.config.metrics import BenchmarkSettings

    compare_with_papers(table, signatures, output, settings=BenchmarkSettings.parse(settings), seed=seed)


@app.command()
def agreement(
    scores: ScoresOption,
    output: Annotated[Path, typer.Option(help="Where the table goes.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Tabulate how far two variants of a metric agree, on items and in the order of the systems."""
    from radtune.benchmark.agreement import compare_variants
    from radtune.config.metrics import BenchmarkSettings

    compare_variants(scores, output, settings=BenchmarkSettings.parse(settings), seed=seed)


@app.command()
def components(
    predictions: Annotated[list[Path], typer.Option(help="Predictions; give the option once a system and arm.")],
    output: Annotated[Path, typer.Option(help="Where the table goes.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Tabulate which components of the references the captions name: modality, finding, location, laterality and so on."""
    from radtune.benchmark.component_recall import tabulate_components
    from radtune.config.metrics import BenchmarkSettings

    tabulate_components(predictions, output, settings=BenchmarkSettings.parse(settings), seed=seed)
