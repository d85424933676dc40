from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton

if TYPE_CHECKING:
    from ..conftest import Taught

BUILD = BuildSettings(family="qwen2_vl", sources={"model": "tiny:"}, image_size=56, instruction="Describe.")
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
MERGER = 2 * 1280 + (5120 + 1) * 5120 + (5120 + 1) * 1536
"""Parameters of the published merger: a norm and two layers with bias."""
BLOCK = 4 * 1280 + (1280 + 1) * 3840 + (1280 + 1) * 1280 + (1280 + 1) * 5120 + (5120 + 1) * 1280
"""Parameters of a published vision block: two norms, qkv, proj, fc1, fc2."""


def example(side: int = 56, question: str = "Which plane?") -> Example:
    image = Image.effect_noise((side, side), 80).convert("RGB")
    return Example("x", image, "question", question=question)


def model(tmp_path: Path, **changes):  # type: ignore[no-untyped-def]
    return load_model(BUILD.model_copy(update=changes), weights_cache=tmp_path, seed=1, precision="float32")


def published_skeleton():  # type: ignore[no-untyped-def]
    return load_skeleton(PUBLISHED_MODELS["qwen2_vl_2b"].build)


def test_full_size() -> None:
    full = published_skeleton()
    assert sum(parameter.numel() for parameter in full.network.parameters()) == 2_208_985_600
    assert full.image_tokens() == 441  # 588 pixels, 28 a token


def test_all_linear_of_the_paper() -> None:
    full = published_skeleton()
    rows = adapt(full, PUBLISHED_MODELS["qwen2_vl_2b"].adaptation, seed=1)
    assert trainable_parameters(full) == 58_441_728
    assert {row.tower for row in rows} == {"vision", "connector", "language"}


@pytest.mark.parametrize(
    ("unfrozen", "parameters"),
    [
        ("connector:*", MERGER),
        ("vision:*", 32 * BLOCK + 1280 * 3 * 2 * 14 * 14),  # blocks and patch embedding
    ],
)
def test_towers_do_not_overlap(unfrozen: str, parameters: int) -> None:
    """The merger, though inside `visual`, is not of the vision tower."""
    full = published_skeleton()
    adapt(full, AdaptationSettings(strategy="hybrid", rank=32, targets=("language:q_proj",), unfrozen=(unfrozen,)), seed=1)
    assert trainable_parameters(full) == parameters + 28 * 32 * (1536 + 1536)


def test_tied_head_and_embeddings_count_once() -> None:
    """Whichever of the two is named, and if both are."""
    for unfrozen in (("language:embed_tokens",), ("language:lm_head",), ("language:embed_tokens", "language:lm_head")):
        full = published_skeleton()
        adapt(full, AdaptationSettings(strategy="hybrid", rank=32, targets=("language:q_proj",), unfrozen=unfrozen), seed=1)
        assert trainable_parameters(full) == 151_936 * 1536 + 28 * 32 * (1536 + 1536)


def test_the_frame(tmp_path: Path) -> None:
    ours = model(tmp_path)
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    expected = f"{system}<|im_start|>user\nCT: Describe.<|im_end|>\n<|im_start|>assistant\n"
    assert ours.prompt_text(Example("x", example().image, "caption", prefix="CT: ")) == expected
    asked = f"{system}<|im_start|>user\nWhich plane?<|im_end|>\n<|im_start|>assistant\n"
    assert ours.prompt_text(example()) == asked


