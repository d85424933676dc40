"""QLoRA on a checkpoint that is saved on the spot, with bitsandbytes on the processor."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.errors import ConfigError
from radtune.models.adaptation import adapt, load_trained_state, merge_adapters, trained_state
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model
from radtune.models.quantisation import parameter_count, quantisation_for

from .conftest import LINEAR, learn, tiny_build, tiny_model

needs_bitsandbytes = pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
LORA = AdaptationSettings(strategy="extended", dropout=0.0)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> BuildSettings:
    """A tiny model's checkpoint on disk, to be read into 4 bits."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny = tiny_model("smolvlm")
    tiny.network.save_pretrained(folder)  # type: ignore[operator]
    tiny.tokenizer.save_pretrained(folder)
    return tiny_build("smolvlm").model_copy(update={"sources": {"model": f"path:{folder}"}, "quantisation": "nf4"})


def in_four_bits(build: BuildSettings, precision: str = "float32") -> FamilyModel:
    return load_model(build, weights_cache=Path("unused"), seed=1, precision=precision)


@needs_bitsandbytes
def test_learns_with_adapters_alone_and_a_reloaded_adapter_says_the_same(
    build: BuildSettings, examples: list[Example], prompts: list[Example], tmp_path: Path
) -> None:
    model = in_four_bits(build)
    adapt(model, LORA, seed=1)
    packed = {name: value.clone() for name, value in model.network.named_parameters() if value.dtype == torch.uint8}
    assert any("text_model" in name for name in packed)
    assert any("vision_model" in name for name in packed)
    assert all(".lora_" in name for name in model.trained_names)

    before = learn(model, examples, 1, 3e-3)
    after = learn(model, examples, 60, 3e-3)
    assert after < 0.8 * before
    state = trained_state(model)
    assert all(tensor.abs().max() > 0 for name, tensor in state.items() if ".lora_B." in name)
    weights = dict(model.network.named_parameters())
    assert all(torch.equal(weights[name], tensor) for name, tensor in packed.items())

    save_file(state, tmp_path / "adapter.safetensors")
    fresh = in_four_bits(build)
    adapt(fresh, LORA, seed=99)
    load_trained_state(fresh, tmp_path / "adapter.safetensors")
    assert fresh.generate(fresh.collate(prompts), 20) == model.generate(model.collate(prompts), 20)


@needs_bitsandbytes
def test_an_evaluation_leaves_the_gradients_as_they_were(
    build: BuildSettings, examples: list[Example], prompts: list[Example]
) -> None:
    model = in_four_bits(build)
    adapt(model, LORA, seed=1)
    gradients = []
    for _ in range(2):
        model.network.zero_grad()
        model.network.train()
        model.loss(model.collate(examples[:2])).backward()
        gradients.append({name: p.grad for name, p in model.network.named_parameters() if p.grad is not None})
        model.generate(model.collate(prompts[:1]), 2)
    assert gradients[0].keys() == set(model.trained_names)
    for name, gradient in gradients[0].items():
        assert torch.equal(gradients[1][name], gradient), name


@needs_bitsandbytes
def test_packed_weights_count_as_what_they_stand_for(build: BuildSettings) -> None:
    model, whole = in_four_bits(build), tiny_model("smolvlm")
    assert sum(parameter.numel() for parameter in model.network.parameters()) < sum(
        parameter.numel() for parameter in whole.network.parameters()
    )
    assert sum(map(parameter_count, model.network.parameters())) == sum(map(parameter_count, whole.network.parameters()))
    settings = AdaptationSettings(targets=LINEAR)
    assert adapt(model, settings, seed=1) == adapt(whole, settings, seed=1)


@needs_bitsandbytes
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_adapters_and_inputs_have_the_precision_of_the_recipe(
    build: BuildSettings, precision: str, examples: list[Example]
) -> None:
    model = in_four_bits(build, precision)
    adapt(model, LORA, seed=1)
    assert model.dtype == getattr(torch, precision)
    assert {tensor.dtype for tensor in trained_state(model).values()} == {model.dtype}
    assert model.on_device(model.collate(examples[:1]))["pixel_values"].dtype == model.dtype


@needs_bitsandbytes
def test_four_bit_weights_are_neither_trained_in_place_nor_merged(build: BuildSettings) -> None:
    with pytest.raises(ConfigError, match="is to be trained in place, and 4-bit weights cannot be"):
        adapt(in_four_bits(build), AdaptationSettings(strategy="full"), seed=1)
    model = in_four_bits(build)
    adapt(model, LORA, seed=1)
    with pytest.raises(ConfigError, match="cannot be folded into 4-bit weights"):
        merge_adapters(model)


def test_a_tiny_model_has_nothing_to_quantise() -> None:
    with pytest.raises(ConfigError, match="no checkpoint to be quantised"):
        load_model(
            tiny_build("smolvlm").model_copy(update={"quantisation": "nf4"}),
            weights_cache=Path("unused"),
            seed=1,
            precision="float32",
        )


def test_without_bitsandbytes_it_says_how_to_get_it(build: BuildSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else found(name))
    with pytest.raises(ConfigError, match=r"(?s)needs the package bitsandbytes.*pip install"):
        quantisation_for(build, "float32")
