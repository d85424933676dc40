"""Commands of the ``questions`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Questions: written by an LLM, filtered, and known by construction.", no_args_is_help=True)
