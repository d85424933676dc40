from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers.processors import TemplateProcessing
from transformers import LlavaNextImageProcessor, LlavaNextImageProcessorPil, LlavaNextProcessor

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.architecture import published
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton

VICUNA = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the human's questions. USER: {}\nWhich plane? ASSISTANT:"
)
FRAMES = {"mistral": "[INST] {}\nWhich plane? [/INST]", "llama": VICUNA}


def example(side: int = 64, **changes: Any) -> Example:
    image = Image.effect_noise((side, side), 80).convert("RGB")
    return Example("x", image, "question", question="Which plane?", **changes)


def model(cache: Path, language: str = "mistral", image_size: int = 64, patch_size: int = 8) -> Any:
    build = BuildSettings(
        family="llava_next",
        sources={"model": "tiny:"},
        image_size=image_size,
        instruction="Describe.",
        options={"patch_size": patch_size},
        architecture={"text_config": {"model_type": language}},
    )
    return load_model(build, weights_cache=cache, seed=1, precision="float32")


def image_processor(ours: Any, kind: Any = LlavaNextImageProcessorPil) -> Any:
    tile = ours.config.vision_config.image_size
    return kind(
        size={"shortest_edge": tile},
        crop_size={"height": tile, "width": tile},
        image_grid_pinpoints=ours.config.image_grid_pinpoints,
    )


@pytest.mark.parametrize(
    ("name", "rows", "trainable", "total"),
    [
        ("llava16_mistral_7b", 32_064, 40_108_032, 7_566_747_648),
        ("llava16_mistral_7b_extended", 32_064, 98_467_840, 7_566_747_648),
        ("llava16_mistral_7b_hybrid", 32_064, 351_174_656, 7_566_747_648),
        ("llava16_mistral_7b_hybrid", 32_000, 350_650_368, 7_566_223_360),
        ("llava16_vicuna_7b", 32_064, 38_354_944, 7_063_431_168),
        ("llava16_vicuna_7b_look_alike", 32_064, 34_406_400, 7_063_431_168),
        ("llava16_vicuna_7b_hybrid", 32_064, 347_242_496, 7_063_431_168),
        ("llava16_vicuna_7b_hybrid", 32_000, 346_718_208, 7_062_906_880),
    ],
)
def test_published_sizes(name: str, rows: int, trainable: int, total: int) -> None:
    """With the words of the -hf checkpoints, and with those of the originals, which the paper counts."""
    settings = PUBLISHED_MODELS[name]
    architecture = published(settings.build.architecture, {"text_config": {"vocab_size": rows}})
    skeleton = load_skeleton(settings.build.model_copy(update={"architecture": architecture}))
    assert skeleton.image_tokens() == 2_928
    assert sum(parameter.numel() for parameter in skeleton.network.parameters()) == total
    adapt(skeleton, settings.adaptation, seed=1)
    assert trainable_parameters(skeleton) == trainable


@pytest.mark.parametrize("language", FRAMES)
def test_the_frame(tmp_path: Path, language: str) -> None:
    ours = model(tmp_path, language)
    assert ours.network.model.language_model.config.model_type == language
    assert ours.prompt_text(example()) == FRAMES[language].format("")
    marked = FRAMES[language].format("").replace("Which", "CT: Which")
    assert ours.prompt_text(example(prefix="CT: ")) == marked


def test_a_language_model_without_a_known_frame(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no prompt for the language model qwen2"):
        model(tmp_path, "qwen2").collate([example()])


@pytest.mark.parametrize("language", FRAMES)
@pytest.mark.parametrize(("side", "patch_size"), [(64, 8), (672, 56)])
def test_batch_equals_that_of_the_library(tmp_path: Path, language: str, side: int, patch_size: int) -> None:
    """The tokenizer puts a start token before each text, as the checkpoint's does: ours must not come to two of them."""
    ours = model(tmp_path, language, side, patch_size)
    ours.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", ours.token_id("<s>"))]
    )
    processor = LlavaNextProcessor(
        image_processor(ours),
        ours.tokenizer,
        patch_size=patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    asked = example(side)
    batch = ours.collate([asked])
    theirs = processor(text=[FRAMES[language].format("<image>")], images=[asked.image], return_tensors="pt")
    assert batch["input_ids"].tolist() == theirs["input_ids"].tolist()
    assert batch["image_sizes"].tolist() == theirs["image_sizes"].tolist()
    assert batch["pixel_values"].shape == (1, 5, 3, side // 2, side // 2)
    torch.testing.assert_close(batch["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5)


def test_an_image_of_another_side_is_resampled_once(tmp_path: Path) -> None:
    ours = model(tmp_path)
    image = example(100).image
    theirs = image_processor(ours)([image], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(ours.pixel_values([image]), theirs, rtol=0, atol=1e-5)
    # The library's other implementation resamples with torch: a pixel may differ by one of 255 levels.
    theirs = image_processor(ours, LlavaNextImageProcessor)([image], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(ours.pixel_values([image]), theirs, rtol=0, atol=1.01 / 255 / 0.26)


def test_a_square_of_one_tile(tmp_path: Path) -> None:
    """It lies between margins in a grid of two tiles, and the network leaves out what it sees of them."""
    ours = model(tmp_path)
    ours = replace(ours, build=ours.build.model_copy(update={"image_size": 32}))
    ours.check_side(ours.config, 32)
    image = example(32).image
    theirs = image_processor(ours)([image], return_tensors="pt")["pixel_values"]
    assert theirs.shape == (1, 3, 3, 32, 32)
    torch.testing.assert_close(ours.pixel_values([image]), theirs, rtol=0, atol=1e-5)
    assert ours.image_tokens() == 16 + 16 + 4
    assert torch.isfinite(ours.loss(ours.collate([example(32, target="axial")])))  # the network counts the same tokens


def test_image_tokens_and_sides_at_full_size() -> None:
    build = PUBLISHED_MODELS["llava16_mistral_7b"].build
    assert load_skeleton(build.model_copy(update={"image_size": 336})).image_tokens() == 576 + 24 * 24 + 24
    with pytest.raises(ConfigError, match="image_size: 512, but the vision tower was made for 672"):
        load_skeleton(build.model_copy(update={"image_size": 512}))


def test_the_newline_belongs_to_the_connector(tmp_path: Path) -> None:
    rows = adapt(model(tmp_path), AdaptationSettings(strategy="full"), seed=1)
    assert [(row.tower, row.parameters) for row in rows if row.module == "model"] == [("connector", 96)]
