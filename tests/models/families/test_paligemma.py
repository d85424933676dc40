from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from transformers import PaliGemmaProcessor, SiglipImageProcessor

from radtune.config.models import BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton

IMAGE = Image.effect_noise((64, 64), 80).convert("RGB")


def model(tmp_path: Path):  # type: ignore[no-untyped-def]
    build = BuildSettings(family="paligemma", sources={"model": "tiny:"}, image_size=64)
    return load_model(build, weights_cache=tmp_path, seed=1, precision="float32")


def test_1024_tokens_an_image_at_full_size() -> None:
    assert load_skeleton(PUBLISHED_MODELS["paligemma_3b"].build).image_tokens() == 1024


def test_prompts(tmp_path: Path) -> None:
    ours = model(tmp_path)
    assert ours.prompt_text(Example("x", IMAGE, "caption")) == "caption en\n"
    assert ours.prompt_text(Example("x", IMAGE, "caption", prefix="CT: ")) == "CT: caption en\n"
    assert ours.prompt_text(Example("x", IMAGE, "question", question="Which side?")) == "answer en Which side?\n"


def test_batch_equals_that_of_the_library(tmp_path: Path) -> None:
    ours = model(tmp_path)
    batch = ours.collate([Example("x", IMAGE, "caption", target="An axial CT.")])
    images = SiglipImageProcessor(size={"height": 64, "width": 64}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    images.image_seq_length = ours.image_tokens()
    ours.tokenizer.bos_token, ours.tokenizer.eos_token, ours.tokenizer.pad_token = "<bos>", "<eos>", "<pad>"
    processor = PaliGemmaProcessor(images, ours.tokenizer)
    theirs = processor(images=[IMAGE], text=["<image>caption en"], suffix=["An axial CT."], return_tensors="pt")
    for name in ("input_ids", "token_type_ids", "labels", "attention_mask"):
        assert batch[name].tolist() == theirs[name].tolist(), name
    torch.testing.assert_close(batch["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5)


def states(ours, batch):  # type: ignore[no-untyped-def]
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids", "pixel_values")}
    with torch.no_grad():
        return ours.network.model(**inputs).last_hidden_state


def test_prefix_is_seen_both_ways_and_the_answer_is_not(tmp_path: Path) -> None:
    ours = model(tmp_path)
    batch = ours.collate([Example("x", IMAGE, "question", question="Which side?", target="left")])
    before = states(ours, batch)
    answer = int((batch["labels"][0] != -100).nonzero()[0])
    for position, reaches_the_start in ((answer - 2, True), (answer + 1, False)):
        other = dict(batch, input_ids=batch["input_ids"].clone())
        other["input_ids"][0, position] = ours.encode("#")[0]
        moved = (states(ours, other) - before).abs().amax(dim=-1)[0]
        assert bool(moved[ours.image_tokens()] > 1e-5) is reaches_the_start  # the start token, before prompt and answer
        assert moved[position] > 1e-5


def test_generation_sees_what_training_saw(tmp_path: Path) -> None:
    """The first generated token is the best one by the training mask, and another by a causal one on some prompt."""
    ours = model(tmp_path)
    head = ours.network.lm_head
    with torch.no_grad():
        for parameter in ours.network.model.language_model.layers.parameters():
            parameter.mul_(4)  # let attention matter in a random model
    differs = 0
    for question in ("Which side?", "Which plane is it?", "How many?", "What?", "Where is the lesion?", "Is it axial?"):
        batch = ours.collate([Example("x", IMAGE, "question", question=question)])
        (made,) = ours.continue_greedily(batch, 1)[:, 0].tolist()
        right = head(states(ours, batch)[:, -1])
        causal = head(states(ours, dict(batch, token_type_ids=torch.ones_like(batch["token_type_ids"])))[:, -1])
        image = ours.token_id("<image>")
        right[:, image] = causal[:, image] = -torch.inf
        assert made == int(right.argmax())
        differs += made != int(causal.argmax())
    assert differs > 0
