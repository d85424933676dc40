from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import IdeficsImageProcessor, IdeficsProcessor

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError, WeightsError
from radtune.models.adaptation import adapt, lora_targets, trainable_parameters
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model, load_skeleton

TINY = BuildSettings(family="idefics", sources={"model": "tiny:"}, image_size=64, instruction="Describe.")


def example(seed: int = 1, side: int = 64) -> Example:
    pixels = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Example("x", Image.fromarray(pixels.numpy()), "question", question="Which plane?")


@pytest.fixture
def model(tmp_path: Path) -> FamilyModel:
    return load_model(TINY, weights_cache=tmp_path, seed=1, precision="float32")


def test_full_size() -> None:
    model = load_skeleton(PUBLISHED_MODELS["idefics_9b"].build)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == 8_929_679_632
    assert model.image_tokens() == 64


@pytest.mark.parametrize(("name", "trained"), [("idefics_9b", 19_750_912), ("idefics_9b_look_alike", 22_020_096)])
def test_trained_parameters(name: str, trained: int) -> None:
    settings = PUBLISHED_MODELS[name]
    model = load_skeleton(settings.build)
    rows = adapt(model, settings.adaptation, seed=1)
    assert trainable_parameters(model) == trained
    assert ("connector" in {row.tower for row in rows}) == (name == "idefics_9b")


def test_lora_on_every_linear_layer_leaves_both_parts_of_the_head_alone(model: FamilyModel) -> None:
    """The columns of the added words are a linear layer inside the head."""
    linear = [name for name, module in model.network.named_modules() if isinstance(module, torch.nn.Linear)]
    chosen = lora_targets(model, AdaptationSettings(strategy="extended"))
    assert set(linear) - set(chosen) == {"lm_head", "lm_head.additional_fc"}
    assert any("gated_cross_attn_layers" in name for name in chosen)
    assert any("perceiver_resampler" in name for name in chosen)
    with pytest.raises(ConfigError, match="'language:lm_head' matches no linear layer"):
        lora_targets(model, AdaptationSettings(targets=("language:lm_head",)))


def test_the_frame(model: FamilyModel) -> None:
    assert model.prompt_text(example()) == "<s>User:Which plane?<end_of_utterance>\nAssistant:"
    caption = Example("x", example().image, "caption", prefix="CT: ")
    assert model.prompt_text(caption) == "<s>User:CT: Describe.<end_of_utterance>\nAssistant:"


def test_batch_equals_that_of_the_library(model: FamilyModel) -> None:
    """The library's processor, on images of the right side and of one that must be resampled, with a row padded on the left."""
    tokenizer = model.tokenizer
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token = "<s>", "</s>", "<unk>"
    tokenizer.padding_side = "left"
    processor = IdeficsProcessor(IdeficsImageProcessor(image_size=64), tokenizer)
    asked = [example(1), Example("y", example(2, side=100).image, "question", question="Side?", prefix="CT: ")]
    theirs = processor(
        text=[
            ["User:", asked[0].image, "Which plane?<end_of_utterance>", "\nAssistant:"],
            ["User:", asked[1].image, "CT: Side?<end_of_utterance>", "\nAssistant:"],
        ],
        add_end_of_utterance_token=False,  # the frame says where utterances end
        return_tensors="pt",
    )
    ours = model.collate(asked)
    assert ours["input_ids"][1, 0] == model.pad_id
    for name in ("input_ids", "attention_mask", "image_attention_mask"):
        assert ours[name].tolist() == theirs[name].tolist(), name
    assert ours["pixel_values"].shape == theirs["pixel_values"].shape
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"], rtol=0, atol=2.1 / 255 / 0.2613)


def test_only_what_follows_the_placeholder_sees_the_image(model: FamilyModel) -> None:
    states = []
    for seed in (1, 2):
        batch = model.collate([example(seed)])
        with torch.no_grad():
            states.append(model.network.model(**model.inputs(batch)).last_hidden_state[0])
    place = batch["input_ids"][0].tolist().index(model.token_id("<image>"))
    assert torch.equal(states[0][:place], states[1][:place])
    assert (states[0][place:] != states[1][place:]).any(dim=1).all()


def test_gates_get_a_gradient_from_zero(model: FamilyModel) -> None:
    """The published network begins with closed gates: the image has no effect then, but training the gates opens them."""
    for name, parameter in model.network.named_parameters():
        parameter.requires_grad_(True)
        if ".alpha_" in name:
            torch.nn.init.zeros_(parameter)
    one, other = (model.collate([Example("x", example(seed).image, "caption", target="CT")]) for seed in (1, 2))
    loss = model.loss(one)
    assert torch.equal(loss, model.loss(other))
    loss.backward()
    gates = {name: parameter.grad for name, parameter in model.network.named_parameters() if ".alpha_" in name}
    assert len(gates) == 4
    assert all(gradient is not None and gradient.abs() > 0 for gradient in gates.values())


def test_image_placeholders_are_never_written(model: FamilyModel) -> None:
    """Not even by a network that prefers them to everything else."""
    with torch.no_grad():
        model.network.lm_head.additional_fc.weight.zero_()
        model.network.lm_head.weight.zero_()
        model.network.model.norm.weight.zero_()  # every logit is zero: the first token that may be written wins
        model.network.lm_head.additional_fc.bias = torch.nn.Parameter(torch.tensor([2.0, 1.0, 0.0]))
    batch = model.collate([example()])
    written = model.continue_greedily(batch, 3)
    assert not set(written[0].tolist()) & {model.token_id("<image>"), model.token_id("<fake_token_around_image>")}


def test_a_checkpoint_that_is_not_tuned_to_instructions(model: FamilyModel, tmp_path: Path) -> None:
    """Its tokenizer lacks the end of an utterance and would take the unknown token, with which rows are padded, for it."""
    model.network.save_pretrained(tmp_path)
    byte_tokenizer(("<unk>", "<s>", "</s>", "<fake_token_around_image>", "<image>")).save_pretrained(tmp_path)
    build = TINY.model_copy(update={"sources": {"model": f"path:{tmp_path}"}})
    with pytest.raises(WeightsError, match="its words do not include <end_of_utterance>"):
        load_model(build, weights_cache=tmp_path, seed=1, precision="float32")


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    for changes, message in (
        ({"attention": "flash_attention_2"}, "this one's network does not take it"),
        ({"options": {"language_layers": 3}}, "not a multiple of cross_layer_interval"),
        ({"image_size": 72}, "not a multiple of patch_size"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_model(TINY.model_copy(update=changes), weights_cache=tmp_path, seed=1, precision="float32")
