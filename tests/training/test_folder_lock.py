from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from radtune.errors import EXIT_ERROR, RadtuneError
from radtune.training.folder_lock import lock_path, locked

LEASE = 1.2

HOLD = """
import socket, sys, time
from pathlib import Path
if sys.argv[2]:
    socket.gethostname = lambda: sys.argv[2]  # what this process writes down as its host
from radtune.training.folder_lock import locked
with locked(Path(sys.argv[1]), lease_seconds=float(sys.argv[3])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path, host: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that holds ``folder`` on this host, or on one called ``host``."""
    twin = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), host, str(LEASE)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert twin.stdout is not None
        assert twin.stdout.readline() == "held\n"
        yield twin
    finally:
        twin.kill()
        twin.wait()


def test_a_twin_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    folder = tmp_path / "work"
    with holder(folder) as twin:
        with pytest.raises(RadtuneError, match=f"process {twin.pid} on .* is still at work"), locked(folder, 0.2, LEASE):
            pass
    # The process is gone, so nobody waits for its lease to run out.
    with locked(folder, wait_seconds=0, lease_seconds=LEASE) as waited:
        assert not waited
    assert not lock_path(folder).exists()


def test_an_owner_on_another_host_keeps_its_lock_as_long_as_it_is_heard_of(tmp_path):
    folder = tmp_path / "work"
    with holder(folder, host="node2") as twin:
        with (
            pytest.raises(RadtuneError, match=f"process {twin.pid} on node2.* is still at work"),
            locked(folder, 2 * LEASE, LEASE),
        ):
            pass
        assert twin.poll() is None


def test_the_lock_of_a_dead_node_is_taken_once_it_was_silent_for_the_lease(tmp_path):
    folder = tmp_path / "work"
    with holder(folder, host="node2"):
        pass
    with pytest.raises(RadtuneError, match="node2"), locked(folder, LEASE / 4, LEASE):
        pass
    with locked(folder, wait_seconds=60, lease_seconds=LEASE) as waited:
        assert waited


def test_an_owner_that_slept_through_its_lease_ends_when_it_wakes(tmp_path):
    folder = tmp_path / "work"
    with holder(folder, host="node2") as twin:
        twin.send_signal(signal.SIGSTOP)
        with locked(folder, wait_seconds=60, lease_seconds=LEASE):
            twin.send_signal(signal.SIGCONT)
            _, printed = twin.communicate(timeout=60)
            assert twin.returncode == EXIT_ERROR
            assert "this process's lock was lost (owner-changed); it ends" in printed
            assert lock_path(folder).exists()


def test_a_folder_can_be_removed_under_its_lock(tmp_path):
    folder = tmp_path / "work"
    with locked(folder, lease_seconds=LEASE):
        folder.rmdir()
    assert list(tmp_path.iterdir()) == []
