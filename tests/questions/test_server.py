"""A server of the job's own: real processes, real faults, and none of them left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from questions.language_server import MODEL_DIGEST
from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.config.questions import QuestionSettings
from radtune.errors import ServerError
from radtune.questions.server import running_server
from radtune.questions.write import write_questions

from .conftest import CAPTIONS_OF_ITEMS, LanguageServer

PROGRAM = Path(__file__).with_name("language_server.py")

SettingsOf = Callable[..., QuestionSettings]


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SettingsOf]:
    """Settings whose server is the program, perhaps with a fault. It leaves its ids in a file, and must be gone afterwards."""
    monkeypatch.chdir(tmp_path)

    def settings_of(fault: str = "", **changes: object) -> QuestionSettings:
        settings = QuestionSettings(server_command=(sys.executable, str(PROGRAM), "{port}", fault), server_start_seconds=60)
        return settings.model_copy(update={"attempts": 2, "first_wait_seconds": 0.01, "batch_size": 2, **changes})

    yield settings_of
    assert [pid for pid in server_pids(tmp_path) if is_running(pid)] == []


def server_pids(folder: Path) -> list[int]:
    file = folder / "pids.txt"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def is_running(pid: int) -> bool:
    """A zombie that nobody has waited for yet does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_server_answers_during_the_block_and_is_gone_after_it(settings_of: SettingsOf, tmp_path: Path) -> None:
    with running_server(settings_of(), tmp_path / "logs/server.log") as url:
        assert httpx.get(f"{url}/api/tags").json()["models"][0]["digest"] == MODEL_DIGEST
        (pid,) = server_pids(tmp_path)
        assert is_running(pid)
    assert not is_running(pid)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_an_error_in_the_block_ends_the_server_too(settings_of: SettingsOf, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), running_server(settings_of(), tmp_path / "server.log"):
        raise ZeroDivisionError


def test_the_command_gets_port_model_and_ollamas_variable(settings_of: SettingsOf, tmp_path: Path) -> None:
    show = 'echo "host $OLLAMA_HOST model $2"; exec "$0" "$1" "$3"'
    command = ("bash", "-c", show, sys.executable, str(PROGRAM), "{model}", "{port}")
    settings = settings_of(server_command=command, model="llama3.1")
    with running_server(settings, tmp_path / "server.log") as url:
        address = url.removeprefix("http://")
        assert (tmp_path / "server.log").read_text() == f"host {address} model llama3.1\n"
    with running_server(settings.model_copy(update={"backend": "openai"}), tmp_path / "server.log") as url:
        assert url.endswith("/v1")


def test_the_step_writes_what_it_writes_with_a_server_elsewhere(
    settings_of: SettingsOf, captions: Path, tmp_path: Path, language_server: LanguageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the port, and through no proxy. Only the endpoint's name differs."""
    settings = settings_of()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    outputs = [tmp_path / f"{name}.parquet" for name in ("first", "second")]
    for output in outputs:
        write_questions(captions, output, settings=settings, seed=1, weights_cache=tmp_path)
    assert content_digest(outputs[0], LLM_REPLIES) == content_digest(outputs[1], LLM_REPLIES)
    assert read_footer(outputs[0])["notes"]["model_digest"] == MODEL_DIGEST
    rows = read_rows(outputs[0], LLM_REPLIES)
    assert {row["endpoint"] for row in rows} == {f"{sys.executable} {PROGRAM} '{{port}}' ''"}
    assert (tmp_path / "first.server.log").exists()

    monkeypatch.delenv("HTTP_PROXY")
    elsewhere = tmp_path / "elsewhere.parquet"
    outside = settings.model_copy(update={"server_command": None, "endpoint": language_server.url})
    write_questions(captions, elsewhere, settings=outside, seed=1, weights_cache=tmp_path)
    replies = [
        [(row["item_id"], row["reply"], row["model_digest"]) for row in read_rows(path, LLM_REPLIES)]
        for path in (outputs[0], elsewhere)
    ]
    assert replies[0] == replies[1]


def test_openais_protocol_too(settings_of: SettingsOf, captions: Path, tmp_path: Path) -> None:
    output = tmp_path / "replies.parquet"
    write_questions(captions, output, settings=settings_of(backend="openai", model="m"), seed=1, weights_cache=tmp_path)
    assert [row["item_id"] for row in read_rows(output, LLM_REPLIES)] == sorted(CAPTIONS_OF_ITEMS)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_job_that_a_signal_ends_leaves_no_server(
    settings_of: SettingsOf, captions: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Nor what the server started, even where both ignore SIGTERM."""
    settings = settings_of("stubborn" if number == signal.SIGKILL else "mute", server_start_seconds=600)
    command = (
        "import sys; from pathlib import Path; from radtune.config.questions import QuestionSettings;"
        " from radtune.questions.server import running_server; import time;"
        " context = running_server(QuestionSettings.parse(sys.argv[1]), Path('server.log'))\nwith context: time.sleep(600)"
    )
    job = subprocess.Popen([sys.executable, "-c", command, settings.canonical()], stderr=subprocess.DEVNULL)
    log = tmp_path / "server.log"
    wait_until(lambda: len(server_pids(tmp_path)) == 2 if number == signal.SIGKILL else log.exists() and log.read_text() != "")
    keepers = [int(pid) for pid in Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()]
    group = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if in_group(pid, keepers[0])]
    assert len(group) >= 2
    job.send_signal(number)
    job.wait(60)
    wait_until(lambda: not any(is_running(pid) for pid in group))


def in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def test_a_server_that_dies_says_why(settings_of: SettingsOf, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"ended before it answered\n +CUDA error: out of memory\n.* exit code 1"):
        with running_server(settings_of("dies"), tmp_path / "server.log"):
            pass


def test_a_program_that_is_not_there(settings_of: SettingsOf, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="no-such-server cannot be started"):
        with running_server(settings_of(server_command=("no-such-server",)), tmp_path / "server.log"):
            pass


def test_a_server_that_never_answers(settings_of: SettingsOf, tmp_path: Path) -> None:
    settings = settings_of("mute", server_start_seconds=1.0)
    with pytest.raises(ServerError, match=r"not ready after 1 s \(ConnectError\)\n    loading the model"):
        with running_server(settings, tmp_path / "server.log"):
            pass


def test_a_port_that_another_program_takes_first(settings_of: SettingsOf, tmp_path: Path) -> None:
    """The other program answers alike, but captions are not for it: the server gets another port."""
    with running_server(settings_of("outrun"), tmp_path / "server.log") as url:
        other, taken = map(int, (tmp_path / "taken.txt").read_text().split())
        try:
            assert httpx.get(f"http://127.0.0.1:{taken}/api/tags").status_code == 200
            assert url != f"http://127.0.0.1:{taken}"
            assert server_pids(tmp_path) != [other]
        finally:
            os.kill(other, signal.SIGKILL)
    assert "Address already in use" in (tmp_path / "server.log").read_text()


def test_a_server_that_ends_amid_its_work(settings_of: SettingsOf, captions: Path, tmp_path: Path) -> None:
    """Its last words may be a restricted caption, so they stay in its log."""
    log = tmp_path / "server.log"
    with pytest.raises(ServerError, match="ended while it was asked") as raised:
        write_questions(
            captions, tmp_path / "o.parquet", settings=settings_of("leaves"), seed=1, weights_cache=tmp_path, server_log=log
        )
    assert str(log) in str(raised.value)
    assert "crashed at: " in log.read_text()
    assert not any(caption in str(raised.value) for caption in CAPTIONS_OF_ITEMS.values())
    assert not (tmp_path / "o.parquet").exists()
