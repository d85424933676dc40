"""Commands of the ``datasets`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Image–caption pairs: read, check, and make the embedded sample.", no_args_is_help=True)


@app.command()
def make_sample(
    folder: Annotated[Path, typer.Option(help="Folder to make, in ROCOv2's layout; replaced as a whole.", file_okay=False)],
    sources: Annotated[Path, typer.Option(help="Write here how every image was made.")],
    quarantine: Annotated[Path, typer.Option(help="Write here what was left out and why.")],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
) -> None:
    """Make the embedded sample: real CT, MR, X-ray, ultrasound and scintigraphy images from pip packages, with true captions."""
    from radtune.config.datasets import SampleSettings
    from radtune.datasets import sample as step

    step.make_sample(folder, sources, quarantine, settings=SampleSettings.parse(settings), seed=seed, weights_cache=weights_cache)


@app.command()
def read_rocov2(
    folder: Annotated[Path, typer.Option(help="Folder in ROCOv2's layout.", file_okay=False)],
    captions: Annotated[Path, typer.Option(help="Write the image–caption pairs here.")],
    concepts: Annotated[Path, typer.Option(help="Write the concept table here.")],
    quarantine: Annotated[Path, typer.Option(help="Write here what was left out and why.")],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Read a folder in ROCOv2's published layout into image–caption pairs and a concept table."""
    from radtune.config.datasets import DatasetSettings
    from radtune.datasets import rocov2 as step

    step.read_rocov2(folder, captions, concepts, quarantine, settings=DatasetSettings.parse(settings), seed=seed)
