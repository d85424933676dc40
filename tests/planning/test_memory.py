"""The activations that the plan reckons with are about those that autograd keeps of a real model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from PIL import Image
from torch import Tensor

from radtune.config.models import AdaptationSettings, BuildSettings, ModelSettings
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model, load_skeleton
from radtune.planning.layers import work_of_a_row
from radtune.planning.memory import BYTES, activation_bytes, training_memory

# 15 million parameters, in the shape of SmolVLM.
OPTIONS = {
    "vision_width": 256,
    "vision_layers": 4,
    "vision_heads": 4,
    "language_width": 384,
    "language_layers": 6,
    "language_heads": 6,
}
BUILD = BuildSettings(family="smolvlm", sources={"model": "tiny:"}, image_size=256, options=OPTIONS)


def kept_bytes(model: FamilyModel) -> int:
    """What autograd keeps of one row's forward pass, every storage once, parameters left out."""
    side = model.build.image_size
    batch = model.collate([Example("one", Image.new("RGB", (side, side)), "caption", target="a long caption " * 20)])
    own = {parameter.untyped_storage().data_ptr() for parameter in model.network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    model.network.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.loss(batch)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("strategy", ["extended", "full"])
def test_activations_against_autograd(strategy: Literal["extended", "full"], precision: str) -> None:
    model = load_model(BUILD, weights_cache=Path("unused"), seed=1, precision=precision)
    adapt(model, AdaptationSettings(strategy=strategy, rank=8), seed=1)
    expected, _ = activation_bytes(work_of_a_row(model), BYTES[precision])
    assert 0.75 < expected / kept_bytes(model) < 1.33


def test_activation_checkpointing_keeps_less_than_planned() -> None:
    """What is kept between the passes; the planned peak has one whole block more."""
    model = load_model(BUILD, weights_cache=Path("unused"), seed=1, precision="float32")
    adapt(model, AdaptationSettings(strategy="extended", rank=8), seed=1)
    kept, recomputed = activation_bytes(work_of_a_row(model), 4)
    model.enable_activation_checkpointing()
    assert kept_bytes(model) < recomputed < kept / 3


def test_master_weights_and_moments() -> None:
    settings = ModelSettings(build=BUILD, adaptation=AdaptationSettings(strategy="full"))
    model = load_skeleton(BUILD)
    adapt(model, settings.adaptation, seed=1)
    trained = trainable_parameters(model)
    memory = training_memory(model, settings, work_of_a_row(model), trained)
    assert (memory.weights, memory.gradients, memory.optimiser) == (2 * trained, 6 * trained, 12 * trained)


def test_four_bits() -> None:
    build = BuildSettings(family="smolvlm", sources={"model": "hub:owner/name@main"}, quantisation="nf4")
    settings = ModelSettings(build=build, adaptation=AdaptationSettings(strategy="extended"))
    model = load_skeleton(build)
    adapt(model, settings.adaptation, seed=1)
    work = work_of_a_row(model)
    four = training_memory(model, settings, work, 0).weights
    sixteen = training_memory(
        model, settings.model_copy(update={"build": build.model_copy(update={"quantisation": "none"})}), work, 0
    ).weights
    total = sum(parameter.numel() for parameter in model.network.parameters())
    assert 0.516 * total < four < sixteen == 2 * total
    # Embeddings, head, norms and adapters stay in 16 bits: 2 x 49,280 x 960 of them alone.
    assert four > 2 * 2 * 49_280 * 960
