"""Settings of the question writer: what it needs, what it refuses, and what does not concern it."""

from __future__ import annotations

import pytest

from radtune.config.questions import FilterSettings, KnownSettings, QuestionSettings
from radtune.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"endpoint": null}', "the ollama backend needs an endpoint"),
        ('{"endpoint": "localhost:11434"}', "not a URL like"),
        ('{"endpoint": "http://user:secret@host"}', "leave user name and password out"),
        ('{"endpoint": "http://user:secret@host", "server_command": ["ollama", "serve"]}', "leave user name and password out"),
        ('{"backend": "local", "server_command": ["ollama", "serve"]}', "the local backend asks no server"),
        ('{"server_command": []}', "at least 1 item"),
        ('{"pairs_per_caption": 0}', "greater than or equal to 1"),
    ],
)
def test_unusable_settings_are_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        QuestionSettings.parse(text)


def test_local_needs_no_endpoint() -> None:
    assert QuestionSettings.parse('{"backend": "local", "endpoint": null, "model": "tiny:"}').model == "tiny:"


def test_a_server_of_the_jobs_own_needs_no_endpoint() -> None:
    settings = QuestionSettings.parse('{"endpoint": null, "server_command": ["ollama", "serve"]}')
    assert settings.server_command == ("ollama", "serve")


def test_filters_and_known_questions_are_no_part_of_what_the_writer_depends_on() -> None:
    changed = QuestionSettings(filters=FilterSettings(minimum_support=0.9), known=KnownSettings(about=("plane",)))
    assert changed.writer_canonical() == QuestionSettings().writer_canonical()
    assert QuestionSettings(temperature=0.5).writer_canonical() != QuestionSettings().writer_canonical()
    assert QuestionSettings.parse(changed.writer_canonical()) == QuestionSettings()
