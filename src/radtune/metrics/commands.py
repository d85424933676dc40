"""Commands of the ``metrics`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Score predictions.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``score`` a command of its own while it is the only one."""


@app.command()
def score(
    predictions: Annotated[list[Path], typer.Option(help="Predictions of one system; give the option once an arm.")],
    captions: Annotated[Path, typer.Option(help="The data set's captions.")],
    concepts: Annotated[Path, typer.Option(help="The data set's concept table.")],
    labels: Annotated[Path, typer.Option(help="The modality labels.")],
    scores: Annotated[Path, typer.Option(help="Where the per-sample scores go.")],
    signatures: Annotated[Path, typer.Option(help="Where the metrics' signatures go.")],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
    images: Annotated[
        list[Path] | None, typer.Option(help="A shard of standardised images, for metrics that look at them; once a shard.")
    ] = None,
) -> None:
    """Score every prediction of one system with every metric that applies to its task.

    A metric whose weights or images cannot be had becomes unavailable, with the reason in its signature; the others are computed.
    """
    from radtune.config.metrics import MetricSettings
    from radtune.metrics.score import score as step

    step(
        predictions,
        captions,
        concepts,
        labels,
        images or [],
        scores,
        signatures,
        settings=MetricSettings.parse(settings),
        seed=seed,
        weights_cache=weights_cache,
    )
