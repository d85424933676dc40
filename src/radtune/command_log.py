"""The log of a command: its command line first, then everything it prints, on the screen and in a file at once."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from radtune.options import WEIGHTS_CACHE_VARIABLE


class Tee(io.TextIOBase):
    """A text stream that writes to a terminal and to a log file."""

    def __init__(self, terminal: TextIO, file: TextIO) -> None:
        self._terminal, self._file = terminal, file

    def write(self, text: str) -> int:
        """Write to both; the log is flushed at once, so that a killed job's log is complete."""
        self._file.write(text)
        self._file.flush()
        return self._terminal.write(text)

    def flush(self) -> None:
        """Flush both."""
        self._file.flush()
        self._terminal.flush()

    def isatty(self) -> bool:
        """False: what is logged must read well in a file."""
        return False

    def fileno(self) -> int:
        """The terminal's descriptor, for libraries that ask for one."""
        return self._terminal.fileno()


def start_command_log(path: Path, arguments: Sequence[str]) -> None:
    """From now on copy standard output and error to ``path``, whose first line is the command that can be run by hand.

    Of several processes that `torchrun` starts, those after the first write to `<name>.rank<number>.log` beside it.
    """
    rank = int(os.environ.get("RANK", "0"))
    if rank > 0:
        path = path.with_suffix(f".rank{rank}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w", encoding="utf-8")
    cache = os.environ.get(WEIGHTS_CACHE_VARIABLE)
    variable = f"{WEIGHTS_CACHE_VARIABLE}={shlex.quote(cache)} " if cache else ""
    file.write(f"$ {variable}{shlex.join(['radtune', *arguments])}\n")
    file.flush()
    sys.stdout = Tee(sys.stdout, file)  # type: ignore[assignment]
    sys.stderr = Tee(sys.stderr, file)  # type: ignore[assignment]
