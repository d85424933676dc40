"""The list of what a run loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.config.base import validated
from radtune.config.load import load_config, merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.errors import WeightsError
from radtune.workflow.sources import WeightSource, find_source, weight_sources

ROOT = Path(__file__).resolve().parents[2]


def listed(**overlay: Any) -> dict[str, WeightSource]:
    config = validated(RadtuneConfig, merge(PUBLISHED.model_dump(mode="json"), overlay), "test")
    return {one.key: one for one in weight_sources(config)}


def test_every_hub_source_of_the_published_run_is_listed() -> None:
    """Whatever stands in the configuration as a source, but for models and metrics that the run leaves out."""
    wanted = {PUBLISHED.modality.source}
    for system in PUBLISHED.systems:
        wanted |= set(PUBLISHED.models[system].build.sources.values())
    metrics = PUBLISHED.metrics
    named = {
        value for value in metrics.model_dump().values() if isinstance(value, str) and value.startswith(("hub:", "package:"))
    }
    wanted |= named - {metrics.chexbert_source, metrics.chexbert_tokenizer}
    assert "chexbert" not in metrics.metrics
    assert {one.text for one in listed().values()} == wanted
    everything = listed(metrics={"metrics": [*metrics.metrics, "chexbert"]})
    assert everything["metrics.chexbert_source"].text == metrics.chexbert_source


def test_the_sample_has_the_packages_of_its_images() -> None:
    config = load_config([ROOT / "config.yaml", ROOT / "workflow/runs/sample.yaml"])
    packages = [one.text for one in weight_sources(config) if one.key == "datasets.sample"]
    assert "package:pydicom-data==1.0.0" in packages


def test_what_is_read_of_a_repository() -> None:
    sources = listed()
    assert sources["metrics.alignscore_encoder"].files == ("config.json", "vocab.json", "merges.txt")
    assert len(sources["metrics.similarity_source"].files) == 4
    assert sources["metrics.bleurt_source"].pickled == "pytorch_model.bin"
    clip = listed(metrics={"similarity_encoder": "clip"})["metrics.similarity_source"]
    assert (clip.files, clip.pickled) == ((), "")
    assert listed(metrics={"variant": "imageclef2025-paper"})["metrics.bleurt_source"].text == "hub:lucadiliello/BLEURT-20@main"


def test_an_encoder_of_two_metrics_is_listed_once_and_for_either_alone() -> None:
    both = merge(PUBLISHED.model_dump(mode="json"), {"metrics": {"metrics": ["bertscore", "medbertscore"]}})
    keys = [one.key for one in weight_sources(validated(RadtuneConfig, both, "test"))]
    assert keys.count("metrics.bertscore_source") == 1
    assert "metrics.bertscore_source" in listed(metrics={"metrics": ["medbertscore"], "relevance": [], "factuality": []})


def test_metrics_are_optional_and_models_are_not() -> None:
    assert {key.split(".")[0]: one.optional for key, one in listed().items()} == {
        "modality": False,
        "models": False,
        "metrics": True,
    }


def test_a_folder_of_weights_needs_its_pickle_only_without_safetensors(tmp_path: Path) -> None:
    bleurt = WeightSource("metrics.bleurt_source", f"path:{tmp_path}", pickled="pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin: no such file"):
        find_source(bleurt, tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    assert find_source(bleurt, tmp_path) == [tmp_path, tmp_path / "pytorch_model.bin"]
    (tmp_path / "model.safetensors").touch()
    assert find_source(bleurt, tmp_path) == [tmp_path]
    assert find_source(WeightSource("models.m.build.sources.model", "tiny:"), tmp_path) == []
