"""Commands of the ``datasets`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

import typer

app = typer.Typer(help="Image–caption pairs: read, check, and make the embedded sample.", no_args_is_help=True)
