"""Commands of the ``mixes`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Mixes: which rows a training run sees.", no_args_is_help=True)
