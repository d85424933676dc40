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


@app.command("read")
def read_command(
    folder: Annotated[Path, typer.Option(help="Folder of the data set, in the layout that the settings name.", file_okay=False)],
    name: Annotated[str, typer.Option(help="Name of the data set, carried in every row.")],
    captions: Annotated[Path, typer.Option(help="Write the image–caption pairs here.")],
    concepts: Annotated[Path, typer.Option(help="Write the concept table here.")],
    questions: Annotated[Path, typer.Option(help="Write the published questions here.")],
    quarantine: Annotated[Path, typer.Option(help="Write here what was left out and why.")],
    unpacked: Annotated[Path, typer.Option(help="Put images here that are no files of their own.", file_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    prefix: Annotated[str, typer.Option(help="Put this before every item id.")] = "",
) -> None:
    """Read a data set into image–caption pairs, published questions and a concept table."""
    from radtune.config.datasets import SourceSettings
    from radtune.datasets.read import read_dataset

    read_dataset(
        folder, captions, concepts, questions, quarantine, unpacked,
        name=name, settings=SourceSettings.parse(settings), seed=seed, prefix=prefix,
    )  # fmt: skip
