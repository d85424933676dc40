"""Commands about the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The configuration: check it, and write its documents.", no_args_is_help=True)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="config.yaml, then overlays; later ones win key by key.")],
) -> None:
    """Check configuration files; every wrong key is named with its value and the fix."""
    from radtune.config.load import load_config

    config = load_config(files)
    print(f"{', '.join(map(str, files))}: valid; run {config.run!r} with {len(config.systems)} systems")


@app.command()
def write(root: Annotated[Path, typer.Argument(help="Root of the project.")] = Path()) -> None:
    """Write config.yaml, its JSON schema and docs/configuration.md from the typed source."""
    from radtune.config.documents import commented_yaml, json_schema, reference_page
    from radtune.config.published import PUBLISHED

    (root / "config.yaml").write_text(commented_yaml(PUBLISHED), encoding="utf-8")
    (root / "workflow/config.schema.json").write_text(json_schema(), encoding="utf-8")
    (root / "docs/configuration.md").write_text(reference_page(), encoding="utf-8")
