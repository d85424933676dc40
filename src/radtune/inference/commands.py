"""Commands of the ``inference`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Predict with a trained model, or a baseline.", no_args_is_help=True)
