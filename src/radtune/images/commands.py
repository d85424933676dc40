"""Commands of the ``images`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption

app = typer.Typer(help="Standardise images into Parquet shards, and look into them.", no_args_is_help=True)


@app.command("standardise")
def standardise_command(
    captions: Annotated[
        list[Path], typer.Option(help="Image–caption pairs (captions artifact); once for each data set.", dir_okay=False)
    ],
    output: Annotated[Path, typer.Option(help="Where to write the shard of images.", dir_okay=False)],
    quarantine: Annotated[
        Path, typer.Option(help="Where to write the images that cannot be used, with reasons.", dir_okay=False)
    ],
    shard: Annotated[int, typer.Option(help="Number of the shard, from 0.", min=0)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Decode, orient, fit, pad and encode the images of one shard."""
    from radtune.config.images import ImageSettings
    from radtune.images.standardise import standardise

    standardise(captions, output, quarantine, shard=shard, settings=ImageSettings.parse(settings), seed=seed)


@app.command("burned-in-text")
def burned_in_text_command(
    images: Annotated[Path, typer.Option(help="A shard of standardised images (images).", dir_okay=False)],
    output: Annotated[Path, typer.Option(help="Write here how much text each image holds (burned_in_text).", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Count the text that is burned into the images of one shard, and flag those with much of it. Never says what it reads."""
    from radtune.config.images import ImageSettings
    from radtune.images.burned_in_text import find_burned_in_text

    find_burned_in_text(images, output, settings=ImageSettings.parse(settings), seed=seed)
