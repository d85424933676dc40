"""Commands of the ``training`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Train a model.", no_args_is_help=True)
