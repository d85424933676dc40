from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from transformers import Idefics3ImageProcessor, Idefics3Processor

from radtune.config.models import BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton


def example(side: int = 64) -> Example:
    image = Image.effect_noise((side, side), 80).convert("RGB")
    return Example("x", image, "question", question="Which plane?")


def model(tmp_path: Path):  # type: ignore[no-untyped-def]
    build = BuildSettings(family="smolvlm", sources={"model": "tiny:"}, image_size=64, instruction="Describe.")
    return load_model(build, weights_cache=tmp_path, seed=1, precision="float32")


def test_64_tokens_an_image_at_full_size() -> None:
    assert load_skeleton(PUBLISHED_MODELS["smolvlm_500m"].build).image_tokens() == 64


def test_the_frame(tmp_path: Path) -> None:
    assert model(tmp_path).prompt_text(example()) == "<|im_start|>User:Which plane?<end_of_utterance>\nAssistant:"
    caption = Example("x", example().image, "caption", prefix="CT: ")
    assert model(tmp_path).prompt_text(caption) == "<|im_start|>User:CT: Describe.<end_of_utterance>\nAssistant:"


def test_prompt_and_pixels_equal_those_of_the_library(tmp_path: Path) -> None:
    """The library's processor with image splitting off, on an image of the right side and on one that must be resampled."""
    ours = model(tmp_path)
    images = Idefics3ImageProcessor(
        do_image_splitting=False,
        size={"longest_edge": 64},
        max_image_size={"longest_edge": 64},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    processor = Idefics3Processor(images, ours.tokenizer, image_seq_len=ours.image_tokens())
    for side in (64, 100):
        asked = example(side)
        text = "<|im_start|>User:<image>Which plane?<end_of_utterance>\nAssistant:"
        theirs = processor(text=[text], images=[[asked.image]], return_tensors="pt")
        batch = ours.collate([asked])
        assert batch["input_ids"].tolist() == theirs["input_ids"].tolist()
        assert batch["pixel_values"].shape == theirs["pixel_values"].shape
        torch.testing.assert_close(batch["pixel_values"], theirs["pixel_values"], rtol=0, atol=2.1 / 127.5)
