"""Every published model asks a cluster for what its plan says it needs, and where one does not the plan says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from radtune.config.models import GenerationSettings, ResourceSettings
from radtune.config.published import PUBLISHED
from radtune.planning.request import RETRIES, shortfalls

from .conftest import Planned

ROOT = Path(__file__).resolve().parents[2]


def test_published_requests_cover_the_plan(planned: Planned) -> None:
    for name in PUBLISHED.models:
        assert planned.models[name]["shortfalls"] == [], name
        assert planned.models[name]["memory_gib"]["fits"], name


def test_the_profile_retries_as_often_as_the_plan_reckons() -> None:
    assert yaml.safe_load((ROOT / "slurm/config.yaml").read_text())["retries"] == RETRIES


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, []),
        ({"train_memory_mb": 20_000}, ["train_memory_mb 20,000, planned peak 20,480 MB"]),
        ({"train_minutes": 100}, ["train_minutes 100 in 3 attempts make 5.0 h, planned 12.0 h"]),
        ({"train_minutes": 100, "gpu": 4, "train_memory_mb": 81_920}, []),
        ({"gpu": 4, "train_memory_mb": 81_919}, ["train_memory_mb 81,919, planned peak 81,920 MB"]),
        ({"predict_minutes": 20}, ["predict_minutes 20 in 3 attempts make 1.0 h, planned 2.0 h"]),
    ],
)
def test_what_falls_short_is_named(resources: dict[str, int], expected: list[str]) -> None:
    found = shortfalls(
        ResourceSettings(**resources),
        GenerationSettings(),
        peak_gib=20.0,
        training_hours=12.0,
        prediction_hours=4.0,
        retries=2,
    )
    assert found == expected


def test_an_arm_in_shards_needs_less_time_a_job() -> None:
    def found(shards: int) -> list[str]:
        resources, generation = ResourceSettings(predict_minutes=20), GenerationSettings(shards=shards)
        return shortfalls(resources, generation, peak_gib=1.0, training_hours=1.0, prediction_hours=4.0, retries=2)

    assert len(found(1)) == 1
    assert found(2) == []
