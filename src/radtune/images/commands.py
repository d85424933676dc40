"""Commands of the ``images`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Standardise images into Parquet shards.", no_args_is_help=True)
