"""Command-line options that every step shares, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WEIGHTS_CACHE_VARIABLE = "RADTUNE_WEIGHTS_CACHE"
"""Environment variable of the weight cache: the workflow sets it, since where weights lie changes no result and so must not be a
param of a rule."""

SCRATCH_VARIABLE = "RADTUNE_SCRATCH"
"""Environment variable of the node's own disk, as the site file names it: where a file is read changes no result either."""

SettingsOption = Annotated[
    str, typer.Option("--settings", help="The step's block of the configuration, as JSON.", metavar="JSON")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything the step draws.")]
LeakageOption = Annotated[
    Path | None,
    typer.Option("--leakage", help="Overlap of training with testing (leakage), which is left out or stops.", dir_okay=False),
]
LeakageSettingsOption = Annotated[
    str, typer.Option("--leakage-settings", help="What follows from it: the block datasets.leakage, as JSON.", metavar="JSON")
]
WeightsCacheOption = Annotated[
    Path,
    typer.Option(
        "--weights-cache", envvar=WEIGHTS_CACHE_VARIABLE, help="Folder of downloaded weights and packages.", file_okay=False
    ),
]
ScratchOption = Annotated[
    str | None,
    typer.Option(
        "--scratch",
        envvar=SCRATCH_VARIABLE,
        help="Folder on this node's own disk to which the image shards are copied first; variables in it are expanded.",
    ),
]