@pytest.mark.parametrize(
    ("images", "tolerance"),
    [
        (Qwen2VLImageProcessorPil, 1e-5),
        (Qwen2VLImageProcessor, 2.1 / 255 / 0.26),  # torchvision's bicubic rounds otherwise than Pillow's: two grey levels
    ],
)
@pytest.mark.parametrize("sizes", [{}, {"patch_size": 7}, {"patch_size": 4, "merge_size": 7}])
def test_batch_equals_that_of_the_library(images, tolerance: float, sizes: dict[str, int], tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Prompts of unlike length, padded on the left; images of the right side, and others that must be resampled."""
    ours = model(tmp_path, options=sizes)
    ours.tokenizer.pad_token = "<|endoftext|>"
    fixed = {"shortest_edge": 56 * 56, "longest_edge": 56 * 56}
    theirs = Qwen2VLProcessor(images(size=fixed, **sizes), ours.tokenizer, Qwen2VLVideoProcessor())
    asked = [example(56), example(100, "Where is it, and how large?"), example(40, "What?")]
    texts = [
        f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{IMAGE}{one.question}<|im_end|>\n"
        "<|im_start|>assistant\n"
        for one in asked
    ]
    batch = ours.collate(asked)
    expected = theirs(text=texts, images=[one.image for one in asked], padding=True, padding_side="left", return_tensors="pt")
    assert set(batch) == set(expected)
    for name in ("input_ids", "attention_mask", "image_grid_thw", "mm_token_type_ids"):
        assert batch[name].tolist() == torch.as_tensor(expected[name]).tolist(), name
    assert batch["pixel_values"].shape == expected["pixel_values"].shape
    torch.testing.assert_close(batch["pixel_values"], expected["pixel_values"], rtol=0, atol=tolerance)


def test_a_learned_batch_equals_that_of_the_library(tmp_path: Path) -> None:
    """Padded on the right, with the answers."""
    ours = model(tmp_path)
    ours.tokenizer.pad_token = "<|endoftext|>"
    fixed = {"shortest_edge": 56 * 56, "longest_edge": 56 * 56}
    theirs = Qwen2VLProcessor(Qwen2VLImageProcessorPil(size=fixed), ours.tokenizer, Qwen2VLVideoProcessor())
    learned = [replace(example(), target="axial"), replace(example(question="Side?"), target="on the left")]
    texts = [ours.prompt_text(one).replace("user\n", f"user\n{IMAGE}") + f"{one.target}<|im_end|>" for one in learned]
    batch = ours.collate(learned)
    expected = theirs(text=texts, images=[one.image for one in learned], padding=True, padding_side="right", return_tensors="pt")
    for name in ("input_ids", "attention_mask", "image_grid_thw", "mm_token_type_ids"):
        assert batch[name].tolist() == torch.as_tensor(expected[name]).tolist(), name


def test_positions_in_a_padded_batch(tmp_path: Path) -> None:
    """The three axes of each row are the same alone, padded on the left (to generate) and on the right (to learn)."""
    ours = model(tmp_path, options={"patch_size": 7})
    short, long = example(question="Side?"), example(question="Where is the lesion, and how large is it?")

    def positions(examples: list[Example], row: int) -> torch.Tensor:
        batch = ours.collate(examples)
        entries = {name: batch[name] for name in ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")}
        return ours.network.model.get_rope_index(**entries)[0][:, row, batch["attention_mask"][row].bool()]

    alone = positions([short], 0)
    image = ours.prompt_ids(short).index(ours.token_id("<|image_pad|>"))
    side = 4
    assert alone[:, image : image + 16].tolist() == [
        [image] * 16,
        [image + index // side for index in range(16)],
        [image + index % side for index in range(16)],
    ]
    assert alone[:, image + 16].tolist() == [image + side] * 3  # text goes on behind the image's longest axis
    assert torch.equal(positions([short, long], 0), alone)
    learned = positions([replace(short, target="left"), replace(long, target="in the left lung")], 0)
    assert torch.equal(learned[:, : alone.shape[1]], alone)


def test_generation_with_a_cache_is_generation_without(taught: Callable[[str], Taught], prompts: list[Example]) -> None:
    """Token by token with the whole forward pass each time: the cached positions behind the image must be the same."""
    ours = taught("qwen2_vl").model
    asked = [replace(prompts[0], prefix="Radiograph: "), prompts[1]]
    made = ours.continue_greedily(ours.collate(asked), 12)
    for row, one in enumerate(asked):
        batch = ours.collate([one])
        never = [ours.token_id(token) for token in ours.never_written]
        for expected in made[row].tolist():
            with torch.no_grad():
                logits = ours.network(**ours.inputs(batch), use_cache=False).logits[0, -1]
            logits[never] = -torch.inf
            assert int(logits.argmax()) == expected
            if expected == ours.end_id:
                break
            batch["input_ids"] = torch.cat([batch["input_ids"], torch.tensor([[expected]])], dim=1)
            batch["attention_mask"] = torch.ones_like(batch["input_ids"])
            batch["mm_token_type_ids"] = torch.nn.functional.pad(batch["mm_token_type_ids"], (0, 1))


def test_rows_see_their_own_image(tmp_path: Path) -> None:
    """Patches of all rows lie in one tensor: a change of the second image moves the second row alone."""
    ours = model(tmp_path)
    images = [example().image, Image.new("RGB", (56, 56), "white"), Image.new("RGB", (56, 56), "black")]
    first, second, other = (replace(example(), image=image, target="left") for image in images)

    def states(examples: list[Example]) -> torch.Tensor:
        with torch.no_grad():
            return ours.network.model(**ours.inputs(ours.collate(examples))).last_hidden_state

    moved = (states([first, second]) - states([first, other])).abs().amax(dim=(1, 2))
    assert moved[0] == 0
    assert moved[1] > 1e-3


def test_a_checkpoint_in_the_layout_of_the_hub(tmp_path: Path) -> None:
    """The published folders are of 2024: a flat `config.json`, names without `language_model`, no tensor for the tied head."""
    old = model(tmp_path)
    vision, text = old.config.vision_config, old.config.text_config
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size")
    flat = {
        "model_type": "qwen2_vl",
        **{name: getattr(text, name) for name in (*sizes, "rms_norm_eps", "bos_token_id", "eos_token_id")},
        **{name: getattr(old.config, name) for name in ("image_token_id", "video_token_id", "tie_word_embeddings")},
        "rope_theta": 1e6,
        "rope_scaling": {"type": "mrope", "mrope_section": text.rope_parameters["mrope_section"]},
        "vision_config": {
            name: getattr(vision, name) for name in ("depth", "embed_dim", "mlp_ratio", "num_heads", "hidden_size")
        },
    }
    state = old.network.state_dict()
    renamed = {
        name.replace("model.visual.", "visual.").replace("model.language_model.", "model."): tensor
        for name, tensor in state.items()
        if name != "lm_head.weight"
    }
    (tmp_path / "config.json").write_text(json.dumps(flat))
    save_file(renamed, tmp_path / "model.safetensors", {"format": "pt"})
    old.tokenizer.save_pretrained(tmp_path)
    source = {"model": f"path:{tmp_path}"}
    loaded = load_model(BUILD.model_copy(update={"sources": source}), weights_cache=tmp_path, seed=2, precision="float32")
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.network.state_dict().items())
    learned = replace(example(), target="axial")
    with torch.no_grad():
        assert torch.equal(loaded.loss(loaded.collate([learned])), old.loss(old.collate([learned])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 64}, "not a multiple of patch_size x spatial_merge_size = 28"),
        ({"options": {"vision_width": 72}}, "vision_width 72 is not a multiple of 4 x vision_heads = 16"),
        ({"options": {"language_heads": 5}}, "language_width 96 is not a multiple of 2 x language_heads = 10"),
    ],
)
def test_sizes_that_do_not_fit(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        model(tmp_path, **changes)
