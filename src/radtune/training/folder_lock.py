"""One process at a time in a folder of resumable work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from radtune.errors import RadtuneError

LOCK_NAME = ".lock"
LOCK_WAIT_SECONDS = 600.0
"""How long a twin waits before it gives up: a workflow that was killed may have left its training running."""


@contextmanager
def locked(folder: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[bool]:
    """Hold ``folder`` (made if absent) for this process alone. Yields True if another process held it first and has let go.

    The system frees the lock of a process that dies, however it dies. Raises :class:`RadtuneError` after ``wait_seconds``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_NAME)
    waited = False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        print(f"{folder}: in use by another process; waiting up to {wait_seconds:.0f} s", file=sys.stderr)  # noqa: T201
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            raise RadtuneError(
                f"{folder}: another process is still at work here",
                "wait for it, or stop it (a workflow that was killed may have left its job running), and start again",
            ) from None
    try:
        yield waited
    finally:
        lock.release()
