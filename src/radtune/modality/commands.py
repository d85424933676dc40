"""Commands of the ``modality`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Modality labels, classifier and predictions.", no_args_is_help=True)
