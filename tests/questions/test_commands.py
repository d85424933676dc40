"""The commands of the questions and the mixes room, as a user types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.config.questions import FilterSettings, QuestionSettings

from .conftest import LanguageServer


def radtune(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radtune", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_write_then_filter(captions: Path, tmp_path: Path, language_server: LanguageServer) -> None:
    replies, pairs = tmp_path / "replies.parquet", tmp_path / "pairs.parquet"
    settings = QuestionSettings(endpoint=language_server.url)
    written = radtune(
        "questions", "write", "--captions", captions, "--output", replies, "--settings", settings.writer_canonical(),
        "--seed", "1", "--weights-cache", tmp_path,
    )  # fmt: skip
    assert written.returncode == 0, written.stderr
    assert len(read_rows(replies, LLM_REPLIES)) == 5
    filtered = radtune(
        "questions", "filter", "--captions", captions, "--replies", replies, "--output", pairs,
        "--settings", FilterSettings().canonical(), "--seed", "1",
    )  # fmt: skip
    assert filtered.returncode == 0, filtered.stderr
    assert all(row["accepted"] for row in read_rows(pairs, QUESTION_PAIRS))


def test_a_server_of_the_jobs_own_writes_beside_the_log(captions: Path, tmp_path: Path) -> None:
    program = Path(__file__).with_name("language_server.py")
    command = ("bash", "-c", f"cd '{tmp_path}'; echo ready; exec '{sys.executable}' '{program}' {{port}}")
    written = radtune(
        "--log", tmp_path / "logs/write_questions.log", "questions", "write", "--captions", captions,
        "--output", tmp_path / "replies.parquet", "--settings", QuestionSettings(server_command=command).canonical(),
        "--seed", "1", "--weights-cache", tmp_path,
    )  # fmt: skip
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "logs/write_questions.server.log").read_text() == "ready\n"


def test_a_server_that_is_down_is_one_message_and_no_file(captions: Path, tmp_path: Path) -> None:
    settings = QuestionSettings(endpoint="http://127.0.0.1:9", attempts=1)
    result = radtune(
        "questions", "write", "--captions", captions, "--output", tmp_path / "replies.parquet",
        "--settings", settings.canonical(), "--seed", "1", "--weights-cache", tmp_path,
    )  # fmt: skip
    assert result.returncode == 1
    assert "error: http://127.0.0.1:9: no usable answer after 1 attempts" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.glob("replies*")) == []
