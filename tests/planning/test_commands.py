"""``radtune plan`` as its user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtune.config.published_models import PUBLISHED_MODELS

from .conftest import Planned, run_plan

TRAINABLE = {
    "llava16_mistral_7b": 40_108_032,
    "llava16_mistral_7b_extended": 98_467_840,
    "llava16_mistral_7b_hybrid": 351_174_656,
    "llava16_vicuna_7b": 38_354_944,
    "llava16_vicuna_7b_look_alike": 34_406_400,
    "llava16_vicuna_7b_hybrid": 347_242_496,
    "llava15_7b": 84_672_512,
    "idefics_9b": 19_750_912,
    "idefics_9b_look_alike": 22_020_096,
    "qwen2_vl_2b": 58_441_728,
    "qwen25_vl_3b": 74_305_536,
    "qwen25_vl_3b_look_alike": 57_021_184,
    "moondream2": 74_422_272,
    "smolvlm_500m": 46_198_784,
    "paligemma_3b": 12_966_912,
    "visiongpt2": 238_603_776,
    "cnn_transformer": 48_014_720,
    "soft_prompt_gpt2": 46_039_360,
}


def test_every_published_model_has_its_count_here() -> None:
    assert set(TRAINABLE) == set(PUBLISHED_MODELS)


@pytest.mark.parametrize("model", TRAINABLE)
def test_trainable_parameters(planned: Planned, model: str) -> None:
    plan = planned.models[model]
    assert plan["trainable"] == TRAINABLE[model] == sum(plan["trainable_by_tower"].values())


@pytest.mark.parametrize(
    ("model", "tokens"),
    {
        "llava16_mistral_7b": 2_928,
        "llava15_7b": 576,
        "smolvlm_500m": 64,
        "paligemma_3b": 1_024,
        "moondream2": 729,
        "qwen25_vl_3b": 441,
        "idefics_9b": 64,
        "visiongpt2": 197,
    }.items(),
)
def test_image_tokens(planned: Planned, model: str, tokens: int) -> None:
    assert planned.models[model]["image_tokens"] == tokens


def test_nothing_is_downloaded(planned: Planned) -> None:
    assert not [path for path in planned.cache.rglob("*") if path.is_file()]


def test_the_whole_configuration_takes_little_memory(planned: Planned) -> None:
    assert planned.peak_bytes < 4e9


def test_a_new_size_is_a_block_of_configuration(planned: Planned) -> None:
    """docs/adding-a-model.md: the totals of the checkpoints, adapters not counted."""
    for model, total in {"smolvlm_256m": 256_484_928, "qwen25_vl_7b": 8_292_166_656}.items():
        assert planned.models[model]["parameters"] - planned.models[model]["trainable"] == total
        assert not planned.models[model]["in_systems"]


def test_printed_counts_stand_beside_ours(planned: Planned) -> None:
    def agree(model: str) -> tuple[str, str]:
        printed = planned.models[model]["printed"]
        return printed["millions_agree"], printed["percent_agree"]

    assert agree("llava16_mistral_7b") == ("yes", "yes")
    assert agree("llava16_mistral_7b_extended") == ("yes", "yes")  # cut off, not rounded
    assert agree("smolvlm_500m") == ("no", "yes")
    assert agree("qwen2_vl_2b") == ("no", "no")
    assert planned.models["qwen2_vl_2b"]["printed"]["note"]


def test_stages(planned: Planned) -> None:
    assert [(stage["epoch"], stage["trainable"]) for stage in planned.models["visiongpt2"]["stages"]] == [
        (0, 28_366_848),
        (1, 113_421_312),
        (2, 238_603_776),
    ]


def test_table_fits_a_terminal(tmp_path: Path) -> None:
    done = run_plan(tmp_path, "--model", "visiongpt2", "--strategy", "staged")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 120
    for text in ("visiongpt2", "238,603,776", "113,421,312 from epoch 1", "59,958 train", "A100-80GB"):
        assert text in " ".join(done.stdout.split())


@pytest.mark.parametrize("arguments", [("--model", "gpt5"), ("--strategy", "magic")])
def test_unknown_names_are_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = run_plan(tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {arguments[0]}: '{arguments[1]}' is")
    assert "Traceback" not in done.stderr
