from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers.processors import TemplateProcessing
from transformers import CLIPImageProcessor, LlamaTokenizer, LlavaProcessor

from radtune.config.models import BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton


def example(side: int = 64, **changes: Any) -> Example:
    image = Image.effect_noise((side, side), 80).convert("RGB")
    return Example("x", image, "question", question="Which plane?", **changes)


def model(cache: Path) -> Any:
    build = BuildSettings(family="llava", sources={"model": "tiny:"}, image_size=64, instruction="Describe.")
    return load_model(build, weights_cache=cache, seed=1, precision="float32")


def test_published_sizes() -> None:
    settings = PUBLISHED_MODELS["llava15_7b"]
    skeleton = load_skeleton(settings.build)
    assert skeleton.image_tokens() == 576
    assert sum(parameter.numel() for parameter in skeleton.network.parameters()) == 7_063_427_072
    adapt(skeleton, settings.adaptation, seed=1)
    assert trainable_parameters(skeleton) == 84_672_512


def test_the_frame(tmp_path: Path) -> None:
    ours = model(tmp_path)
    assert ours.prompt_text(example()) == "USER: \nWhich plane? ASSISTANT:"
    caption = Example("x", example().image, "caption", prefix="CT: ")
    assert ours.prompt_text(caption) == "USER: \nCT: Describe. ASSISTANT:"


def test_prompt_and_pixels_equal_those_of_the_library(tmp_path: Path) -> None:
    """The tokenizer puts a start token before each text, as the checkpoint's does: ours must not come to two of them."""
    ours = model(tmp_path)
    ours.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", ours.token_id("<s>"))]
    )
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
        ours.tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    for side in (64, 100):
        asked = example(side)
        theirs = processor(text=["USER: <image>\nWhich plane? ASSISTANT:"], images=[asked.image], return_tensors="pt")
        batch = ours.collate([asked])
        assert batch["input_ids"].tolist() == theirs["input_ids"].tolist()
        # Resampled by Pillow here, by torch there: a pixel may differ by one of 255 levels.
        torch.testing.assert_close(
            batch["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5 if side == 64 else 1.01 / 255 / 0.26
        )


@pytest.mark.parametrize("legacy", [False, True])
def test_with_a_llama_tokenizer_prompt_and_answer_are_one_text(tmp_path: Path, legacy: bool) -> None:
    """Such a tokenizer writes a space before a text of its own accord, and after a special token by its version."""
    symbols = ["<unk>", "<s>", "</s>", *sorted(set("▁:.?CTASINUERWhichplane")), "▁A", "▁AS", "CT", "▁CT", "▁p"]
    merges = [("▁", "A"), ("▁A", "S"), ("C", "T"), ("▁", "CT"), ("▁", "p")]
    tokenizer = LlamaTokenizer({symbol: index for index, symbol in enumerate(symbols)}, merges, legacy=legacy)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    ours = model(tmp_path)
    ours.tokenizer = tokenizer
    ids = ours.collate([example(target="A CT.")])["input_ids"][0].tolist()
    whole = "USER: " + "<image>" * 64 + "\nWhich plane? ASSISTANT: A CT."
    assert ids == [tokenizer.bos_token_id, *tokenizer(whole, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def test_the_last_clip_layer_is_not_reached(tmp_path: Path) -> None:
    ours = model(tmp_path)
    ours.loss(ours.collate([example(target="axial")])).backward()
    layers = ours.network.model.vision_tower.encoder.layers
    reached = [any(p.grad is not None and bool(p.grad.any()) for p in layer.parameters()) for layer in layers]
    assert reached == [True, True, False]
