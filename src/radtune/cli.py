"""The ``radtune`` command: one group of commands a room, and what every command shares."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from radtune import __version__
from radtune.benchmark.commands import app as benchmark
from radtune.command_log import start_command_log
from radtune.config.commands import app as config
from radtune.datasets.commands import app as datasets
from radtune.errors import EXIT_ERROR, EXIT_INTERRUPTED, RadtuneError
from radtune.images.commands import app as images
from radtune.inference.commands import app as inference
from radtune.metrics.commands import app as metrics
from radtune.metrics.commands import score_files
from radtune.mixes.commands import app as mixes
from radtune.modality.commands import app as modality
from radtune.planning.commands import plan
from radtune.questions.commands import app as questions
from radtune.report.commands import app as report
from radtune.training.commands import app as training
from radtune.weights.commands import app as weights
from radtune.workflow.commands import audit, prefetch, preflight, status

app = typer.Typer(
    help="From raw radiology archives to an audited benchmark of fine-tuned vision–language models.\n\n"
    "Snakemake calls the commands below, one a step; each can be run by hand with the command at the top of its log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, group in {
    "datasets": datasets,
    "images": images,
    "modality": modality,
    "questions": questions,
    "mixes": mixes,
    "training": training,
    "inference": inference,
    "metrics": metrics,
    "benchmark": benchmark,
    "report": report,
    "config": config,
    "weights": weights,
}.items():
    app.add_typer(group, name=name)

app.command()(audit)
app.command()(status)
app.command()(preflight)
app.command()(prefetch)
app.command()(plan)
app.command("score")(score_files)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    log: Annotated[Path | None, typer.Option(help="Also write everything that is printed to this file.", dir_okay=False)] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if log is not None:
        start_command_log(log, sys.argv[1:])


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Ctrl-C ends a command as an exit, so that what it has open is closed and its code says why."""
    print("interrupted", file=sys.stderr)
    raise SystemExit(EXIT_INTERRUPTED)


def main() -> None:
    """Entry point: errors of the user's kind become one message and an exit code, never a traceback."""
    signal.signal(signal.SIGINT, _interrupt)
    # PEFT imports bitsandbytes, which on some processors warns that a kernel to be had from the hub is absent. None is wanted.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        app()
    except RadtuneError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
