"""The command ``radtune plan``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What ``plan`` prints."""

    table = "table"
    json = "json"


def plan(
    config: Annotated[
        list[Path] | None,
        typer.Option(help="config.yaml (the default), then overlays; later ones win.", exists=True, dir_okay=False),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be repeated.")] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="Only models with this strategy; may be repeated.")] = None,
    format: Annotated[Format, typer.Option(help="A table for people or JSON for programs.")] = Format.table,
    results: Annotated[Path, typer.Option(help="Folder of the runs, to count rows that exist already.")] = Path("results"),
    pending: Annotated[
        bool,
        typer.Option("--pending", help="Only what a start would run now, by a dry-run of Snakemake in this folder."),
    ] = False,
) -> None:
    """Show what each model would train and cost: parameters, tokens, steps, memory, GPU hours. Downloads nothing."""
    import orjson

    from radtune.config.load import load_config
    from radtune.planning.selection import chosen_models

    settings = load_config(config or [Path("config.yaml")])
    names = chosen_models(settings, model or (), strategy or ())

    from radtune.planning.pending import models_of, pending_jobs, pending_model
    from radtune.planning.plan import assumptions, plan_model
    from radtune.planning.table import pending_table, table

    if pending:
        jobs = pending_jobs(config or ())
        names = models_of(jobs, names)

    plans = [plan_model(settings, name, results=results) for name in names]
    notes = assumptions(settings.planning)
    if pending:
        models = [pending_model(jobs, plan, settings, results) for plan in plans]
        if format is Format.json:
            print(orjson.dumps({"assumptions": notes, "jobs": jobs, "models": models}, option=orjson.OPT_INDENT_2).decode())
        else:
            print(pending_table(models, jobs, notes))
        return
    if format is Format.json:
        print(orjson.dumps({"assumptions": notes, "models": plans}, option=orjson.OPT_INDENT_2).decode())
    else:
        print(table(plans, notes))
