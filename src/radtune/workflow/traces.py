"""What Snakemake, the scheduler and running processes show of jobs. Everything here only reads."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import SoftFileLease

from radtune.training.folder_lock import LEASE_SECONDS, lock_path

SQUEUE_SECONDS = 5.0
"""How long the scheduler may take to answer. A login node must not hang with it."""

SEPARATOR = "\x1f"
"""Between the fields of `squeue`: in no folder's name."""

NEWEST_LOGS = 20
"""Logs of Snakemake that are searched for the end of a job."""


@dataclass(frozen=True)
class QueuedJob:
    """A job as `squeue` shows it."""

    number: str
    state: str
    """Such as ``RUNNING`` or ``PENDING``."""
    place: str
    """Node it runs on, or why it waits."""


def running_here(folder: Path) -> dict[Path, int]:
    """Process ids of radtune's commands on this machine whose log lies below ``folder``, by the log; none without /proc."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "--log" not in words or not any("radtune" in word for word in words):
                continue
            log = (entry / "cwd").readlink() / words[words.index("--log") + 1]
        except (OSError, IndexError):  # ended meanwhile, or another user's
            continue
        if log.is_relative_to(folder):
            found[log] = int(entry.name)
    return found


def unfinished(project: Path) -> set[Path]:
    """Outputs that Snakemake began and has not noted as made. ``project`` is the folder in which it runs.

    The marks of a Snakemake that was killed stay.
    """
    marks = project / ".snakemake/incomplete"
    found = set()
    for path in marks.rglob("*"):
        if not path.is_file():
            continue
        # A long name is spread over folders, each with an @ before its part.
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(marks).parts)
        try:
            found.add(project / base64.urlsafe_b64decode(encoded).decode())
        except (binascii.Error, UnicodeDecodeError):  # not Snakemake's
            continue
    return found


def queue(project: Path) -> dict[str, QueuedJob] | None:
    """Jobs that the scheduler has for the workflow in ``project``, by their comment (:attr:`radtune.workflow.jobs.Job.comment`).

    None where the scheduler cannot be asked.
    """
    if shutil.which("squeue") is None:
        return None
    fields = ("%i", "%T", "%R", "%Z", "%k")  # id, state, place or reason, folder, comment
    command = ["squeue", "--noheader", f"--user={(project / '.snakemake').owner()}", f"--format={SEPARATOR.join(fields)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SQUEUE_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return None
    if done.returncode:
        return None
    lines = [line.split(SEPARATOR) for line in done.stdout.splitlines()]
    return {
        comment: QueuedJob(number, state, place)
        for number, state, place, folder, comment in (line for line in lines if len(line) == len(fields))
        if folder == str(project)
    }


def holder(folder: Path) -> str | None:
    """Who holds the lock of a ``folder`` of resumable work, as far as can be seen from here; None if nobody does."""
    path = lock_path(folder)
    try:
        silent = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    owner = SoftFileLease(path).owner
    if owner is None:
        return None
    here = owner.hostname == socket.gethostname()
    alive = Path(f"/proc/{owner.pid}").exists() if here else silent < LEASE_SECONDS
    return f"process {owner.pid} on {owner.hostname}" if alive else None


def seconds_taken(project: Path, output: Path) -> float | None:
    """Wall time of the job that made ``output``, as Snakemake noted it; None if it did not."""
    folder = project / ".snakemake/metadata"
    encoded = base64.urlsafe_b64encode(os.path.relpath(output, project).encode()).decode()
    try:
        longest = os.pathconf(folder, "PC_NAME_MAX") - 1
        parts = [encoded[start : start + longest] for start in range(0, len(encoded), longest)]
        record = json.loads(folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1]).read_text())
        return float(record["endtime"] - record["starttime"])
    except (OSError, ValueError, KeyError, TypeError):  # no such record, being written, or incomplete
        return None


_PROGRESS_BAR = re.compile(r"\d+%\|")
_ERROR = re.compile(r"error: |asked to stop|(?:[A-Za-z_][\w.]*)?(?:Error|Exception|Interrupt)\b|[Kk]illed|interrupted")


def last_words(log: Path) -> tuple[str | None, str | None]:
    """The last line of a step's log that says why it ended, and the last line at all; progress bars are left out."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None, None
    lines = [line.strip() for line in re.split(r"[\r\n]", text)[1:]]  # the first is the command
    said = [line for line in lines if line and not _PROGRESS_BAR.search(line)]
    telling = next((line for line in reversed(said) if _ERROR.match(line)), None)
    return telling, said[-1] if said else None


_STATUS = re.compile(r"SLURM status is: '([^']+)'")


def scheduler_verdicts(project: Path) -> dict[Path, str]:
    """How the scheduler says that jobs ended, such as ``TIMEOUT``, by the log of the job; from Snakemake's newest logs."""
    verdicts: dict[Path, str] = {}
    for path in sorted((project / ".snakemake/log").glob("*.snakemake.log"))[-NEWEST_LOGS:]:
        for block in path.read_text(encoding="utf-8", errors="replace").split("Error in rule ")[1:]:
            status, log = _STATUS.search(block), re.search(r"^    log: (.+?)(?:,| \(check log)", block, re.MULTILINE)
            if status and log:
                verdicts[project / log[1]] = status[1]
    return verdicts
