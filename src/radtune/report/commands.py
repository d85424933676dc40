"""Commands of the ``report`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption

app = typer.Typer(help="Build the report.", no_args_is_help=True)

RunOption = Annotated[Path, typer.Option("--run", help="Folder of the run, such as results/sample.", file_okay=False)]


@app.command("build")
def build(
    run: RunOption,
    output: Annotated[Path, typer.Option(help="The page to write; what it shows goes to assets/ beside it.", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Build one static page with everything a run did: results, training, what was dropped and why, examples, audit trail."""
    from radtune.config.report import ReportSettings
    from radtune.report.site import build_site

    build_site(run, output, settings=ReportSettings.parse(settings), seed=seed)


@app.command("table")
def table(run: RunOption) -> None:
    """Print the results table of a run and the address of its report."""
    from radtune.report.terminal import print_results

    print_results(run)
