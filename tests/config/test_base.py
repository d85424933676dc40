"""Wrong values are refused with key, value and fix."""

from __future__ import annotations

import pytest

from radtune.config.base import validated
from radtune.config.images import ImageSettings
from radtune.config.models import TrainingSettings
from radtune.errors import ConfigError


def problem(cls: type, values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as error:
        validated(cls, values, where="config.yaml")
    return str(error.value)


def test_number_in_text_is_refused_with_the_spelling_yaml_wants() -> None:
    text = problem(TrainingSettings, {"learning_rate": "1e-4"})
    assert "learning_rate: '1e-4' is text to YAML, not a number; write 1.0e-4" in text


def test_unknown_key_names_itself() -> None:
    assert "qualty: unknown key (value 95)" in problem(ImageSettings, {"qualty": 95})


def test_all_wrong_keys_come_in_one_message() -> None:
    text = problem(ImageSettings, {"size": "big", "format": "gif", "nonsense": 1})
    assert text.startswith("config.yaml: 3 wrong value(s)")
    for key in ("size", "format", "nonsense"):
        assert f"- {key}: " in text


def test_booleans_are_not_numbers() -> None:
    assert "size" in problem(ImageSettings, {"size": True})


def test_lists_stand_for_tuples_and_whole_numbers_for_floats() -> None:
    assert validated(ImageSettings, {"fill": [1, 2, 3]}, "x").fill == (1, 2, 3)
    assert validated(TrainingSettings, {"learning_rate": 1}, "x").learning_rate == 1.0


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    one = validated(ImageSettings, {"size": 64, "shards": 2}, "x").canonical()
    other = validated(ImageSettings, {"shards": 2, "size": 64}, "x").canonical()
    assert one == other
    assert ImageSettings.parse(one).size == 64
    assert validated(ImageSettings, {"size": 2, "shards": 64}, "x").canonical() != one
