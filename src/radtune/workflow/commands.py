"""Commands about a whole run: ``audit``, ``preflight`` and ``prefetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.errors import EXIT_ERROR


def audit(
    run: Annotated[Path, typer.Argument(help="Folder of the run, such as results/sample.", exists=True, file_okay=False)],
) -> None:
    """Check every artifact of a run against its own footer: what is altered, missing, stale, or does not add up.

    Exit code 0 if nothing is, 1 otherwise.
    """
    from radtune.artifacts.audit import audit_run

    report = audit_run(run)
    for finding in report.findings:
        print(f"{finding.verdict:8} {finding.path}: {finding.detail}")
    print(f"{report.artifacts} artifacts and {report.files} other files checked: {len(report.findings)} finding(s)")
    if report.findings:
        raise typer.Exit(EXIT_ERROR)


def status(
    run: Annotated[Path, typer.Argument(help="Folder of the run, such as results/sample.", exists=True, file_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
    planned: Annotated[
        bool, typer.Option("--planned", help="Reckon the GPU hours of what is not begun, as radtune plan does (loads torch).")
    ] = False,
) -> None:
    """Show which steps of a run are done, running, failed and why, or still to be done, and its GPU hours. Writes nothing."""
    from radtune.workflow.status import planned_hours, run_status

    found = run_status(run, planned_hours(run) if planned else None)
    if as_json:
        import orjson

        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        from radtune.workflow.status_table import print_status

        print_status(found)


def preflight(
    config: Annotated[list[Path], typer.Option(help="config.yaml, then overlays; later ones win.", exists=True, dir_okay=False)],
    cluster: Annotated[bool, typer.Option("--cluster", help="Jobs run elsewhere: do not look for a GPU here.")] = False,
) -> None:
    """List in one message everything the configured run needs and lacks. Exit code 1 if it lacks anything."""
    from radtune.config.load import load_config
    from radtune.workflow.preflight import check_needs

    needs = check_needs(load_config(config), cluster=cluster)
    for need in needs:
        print(f"{need.state:7} {need.what}: {need.detail}")
    lacking = [need for need in needs if need.state == "lacking"]
    print(f"preflight: {len(needs)} needs checked, {len(lacking)} lacking")
    if lacking:
        raise typer.Exit(EXIT_ERROR)


def prefetch(
    config: Annotated[
        list[Path] | None,
        typer.Option(help="config.yaml (the default), then overlays; later ones win.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Fetch every weight, package and data set of a run, so that its jobs need no internet. Run it where there is one.

    Interrupted, it goes on where it was. With HF_HUB_OFFLINE=1 it fetches nothing and shows what is there. Exit code 1 if
    anything is missing.
    """
    from radtune.config.load import load_config
    from radtune.network import offline
    from radtune.workflow.prefetch import fetch_everything, table, write_record

    settings = load_config(config or [Path("config.yaml")])
    items = fetch_everything(settings)
    print(table(items))
    if offline() is None:
        print(f"revisions are recorded in {write_record(items, settings)}")
    missing = [item for item in items if item.problem]
    print(f"prefetch: {len(items)} sources, {len(missing)} missing")
    if missing:
        raise typer.Exit(EXIT_ERROR)
