"""SIGTERM, which clusters send before they take a node away, turned into a flag that a loop looks at between steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
