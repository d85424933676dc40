"""GPUs for the jobs of a machine without a scheduler: ``python -m radtune.workflow.gpu_lease --gpus 2 -- command …``.

Snakemake counts GPUs (``--resources gpu=2``) but tells no local job which is its own, so all would take the first. Here a job
leases devices and then becomes the command (exec), with ``CUDA_VISIBLE_DEVICES`` naming them. A lease is the system's lock
(flock) on a file that stands for the device, held through a descriptor which the command inherits: the kernel lets go of it
when the process ends, however it ends.

A job takes all of its devices or none, and only one job at a time is at the door. So two jobs never wait for each other's
devices, and one that wants two is not overtaken for ever by those that want one.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from radtune.errors import EXIT_ERROR, ConfigError, RadtuneError
from radtune.private_folder import private_folder

DEVICES_VARIABLE = "RADTUNE_GPUS"
"""Environment variable that lists the devices to lease, as ``CUDA_VISIBLE_DEVICES`` does."""

LOCKS_VARIABLE = "RADTUNE_GPU_LOCKS"
"""Environment variable of the folder of the locks, for users who share a machine's GPUs and a folder that all can write to."""

LOCKS_PLACE = Path("/tmp")
"""Of the machine, the same for each login (``TMPDIR`` may not be), and of a file system that locks."""

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"

POLL_SECONDS = 0.5


def devices() -> list[str]:
    """The devices of this machine that jobs may use, as CUDA names them: those that ``RADTUNE_GPUS`` lists, else
    ``CUDA_VISIBLE_DEVICES``, else all that `nvidia-smi` knows."""
    for variable in (DEVICES_VARIABLE, VISIBLE):
        if variable in os.environ:
            return _listed(variable)
    try:
        printed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return printed.stdout.split()


def _listed(variable: str) -> list[str]:
    """Devices that an environment variable lists, each once."""
    names = (name.strip() for name in os.environ.get(variable, "").split(","))
    return list(dict.fromkeys(name for name in names if name not in ("", "-1", "NoDevFiles")))


def lease(names: Sequence[str], count: int, folder: Path) -> list[str]:
    """Wait until ``count`` of the devices ``names`` are free, and hold them until this process, and those that it hands its
    descriptors to, have ended. Says on standard error when it has to wait."""
    waiting = f"waiting for {count} of the GPUs {', '.join(names)}"
    door = _open(folder / "door.lock")
    if not _taken(door):
        _say(f"{waiting}, behind another job")
        fcntl.flock(door, fcntl.LOCK_EX)
    held = _free(names, count, folder)
    if len(held) < count:
        _say(waiting)
    while len(held) < count:
        for descriptor in held.values():
            os.close(descriptor)
        time.sleep(POLL_SECONDS)
        held = _free(names, count, folder)
    os.close(door)
    for descriptor in held.values():
        os.set_inheritable(descriptor, True)
    return list(held)


def _free(names: Sequence[str], count: int, folder: Path) -> dict[str, int]:
    """Up to ``count`` devices that nobody held, each with the descriptor that now holds it."""
    held: dict[str, int] = {}
    for name in names:
        if len(held) == count:
            break
        descriptor = _open(folder / f"{quote(name, safe='')}.lock")
        if _taken(descriptor):
            held[name] = descriptor
        else:
            os.close(descriptor)
    return held


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)


def _taken(descriptor: int) -> bool:
    """Whether this process could take the lock at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(text: str) -> None:
    print(f"gpu_lease: {text}", file=sys.stderr, flush=True)  # noqa: T201


def assign(count: int) -> None:
    """Lease ``count`` devices and put them into ``CUDA_VISIBLE_DEVICES`` of this process.

    A scheduler's own assignment is left alone. Only where Snakemake itself runs inside one SLURM job, which has more devices than
    this command wants, they are leased among that job's commands.

    Raises :class:`ConfigError` if the machine has fewer.
    """
    allocation = os.environ.get("SLURM_JOB_ID")
    names = _listed(VISIBLE) if allocation else devices()
    if allocation and len(names) <= count:
        return
    if len(names) < count:
        raise ConfigError(
            f"{count} GPUs are asked for, and {len(names)} found",
            f"ask for fewer (models.<name>.resources.gpu, jobs.<room>.gpu), or list the devices in {DEVICES_VARIABLE}",
        )
    if not {VISIBLE, DEVICES_VARIABLE} & os.environ.keys():
        os.environ[ORDER] = "PCI_BUS_ID"  # the order in which nvidia-smi counts; CUDA's own puts the fastest first
    own = os.environ.get(LOCKS_VARIABLE)
    folder = Path(own) if own else private_folder(LOCKS_PLACE, "gpus")
    if allocation:  # its device 0 may be another than that of the next allocation on this node
        folder /= allocation
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[VISIBLE] = ",".join(lease(names, count, folder))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Lease, then become the command."""
    parser = argparse.ArgumentParser(prog="python -m radtune.workflow.gpu_lease", description="Run a command on GPUs of its own.")
    parser.add_argument("--gpus", type=int, required=True, help="How many GPUs the command gets.")
    parser.add_argument("command", nargs="+", help="The command, after --.")
    options = parser.parse_args(arguments)
    try:
        assign(options.gpus)
    except (RadtuneError, OSError) as error:
        _say(f"error: {error}")
        sys.exit(EXIT_ERROR)
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        _say(f"error: {options.command[0]} cannot be started: {error}")
        sys.exit(EXIT_ERROR)


if __name__ == "__main__":
    main()
