"""A language-model server of the job's own: on a free port of this machine, asked until it answers, and gone with the job."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx

from radtune.config.questions import QuestionSettings
from radtune.errors import ServerError
from radtune.questions import server_keeper

HOST = "127.0.0.1"

PORTS_TRIED = 3
"""Between the choice of a free port and the server's use of it, another program may take it."""

ASK_SECONDS = 0.25
"""Pause between two questions whether the server is ready."""

LINES_SHOWN = 10

LISTENING = "0A"
"""A socket's state in ``/proc/net/tcp``."""


class _Died(Exception):
    """The server ended before it answered."""


@contextmanager
def running_server(settings: QuestionSettings, log: Path) -> Iterator[str]:
    """Run ``settings.server_command`` during the block; yields the server's base URL. What it prints goes to ``log``.

    The server ends with the block, and with this process however that ends (:mod:`radtune.questions.server_keeper`).

    Raises :class:`ServerError`, with the server's last lines, if it ends or does not answer within
    ``settings.server_start_seconds``; and if a :class:`ServerError` in the block is explained by the server's end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        keeper, url = _start(settings, output, log)
        try:
            yield url
        except ServerError as error:
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(10 * server_keeper.POLL_SECONDS)  # it may not have noticed yet
            if keeper.returncode is None:
                raise
            # Its last lines may quote captions by now, and those may be restricted.
            raise ServerError(f"{_name(settings)}: ended while it was asked", f"what it said last is in {log}") from error
        finally:
            _stop(keeper)


def _start(settings: QuestionSettings, output: IO[bytes], log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the server on one free port after the other until it is the server that answers there."""
    for _ in range(PORTS_TRIED):
        port = _free_port()
        keeper = _launch(settings, port, output)
        try:
            return keeper, _ready(settings, keeper, port, log)
        except _Died:
            _stop(keeper)
            if _is_taken(port):
                continue
            raise ServerError(
                f"{_name(settings)}: ended before it answered\n{_last_lines(log)}",
                "correct questions.server_command, or its model",
            ) from None
        except BaseException:
            _stop(keeper)
            raise
    raise ServerError(
        f"{_name(settings)}: {PORTS_TRIED} ports were taken by other programs\n{_last_lines(log)}",
        "write {port} where questions.server_command names its port",
    )


def _launch(settings: QuestionSettings, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [word.replace("{port}", str(port)).replace("{model}", settings.model) for word in settings.server_command or ()]
    address = {"OLLAMA_HOST": f"{HOST}:{port}"} if settings.backend == "ollama" else {}
    return subprocess.Popen(
        [sys.executable, "-m", server_keeper.__name__, *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=os.environ | address,
        start_new_session=True,
        close_fds=False,  # the lease of a GPU is handed on; other descriptors are not inheritable
    )


def _ready(settings: QuestionSettings, keeper: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """The base URL, as soon as the server lists its models there. Raises :class:`_Died` or :class:`ServerError`."""
    url = f"http://{HOST}:{port}" + ("" if settings.backend == "ollama" else "/v1")
    listing = url + ("/api/tags" if settings.backend == "ollama" else "/models")
    key = os.environ.get(settings.api_key_variable)
    end = time.monotonic() + settings.server_start_seconds
    said = "no answer"
    with httpx.Client(headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=5, trust_env=False) as client:
        while time.monotonic() < end:
            try:
                said = f"status {client.get(listing).status_code}"
            except httpx.HTTPError as error:
                said = type(error).__name__
            if keeper.poll() is not None:
                raise _Died
            if said == "status 200":
                if _listens(keeper.pid, port):
                    return url
                said = f"another program at port {port}"
            time.sleep(ASK_SECONDS)
    raise ServerError(
        f"{_name(settings)}: not ready after {settings.server_start_seconds:.0f} s ({said})\n{_last_lines(log)}",
        "give it more time (questions.server_start_seconds), or correct questions.server_command: it must listen at port {port}",
    )


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    """End the server: gently, then all of its group."""
    assert keeper.stdin is not None
    keeper.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        keeper.wait(server_keeper.GRACE_SECONDS + 5)
    with suppress(ProcessLookupError):  # there still is a group only if the keeper was killed, or hangs
        os.killpg(keeper.pid, signal.SIGKILL)
    keeper.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _is_taken(port: int) -> bool:
    """Whether any program listens at ``port``."""
    with socket.socket() as asking:
        return asking.connect_ex((HOST, port)) == 0


def _listens(group: int, port: int) -> bool:
    """Whether a process of ``group`` listens at ``port``: on a node that others use too, captions must not go to their servers.

    Where the system has no ``/proc/net``, whoever answers is believed.
    """
    tables = [table for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if table.exists()]
    if not tables:
        return True
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    # Columns of proc(5): the local address with its port in hexadecimal digits, the state, the inode.
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port}
    return bool(sockets & _open_files(group))


def _open_files(group: int) -> set[str]:
    """What the descriptors of a group's processes refer to."""
    found = set()
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # no process, another user's, or one that ends meanwhile
            if os.getpgid(int(process.name)) == group:
                found |= {os.readlink(descriptor) for descriptor in (process / "fd").iterdir()}
    return found


def _name(settings: QuestionSettings) -> str:
    return (settings.server_command or ("",))[0]


def _last_lines(log: Path) -> str:
    """The end of the server's log, indented. Only for a server that no caption was sent to."""
    lines = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
    return "\n".join(f"    {line}" for line in lines)
