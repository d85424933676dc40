"""Command-line options that every step shares, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WEIGHTS_CACHE_VARIABLE = "RADTUNE_WEIGHTS_CACHE"
"""Environment variable of the weight cache: the workflow sets it, since where weights lie changes no result and so must not be a
param of a rule."""

SettingsOption = Annotated[
    str, typer.Option("--settings", help="The step's block of the configuration, as JSON.", metavar="JSON")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything the step draws.")]
WeightsCacheOption = Annotated[
    Path,
    typer.Option(
        "--weights-cache", envvar=WEIGHTS_CACHE_VARIABLE, help="Folder of downloaded weights and packages.", file_okay=False
    ),
]
