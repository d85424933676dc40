"""Runs a server for another process and ends it with that process: ``python -m radtune.questions.server_keeper command …``.

The other process holds the write end of standard input. When it ends, by whatever signal, that stream ends, and then the whole
group of processes here is ended: SIGTERM, and SIGKILL for what is left. So the workers that a server starts, which would outlive
it, go as well; a signal at the parent's death (PR_SET_PDEATHSIG) would reach only the server itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""

POLL_SECONDS = 0.2


def keep(command: Sequence[str]) -> NoReturn:
    """Run ``command`` until it ends or standard input does; then end this process and all of its group, which it must lead."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stay)
    try:
        # What this process inherited on purpose, such as the lease of a GPU, is held until the server is gone.
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error}")
    while server.poll() is None and not select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
        pass
    if server.returncode is None:
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_SECONDS)
    else:
        print(f"{command[0]} ended with exit code {server.returncode}", flush=True)  # noqa: T201
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("a process cannot outlive its own SIGKILL")


def _stay(number: int, frame: object) -> None:
    """Do nothing. (A signal that is ignored, rather than handled, would stay ignored in the server.)"""


if __name__ == "__main__":
    keep(sys.argv[1:])
