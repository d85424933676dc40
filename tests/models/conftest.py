"""Tiny models of every family, and eight images with eight captions for them to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.models.adaptation import TrainedModule, adapt, set_stage
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model

FAMILIES = ("smolvlm", "paligemma", "visiongpt2", "soft_prompt")
SIDE = 64
CAPTIONS = (
    "CT of the chest",
    "MR of the brain",
    "US of the liver",
    "CR of the hand",
    "PET, whole body",
    "CT of a knee",
    "MR spine",
    "angiogram",
)

LINEAR = tuple(f"language:{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down"))
ADAPTATIONS = {
    "smolvlm": AdaptationSettings(
        strategy="hybrid",
        dropout=0.0,
        targets=LINEAR,
        unfrozen=("connector:*", "vision:*", "language:embed_tokens", "language:lm_head"),
    ),
    "paligemma": AdaptationSettings(
        strategy="hybrid", dropout=0.0, targets=LINEAR, unfrozen=("connector:*", "vision:*", "language:embed_tokens")
    ),
    "visiongpt2": AdaptationSettings(strategy="staged"),
    "soft_prompt": AdaptationSettings(
        strategy="hybrid", dropout=0.0, targets=LINEAR, unfrozen=("connector:*", "language:embed_tokens")
    ),
}
"""How the tiny model of each family is trained in these tests."""

RECIPES = {"smolvlm": (100, 3e-3), "paligemma": (100, 3e-3), "visiongpt2": (250, 3e-3), "soft_prompt": (120, 1e-3)}
"""Steps and learning rate."""


def tiny_build(family: str) -> BuildSettings:
    parts = ("model",) if family in ("smolvlm", "paligemma") else ("vision", "language")
    options = {"visual_prompts": 8, "mapper_feed_forward": 128} if family == "soft_prompt" else {}
    return BuildSettings(
        family=family,  # type: ignore[arg-type]
        sources=dict.fromkeys(parts, "tiny:"),
        image_size=SIDE,
        options=options,
        instruction="Describe.",
    )


def tiny_model(family: str, seed: int = 1, precision: str = "float32") -> FamilyModel:
    return load_model(tiny_build(family), weights_cache=Path("unused"), seed=seed, precision=precision)


def picture(seed: int, side: int = SIDE) -> Image.Image:
    """Sixteen grey squares, different for every seed."""
    values = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
    return Image.fromarray(values).convert("RGB").resize((side, side), Image.Resampling.NEAREST)


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return [Example(str(index), picture(index), "caption", target=caption) for index, caption in enumerate(CAPTIONS)]


@pytest.fixture(scope="session")
def prompts(examples: list[Example]) -> list[Example]:
    """The same without their captions."""
    return [replace(example, target=None) for example in examples]


@dataclass(frozen=True)
class Taught:
    model: FamilyModel
    adaptation: AdaptationSettings
    rows: list[TrainedModule]


def learn(model: FamilyModel, examples: list[Example], steps: int, rate: float) -> float:
    """Plain AdamW on one batch; the last mean loss."""
    batch = model.collate(examples)
    optimizer = torch.optim.AdamW([p for p in model.network.parameters() if p.requires_grad], lr=rate, weight_decay=0.0)
    model.network.train()
    for _ in range(steps):
        loss = model.loss(batch) / model.label_tokens(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.network.eval()
    return loss.item()


@pytest.fixture(scope="session")
def taught(examples: list[Example]) -> Callable[[str], Taught]:
    """The tiny model of a family after it has learned the eight captions; trained once a session."""
    done: dict[str, Taught] = {}

    def teach(family: str) -> Taught:
        if family not in done:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # dropout
                model, adaptation = tiny_model(family), ADAPTATIONS[family]
                rows = adapt(model, adaptation, seed=1)
                set_stage(model, adaptation, epoch=2)
                learn(model, examples, *RECIPES[family])
            done[family] = Taught(model, adaptation, rows)
        return done[family]

    return teach
