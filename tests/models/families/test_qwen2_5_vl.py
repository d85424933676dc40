from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import Qwen2_5_VLProcessor, Qwen2VLVideoProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton

TINY = BuildSettings(family="qwen2_5_vl", sources={"model": "tiny:"}, image_size=56, options={"patch_size": 7})
PUBLISHED = PUBLISHED_MODELS["qwen25_vl_3b"]


def model(tmp_path: Path, **changes):  # type: ignore[no-untyped-def]
    return load_model(TINY.model_copy(update=changes), weights_cache=tmp_path, seed=1, precision="float32")


def test_full_size() -> None:
    full = load_skeleton(PUBLISHED.build)
    assert sum(parameter.numel() for parameter in full.network.parameters()) == 3_754_622_976
    assert full.image_tokens() == 441


@pytest.mark.parametrize(("name", "trainable"), [("qwen25_vl_3b", 74_305_536), ("qwen25_vl_3b_look_alike", 57_021_184)])
def test_published_adapters(name: str, trainable: int) -> None:
    full = load_skeleton(PUBLISHED_MODELS[name].build)
    adapt(full, PUBLISHED_MODELS[name].adaptation, seed=1)
    assert trainable_parameters(full) == trainable


def test_without_the_vision_tower() -> None:
    full = load_skeleton(PUBLISHED.build)
    targets = tuple(target for target in PUBLISHED.adaptation.targets if target.startswith("language:"))
    rows = adapt(full, PUBLISHED.adaptation.model_copy(update={"targets": targets}), seed=1)
    assert len(rows) == 7 * 36
    assert trainable_parameters(full) == 59_867_136


def test_seven_billion_parameters_in_config_alone() -> None:
    """Qwen2.5-VL-7B-Instruct: what its `config.json` says otherwise than the 3B model's."""
    build = PUBLISHED.build.model_copy(
        update={
            "architecture": {
                "tie_word_embeddings": False,
                "text_config": {
                    "hidden_size": 3584,
                    "intermediate_size": 18944,
                    "num_hidden_layers": 28,
                    "num_attention_heads": 28,
                    "num_key_value_heads": 4,
                    "vocab_size": 152064,
                },
                "vision_config": {"out_hidden_size": 3584},
            }
        }
    )
    full = load_skeleton(build)
    assert sum(parameter.numel() for parameter in full.network.parameters()) == 8_292_166_656
    adapt(full, AdaptationSettings(rank=16, targets=("language:q_proj",)), seed=1)
    assert trainable_parameters(full) == 28 * 16 * (3584 + 3584)


def test_batch_equals_that_of_the_library(tmp_path: Path) -> None:
    ours = model(tmp_path)
    ours.tokenizer.pad_token = "<|endoftext|>"
    images = Qwen2VLImageProcessorPil(size={"shortest_edge": 56 * 56, "longest_edge": 56 * 56}, patch_size=7)
    theirs = Qwen2_5_VLProcessor(images, ours.tokenizer, Qwen2VLVideoProcessor())
    asked = [
        Example("x", Image.effect_noise((side, side), 80).convert("RGB"), "question", question=question)
        for side, question in ((56, "Side?"), (90, "Which plane is it?"))
    ]
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    texts = [ours.prompt_text(one).replace("user\n", f"user\n{image}") for one in asked]
    batch = ours.collate(asked)
    expected = theirs(text=texts, images=[one.image for one in asked], padding=True, padding_side="left", return_tensors="pt")
    assert set(batch) == set(expected)
    for name in ("input_ids", "attention_mask", "image_grid_thw", "mm_token_type_ids"):
        assert batch[name].tolist() == torch.as_tensor(expected[name]).tolist(), name
    torch.testing.assert_close(batch["pixel_values"], expected["pixel_values"], rtol=0, atol=1e-5)


def test_early_blocks_see_their_window_alone(tmp_path: Path) -> None:
    """56 pixels, 4 x 4 tokens, windows of 28 pixels: 2 x 2 tokens. Before the last block, a change in the first corner of the
    image moves the first window's tokens; after it, all of them."""
    ours = model(tmp_path)
    vision = ours.network.model.visual
    images = [Image.new("RGB", (56, 56), "gray"), Image.new("RGB", (56, 56), "gray")]
    images[1].paste("white", (0, 0, 14, 14))

    def tokens(image: Image.Image) -> torch.Tensor:
        batch = ours.collate([Example("x", image, "caption")])
        with torch.no_grad():
            return vision(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output

    for whole, expected in (([1], range(16)), ([], [0, 1, 4, 5])):
        vision.fullatt_block_indexes = whole
        moved = (tokens(images[0]) - tokens(images[1])).abs().amax(dim=1)
        assert (moved > 1e-6).nonzero().flatten().tolist() == list(expected)


def test_windows_of_whole_tokens(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="window_size 21 is not a multiple of patch_size x merge_size = 14"):
        model(tmp_path, options={"patch_size": 7, "window_size": 21})
