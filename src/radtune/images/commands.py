"""Commands of the ``images`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption

app = typer.Typer(help="Standardise images into Parquet shards.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``standardise`` a subcommand: Typer would merge a lone command into its group."""


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
