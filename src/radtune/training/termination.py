"""SIGTERM, which clusters send before they take a node away, turned into a flag that a loop looks at between steps."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from radtune.errors import EXIT_SAVED

PR_SET_PDEATHSIG = 1
"""Of `linux/prctl.h`."""


class Stopped(Exception):
    """The work was asked to stop; what is done is saved, and the same call goes on from there."""


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.requested = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


@contextmanager
def on_sigterm() -> Iterator[StopRequest]:
    """Within the block SIGTERM (once or more) only sets the flag; afterwards it does what it did before.

    Python lets only the main thread handle signals; elsewhere the flag is never set.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = signal.signal(signal.SIGTERM, request._note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)


def stop_with_parent() -> None:
    """From now on the end of the process that started this one, however it ends, is SIGTERM here. On Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def exit_when_stopped(saved: str) -> Iterator[None]:
    """Exit with :data:`radtune.errors.EXIT_SAVED` when the block raises :class:`Stopped`; ``saved`` says what is kept."""
    try:
        yield
    except Stopped:
        print(f"asked to stop: {saved}; the same command goes on from here", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_SAVED)
