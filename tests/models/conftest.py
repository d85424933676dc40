"""Tiny models of every family, and eight real images with eight captions for them to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from radtune.config.datasets import SampleSettings
from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.datasets.catalogue import DICOM_SOURCES
from radtune.datasets.dicom_pictures import dicom_pictures
from radtune.models.adaptation import TrainedModule, adapt, set_stage
from radtune.models.family import Example, FamilyModel
from radtune.models.load import family_class, load_model
from radtune.models.transformers_family import TransformersFamily
from radtune.weights.fetch import fetch

SIDE = 64
CAPTIONS = {
    "ct-brain": "CT of the brain",
    "ct-vertebra": "CT, bone window",
    "ct-abdomen": "CT of the abdomen",
    "mr-shoulder": "MRI of the shoulder",
    "cr-chest": "Chest X-ray",
    "cr-lower-leg": "X-ray of the lower leg",
    "us-lymph-node": "Doppler of a lymph node",
    "us-cine-heart": "Echocardiogram",
}
"""By the study of the sample whose first image it tells of."""

LINEAR = tuple(f"language:{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down"))

HYBRID = AdaptationSettings(
    strategy="hybrid",
    dropout=0.0,
    targets=LINEAR,
    unfrozen=("connector:*", "vision:*", "language:embed_tokens", "language:lm_head"),
)

TIED = HYBRID.model_copy(update={"unfrozen": ("connector:*", "vision:*", "language:embed_tokens")})
"""For language models whose head is tied to the embeddings."""


@dataclass(frozen=True)
class Recipe:
    """How the tiny model of a family is trained in these tests. The defaults suit a tower, a connector and a Llama."""

    adaptation: AdaptationSettings = HYBRID
    steps: int = 100
    rate: float = 3e-3
    parts: tuple[str, ...] = ("model",)
    options: dict[str, int] = field(default_factory=dict)
    side: int = SIDE


RECIPES = {
    "smolvlm": Recipe(steps=140),
    "paligemma": Recipe(TIED),
    "llava": Recipe(steps=90, options={"vision_layers": 2, "language_layers": 2}),
    "llava_next": Recipe(steps=90, options={"vision_layers": 2, "language_layers": 2}),
    "qwen2_vl": Recipe(TIED, side=56, options={"language_layers": 2}),
    "qwen2_5_vl": Recipe(  # 4 x 4 image tokens in 4 windows
        TIED, steps=80, side=56, options={"patch_size": 7, "language_layers": 2}
    ),
    "moondream2": Recipe(
        AdaptationSettings(
            strategy="hybrid",
            dropout=0.0,
            targets=tuple(f"language:{name}" for name in ("Wqkv", "out_proj", "fc1", "fc2")),
            unfrozen=("connector:*", "vision:*", "language:wte", "language:linear"),
        ),
        steps=120,
        options={"language_layers": 2},
    ),
    "idefics": Recipe(steps=120, options={"language_layers": 2, "cross_layer_interval": 1}),
    "visiongpt2": Recipe(AdaptationSettings(strategy="staged"), steps=250, parts=("vision", "language")),
    "cnn_transformer": Recipe(AdaptationSettings(strategy="staged"), steps=120, parts=("vision", "language")),
    "soft_prompt": Recipe(
        AdaptationSettings(strategy="hybrid", dropout=0.0, targets=LINEAR, unfrozen=("connector:*", "language:embed_tokens")),
        rate=2e-3,
        parts=("vision", "language"),
        options={"visual_prompts": 8, "mapper_feed_forward": 128},
    ),
}
"""By family; a test fails for a family without an entry, so that none goes untested."""


def tiny_build(family: str) -> BuildSettings:
    recipe = RECIPES[family]
    return BuildSettings(
        family=family,
        sources=dict.fromkeys(recipe.parts, "tiny:"),
        image_size=recipe.side,
        options=recipe.options,
        instruction="Describe.",
    )


def tiny_model(family: str, seed: int = 1, precision: str = "float32") -> FamilyModel:
    return load_model(tiny_build(family), weights_cache=Path("unused"), seed=seed, precision=precision)


TRANSFORMERS_FAMILIES = tuple(name for name in RECIPES if issubclass(family_class(tiny_build(name)), TransformersFamily))
"""Families on transformers' own classes."""
LORA_FAMILIES = tuple(name for name in RECIPES if RECIPES[name].adaptation.strategy in ("targeted", "extended", "hybrid"))
"""Families whose tiny model learns through LoRA here."""


def picture(seed: int, side: int = SIDE) -> Image.Image:
    """Sixteen grey squares, different for every seed."""
    values = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
    return Image.fromarray(values).convert("RGB").resize((side, side), Image.Resampling.NEAREST)


@pytest.fixture(scope="session")
def examples(weights_cache: Path) -> list[Example]:
    """Eight real radiological images with their captions."""
    sources = {source.study: source for source in DICOM_SOURCES}
    found = []
    for study, caption in CAPTIONS.items():
        source = sources[study]
        file = fetch(source.package.source, weights_cache) / source.member
        image = next(iter(dicom_pictures(source, file, SampleSettings()))).image
        square = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        found.append(Example(study, square, "caption", target=caption))
    return found


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
    """AdamW and clipped gradients on one batch; the last mean loss."""
    batch = model.collate(examples)
    parameters = [parameter for parameter in model.network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    model.network.train()
    for _ in range(steps):
        loss = model.loss(batch) / model.label_tokens(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    model.network.eval()
    return loss.item()


@pytest.fixture(scope="session")
def taught(examples: list[Example]) -> Callable[[str], Taught]:
    """The tiny model of a family after it has learned the eight captions; trained once a session."""
    done: dict[str, Taught] = {}

    def teach(family: str) -> Taught:
        if family not in done:
            recipe = RECIPES[family]
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # dropout
                model = tiny_model(family)
                rows = adapt(model, recipe.adaptation, seed=1)
                set_stage(model, recipe.adaptation, epoch=2)
                learn(model, examples, recipe.steps, recipe.rate)
            done[family] = Taught(model, recipe.adaptation, rows)
        return done[family]

    return teach
