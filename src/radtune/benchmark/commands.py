"""Commands of the ``benchmark`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Tables and tests over the scores of all systems.", no_args_is_help=True)
