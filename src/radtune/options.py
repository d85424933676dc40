"""Command-line options that every step shares, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SettingsOption = Annotated[
    str, typer.Option("--settings", help="The step's block of the configuration, as JSON.", metavar="JSON")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything the step draws.")]
WeightsCacheOption = Annotated[
    Path, typer.Option("--weights-cache", help="Folder of downloaded weights and packages.", file_okay=False)
]
