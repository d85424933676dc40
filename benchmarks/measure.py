"""Measuring two things side by side on a noisy machine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPEATS = 5


@dataclass(frozen=True)
class Comparison:
    """Seconds of one piece of work, ours and the peer's, taken alternately."""

    work: str
    peer: str
    """What the peer is."""
    ours_seconds: tuple[float, ...]
    peer_seconds: tuple[float, ...]
    samples: int | None = None
    """How many rows the work is, where a speed says more than a time."""

    @property
    def ratios(self) -> list[float]:
        """Peer's seconds over ours, pair by pair: above 1 we are faster."""
        return [peer / ours for ours, peer in zip(self.ours_seconds, self.peer_seconds, strict=True)]


@dataclass(frozen=True)
class Counted:
    """Something counted beside the times."""

    work: str
    found: str


@dataclass(frozen=True)
class NotMeasured:
    """A piece of work that cannot be measured now, and why."""

    work: str
    reason: str


def compare(
    work: str, ours: Callable[[], object], peer_name: str, peer: Callable[[], object], samples: int | None = None
) -> Comparison:
    """Run ``ours`` and ``peer`` alternately, once unmeasured and then ``REPEATS`` times."""
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(REPEATS)]
    return Comparison(work, peer_name, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), samples)


_PEAK = """
import resource, subprocess, sys
found = subprocess.run(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(found.returncode)
"""
"""A process between this one and the one that is measured: Linux counts what a process held when it started another one as
memory of the new one."""


def run_for_memory(command: Sequence[str], folder: Path) -> tuple[str, float, float]:
    """Run ``command`` in ``folder``: what it printed, seconds, and the most memory that it or a process it waited for had, in GB.

    Raises :class:`RuntimeError` with what it printed if it fails.
    """
    with tempfile.NamedTemporaryFile("r") as peak:
        start = time.perf_counter()
        result = subprocess.run(
            [sys.executable, "-c", _PEAK, peak.name, *command], cwd=folder, capture_output=True, text=True, check=False
        )
        taken = time.perf_counter() - start
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}\n{result.stderr[-2000:]}")
        return result.stdout + result.stderr, taken, int(peak.read()) * 1024 / 1e9  # Linux counts in KiB


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(values: tuple[float, ...] | list[float]) -> float:
    """Median of measured values."""
    return statistics.median(values)
