"""A private SLURM for tests: munge, a controller and several virtual nodes with fake GPUs, on this machine, in one folder.

Everything listens on the loopback interface only, on free ports; no system service and nothing below ``/etc`` is used.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
START_SECONDS = 20.0

SNAKEMAKE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins deaf to it
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor as Executor
interval = Executor.next_seconds_between_status_checks
Executor.next_seconds_between_status_checks = property(interval.fget, lambda self, value: interval.fset(self, min(value, 1)))
from snakemake.cli import main
sys.exit(main())
"""
"""Snakemake that looks at its jobs every second; the executor's own pauses grow to three minutes."""


def missing_programs() -> list[str]:
    """What is not installed of what a cluster needs (Debian: slurmctld, slurmd, slurm-client, munge)."""
    return [program for program in PROGRAMS if shutil.which(program, path=SEARCHED) is None]


@dataclass(frozen=True)
class Job:
    """One job as the controller remembers it."""

    job_id: int
    state: str
    rule: str
    """First word of the comment that Snakemake gives, without ``rule_``."""
    partition: str
    node: str
    minutes: int
    fields: dict[str, str]
    """Everything that ``scontrol show job`` prints."""

    @property
    def memory_mb(self) -> int:
        """Memory asked for."""
        text = self.fields["TRES"].partition("mem=")[2].partition(",")[0]
        return round(float(text[:-1]) * {"M": 1, "G": 1024, "T": 1024 * 1024}[text[-1]])

    @property
    def gpus(self) -> int:
        """GPUs asked for."""
        asked = self.fields.get("TresPerJob", "") + self.fields.get("TresPerNode", "")
        found = re.search(r"gpu(?::[A-Za-z]\w*)?:(\d+)", asked)
        return int(found[1]) if found else 0


