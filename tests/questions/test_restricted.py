"""Restricted captions stay on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtune.config.questions import QuestionSettings
from radtune.errors import DataError
from radtune.questions.restricted import is_local, refuse_to_send
from radtune.questions.write import write_questions

from .conftest import LanguageServer, WriteCaptions


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.0.0.7", False),
        ("localhost.example.org", False),
        ("127.0.0.1.nip.io", False),
        ("0.0.0.0", False),
    ],
)
def test_only_this_machine_is_local(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_one_restricted_row_is_enough_to_refuse_a_server_elsewhere() -> None:
    elsewhere = QuestionSettings(backend="openai", endpoint="https://api.example.org/v1", model="m")
    refuse_to_send(0, elsewhere)
    with pytest.raises(DataError, match=r"1 restricted items would be sent to api\.example\.org"):
        refuse_to_send(1, elsewhere)
    refuse_to_send(1, elsewhere.model_copy(update={"restricted_hosts": ("api.example.org",)}))
    refuse_to_send(1, QuestionSettings(backend="local", endpoint=None, model="tiny:"))


def test_a_proxy_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    here = QuestionSettings()
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    refuse_to_send(1, here)
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    with pytest.raises(DataError, match="proxy"):
        refuse_to_send(1, here)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    refuse_to_send(1, here)


def test_a_server_of_the_jobs_own_may_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the endpoint that is not used would be, and past any proxy."""
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    refuse_to_send(1, QuestionSettings(server_command=("ollama", "serve"), endpoint="http://example.org"))


def test_nothing_reaches_the_server_if_one_caption_is_restricted(
    write_captions: WriteCaptions, tmp_path: Path, language_server: LanguageServer
) -> None:
    captions = write_captions(
        [
            {"item_id": "free", "caption": "Axial CT of the chest."},
            {"item_id": "bound", "caption": "Chest radiograph.", "restricted": True},
        ]
    )
    # The test's server is reached by a name that is not this machine's own, as a server elsewhere is.
    port = language_server.url.rsplit(":", 1)[1]
    settings = QuestionSettings(endpoint=f"http://localhost.localdomain:{port}", attempts=1, first_wait_seconds=0.01)
    with pytest.raises(DataError, match="1 restricted items"):
        write_questions(captions, tmp_path / "replies.parquet", settings=settings, seed=1, weights_cache=tmp_path)
    assert language_server.requests == []
    assert not list(tmp_path.glob("replies*"))
