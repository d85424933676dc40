"""What the plan of one model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.config.base import validated
from radtune.config.load import merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.errors import ConfigError
from radtune.planning.plan import _agrees, plan_model


def configured(model: str, **block: Any) -> RadtuneConfig:
    return validated(RadtuneConfig, merge(PUBLISHED.model_dump(mode="json"), {"models": {model: block}}), "test")


@pytest.mark.parametrize(
    ("model", "trainable", "percent"),
    [("llava16_mistral_7b_hybrid", 350_650_368, 4.58), ("llava16_vicuna_7b_hybrid", 346_718_208, 4.85)],
)
def test_hybrids_with_the_original_vocabulary(tmp_path: Path, model: str, trainable: int, percent: float) -> None:
    """The papers' counts: the -hf checkpoints have 64 rows of padding in embeddings and head."""
    config = configured(model, build={"architecture": {"text_config": {"vocab_size": 32_000}}})
    plan = plan_model(config, model, results=tmp_path)
    assert plan.trainable == trainable
    assert round(plan.trainable_percent, 2) == percent
    assert plan.printed is not None
    assert (plan.printed.millions_agree, plan.printed.percent_agree) == ("yes", "yes")


@pytest.mark.parametrize(
    ("printed", "count", "verdict"),
    [(84.6, 84_672_512, "yes"), (84.7, 84_672_512, "yes"), (84.5, 84_672_512, "no"), (40.1, 40_108_032, "yes")],
)
def test_agreement(printed: float, count: int, verdict: str) -> None:
    assert _agrees(printed, count, 1_000_000, decimals=1) == verdict


def test_a_tiny_stand_in_is_not_compared_with_the_paper(tmp_path: Path) -> None:
    tiny = {"build": {"sources": {"model": "tiny:"}, "image_size": 64}}
    assert plan_model(configured("smolvlm_500m", **tiny), "smolvlm_500m", results=tmp_path).printed is None
    assert plan_model(configured("smolvlm_500m"), "smolvlm_500m", results=tmp_path).printed is not None


def test_target_that_matches_nothing_names_the_model(tmp_path: Path) -> None:
    config = configured("smolvlm_500m", adaptation={"strategy": "targeted", "targets": ["vision:nothing"]})
    with pytest.raises(ConfigError, match=r"models\.smolvlm_500m\.adaptation\.targets: 'vision:nothing' matches no"):
        plan_model(config, "smolvlm_500m", results=tmp_path)


def test_checkpointing_costs_time_and_saves_memory(tmp_path: Path) -> None:
    kept, again = (
        plan_model(configured("smolvlm_500m", training={"activation_checkpointing": on}), "smolvlm_500m", results=tmp_path)
        for on in (False, True)
    )
    assert kept.memory_gib.activations == again.memory_gib.activations_without_checkpointing
    assert again.memory_gib.activations < kept.memory_gib.activations / 4
    assert 1.1 < again.training_hours / kept.training_hours < 1.5
    assert kept.training_steps == again.training_steps == 37_480  # 10 epochs of ceil(14,990 batches / 4)
