"""Commands of the ``report`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Build the report.", no_args_is_help=True)
