"""One process at a time in a folder of resumable work, also where several nodes of a cluster share it.

A network file system need not pass the system's own locks (flock) on to other nodes, so the lock is a file beside the folder,
a lease of `filelock`: it names the owner's host, process id and start, and the owner touches it while it lives. A lock is stale

- of an owner on this host: when no process with that id and start runs. It is taken at once.
- of an owner on another host: when nobody touched it for ``LEASE_SECONDS`` by the clock of the one that waits. No two clocks are
  compared; after the death of a node the next attempt waits that long.

An owner that was frozen longer than that (a suspended job, a file system that hung) may have lost its lock when it wakes. It ends
within two heartbeats rather than write beside its successor; what it saved before stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import LeaseCompromise, SoftFileLease, Timeout

from radtune.errors import EXIT_ERROR, RadtuneError

LOCK_WAIT_SECONDS = 600.0
"""How long a twin waits before it gives up: a workflow that was killed may have left its training running."""

LEASE_SECONDS = 120.0
"""How long an owner on another host may be silent. Clients of NFS cache a file's times for up to a minute (acregmax)."""

HEARTBEATS = 12
"""Within that time."""


@contextmanager
def locked(folder: Path, wait_seconds: float = LOCK_WAIT_SECONDS, lease_seconds: float = LEASE_SECONDS) -> Iterator[bool]:
    """Hold ``folder`` (made if absent) for this process alone. Yields True if another process held it first and has let go.

    Raises :class:`RadtuneError` after ``wait_seconds``. All processes must agree on ``lease_seconds``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = SoftFileLease(
        lock_path(folder),
        lease_duration=lease_seconds,
        heartbeat_interval=lease_seconds / HEARTBEATS,
        on_compromise=_end_at_once,
    )
    waited = False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        owner = lock.owner
        who = f"process {owner.pid} on {owner.hostname}" if owner else "another process"
        print(f"{folder}: in use by {who}; waiting up to {wait_seconds:.0f} s", file=sys.stderr)  # noqa: T201
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=0.5)
        except Timeout:
            raise RadtuneError(
                f"{folder}: {who} is still at work here",
                "wait for it, or stop it (a workflow that was killed may have left its job running), and start again",
            ) from None
    try:
        yield waited
    finally:
        lock.release()


def lock_path(folder: Path) -> Path:
    """The lock of ``folder``: beside it, so that the folder can be removed under the lock."""
    return folder.with_name(f"{folder.name}.lock")


def _end_at_once(lost: LeaseCompromise) -> None:
    """End the process from the heartbeat's thread, whatever the main thread is doing: the folder may be another's by now."""
    print(f"{lost.lock_file}: this process's lock was lost ({lost.reason}); it ends", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(EXIT_ERROR)