class SlurmCluster:
    """Nodes ``n1`` … with ``gpus`` GPUs each; partitions ``cpu``, ``gpu`` and ``urgent`` (which preempts ``gpu``)."""

    def __init__(self, folder: Path, nodes: int = 2, gpus: int = 2, cpus: int = 16, memory_mb: int = 64_000) -> None:
        self.folder = folder
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.gpus, self.cpus, self.memory_mb = gpus, cpus, memory_mb
        self.ports: dict[str, int] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which SLURM's commands, and Snakemake, find this cluster."""
        return {"SLURM_CONF": str(self.folder / "etc/slurm.conf"), "PATH": f"{self.folder / 'bin'}:{SEARCHED}"}

    def command(self, *command: str, check: bool = True, timeout: float = 20) -> str:
        """Run one of SLURM's commands; what it printed."""
        result = subprocess.run(
            command,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert not check or result.returncode == 0, f"{command}: {result.stdout}"
        return result.stdout

    def start(self) -> None:
        """Start the daemons and wait until every node is idle."""
        for name in ("etc", "log", "run", "controller", "spool", "devices", "bin"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)  # munged refuses a socket below a folder that others cannot enter
        key = self.folder / "etc/munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        for number in range(self.gpus):
            # A symlink to a character device passes as a GPU: it is scheduled, and CUDA_VISIBLE_DEVICES is set.
            (self.folder / f"devices/gpu{number}").symlink_to("/dev/null")
        self._configure()
        self._daemon(
            "munged",
            *(f"--key-file={key}", f"--socket={self.folder}/run/munge.sock", f"--pid-file={self.folder}/run/munged.pid"),
            *(f"--log-file={self.folder}/log/munged.log", f"--seed-file={self.folder}/run/munge.seed"),
        )
        self._daemon("slurmctld", "-c")
        for node in self.nodes:
            self.start_node(node)
        wait_for(lambda: self.node_states() == {"idle"}, START_SECONDS, self._logs)

    def stop(self) -> None:
        """Cancel all jobs, then end the daemons; only processes that this cluster started are signalled."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.command("scancel", "--user", getpass.getuser(), check=False, timeout=5)
            with contextlib.suppress(AssertionError):
                wait_for(lambda: not self.command("squeue", "-h", check=False).strip(), 15)
        for node in self.nodes:
            self._end(f"slurmd-{node}")
        for name in ("slurmctld", "munged"):
            self._end(name)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._daemon("slurmd", "-N", node)

    def cut_power(self, node: str) -> None:
        """End the node's daemon and everything that runs on it, at once."""
        daemon = self._pid(f"slurmd-{node}")
        steps = processes_of(self.jobs_on(node))
        for pid in [daemon, *steps]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def node_states(self) -> set[str]:
        """States of the nodes, such as ``idle`` or ``down*``."""
        return set(self.command("sinfo", "-hN", "-o", "%T", check=False).split())

    def jobs(self) -> list[Job]:
        """Every job since the start, oldest first."""
        jobs = []
        for line in self.command("scontrol", "-o", "show", "job", check=False).splitlines():
            if not line.startswith("JobId="):
                continue
            fields = dict(part.partition("=")[::2] for part in line.split(" ") if "=" in part)
            hours, minutes, seconds = _clock(fields["TimeLimit"])
            jobs.append(
                Job(
                    int(fields["JobId"]),
                    fields["JobState"],
                    fields.get("Comment", "").removeprefix("rule_").split("_wildcards")[0],
                    fields["Partition"],
                    fields.get("NodeList", ""),
                    hours * 60 + minutes + (seconds > 0),
                    fields,
                )
            )
        return sorted(jobs, key=lambda job: job.job_id)

    def jobs_on(self, node: str) -> list[int]:
        """Ids of the jobs that run on a node."""
        return [job.job_id for job in self.jobs() if job.node == node and job.state == "RUNNING"]

    def _configure(self) -> None:
        ports = _free_ports(len(self.nodes) + 1)
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
            f"RealMemory={self.memory_mb} Gres=gpu:{self.gpus}"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        ]
        settings = f"""\
ClusterName=radtune
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# A requeued job starts again after cred_expire seconds, of which five are the least.
AuthInfo=socket={self.folder}/run/munge.sock,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
# Nodes may claim more processors and memory than this machine has.
SlurmdParameters=config_overrides
SlurmctldPidFile={self.folder}/run/slurmctld.pid
SlurmdPidFile={self.folder}/run/slurmd-%n.pid
SlurmctldLogFile={self.folder}/log/slurmctld.log
SlurmdLogFile={self.folder}/log/slurmd-%n.log
StateSaveLocation={self.folder}/controller
SlurmdSpoolDir={self.folder}/spool/%n
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=100000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=5
KillWait=10
MinJobAge=3600
# What can never run is refused, instead of waiting for ever.
EnforcePartLimits=ALL
GresTypes=gpu
{chr(10).join(nodes)}
PartitionName=cpu Nodes=ALL Default=YES DefaultTime=10 MaxTime=2-0 State=UP PriorityTier=5
PartitionName=gpu Nodes=ALL DefaultTime=10 MaxTime=2-0 State=UP PriorityTier=5
PartitionName=urgent Nodes=ALL DefaultTime=10 MaxTime=1-0 State=UP PriorityTier=9 PreemptMode=OFF
"""
        (self.folder / "etc/slurm.conf").write_text(settings)
        devices = self.folder / f"devices/gpu[0-{self.gpus - 1}]"
        (self.folder / "etc/gres.conf").write_text("".join(f"NodeName={node} Name=gpu File={devices}\n" for node in self.nodes))
        # Inside a job Snakemake drops all but a few of SLURM's variables, SLURM_CONF among them, before it calls srun.
        shim = self.folder / "bin/srun"
        real = shutil.which("srun", path=SEARCHED)
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/etc/slurm.conf exec {real} "$@"\n')
        shim.chmod(0o755)

    def _daemon(self, program: str, *arguments: str) -> None:
        """Start a daemon, which goes into the background by itself."""
        path = shutil.which(program, path=SEARCHED)
        assert path, f"{program} is not installed"
        result = subprocess.run(
            [path, *arguments], env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=30
        )
        assert result.returncode == 0, f"{program}: {result.stdout}{result.stderr}"

    def _pid(self, name: str) -> int:
        return int((self.folder / f"run/{name}.pid").read_text())

    def _end(self, name: str) -> None:
        """End a daemon by its recorded pid, if that process still is this cluster's."""
        try:
            pid = self._pid(name)
        except (FileNotFoundError, ValueError):
            return
        if not _is_alive(pid) or str(self.folder) not in _open_files(pid):
            return
        os.kill(pid, signal.SIGTERM)
        try:
            wait_for(lambda: not _is_alive(pid), 10)
        except AssertionError:
            os.kill(pid, signal.SIGKILL)

    def _logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-500:]}" for path in sorted((self.folder / "log").glob("*.log")))


def wait_for(happened: Callable[[], bool], seconds: float, explain: Callable[[], str] = lambda: "", pause: float = 0.1) -> None:
    """Wait until ``happened``; fail with ``explain`` after ``seconds``."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"did not happen within {seconds:.0f} s\n{explain()}"
        time.sleep(pause)


def is_told(pid: int, number: signal.Signals) -> bool:
    """Whether a signal was sent that the process (held still) has not taken yet, or the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)$", status, flags=re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in pending)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _clock(text: str) -> tuple[int, int, int]:
    """Hours, minutes and seconds of ``[days-]hours:minutes:seconds``."""
    days, _, clock = text.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return int(days or 0) * 24 + hours, minutes, seconds


def _is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False
    return True


def _open_files(pid: int) -> str:
    folder = Path(f"/proc/{pid}/fd")
    found = []
    for link in folder.iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return "\n".join(found)


def processes_of(jobs: list[int]) -> list[int]:
    """Step daemons of ``jobs`` and every process below them."""
    parents: dict[int, list[int]] = {}
    roots = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        parents.setdefault(parent, []).append(int(entry.name))
        if command.startswith("slurmstepd") and any(f"[{job}." in command for job in jobs):
            roots.append(int(entry.name))
    found = list(roots)
    for pid in found:
        found += parents.get(pid, [])
    return found
