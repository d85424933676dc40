"""Commands of the ``metrics`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Score predictions.", no_args_is_help=True)
