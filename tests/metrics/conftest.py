"""Captions and resources that tests of several metrics share."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

from radtune.config.metrics import MetricSettings
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.preprocessing import normalise_caption

NOWHERE: Final = Path("none")

GOLDEN: Final = (  # candidate, reference: values of the reference implementations are known for these
    (
        "Chest X-ray showing a large right-sided pleural effusion (arrow).",
        "Chest X-ray showing a right pleural effusion (green arrow).",
    ),
    (
        "CT scan of the chest showing a large mass in the right upper lobe.",
        "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm in this plane.",
    ),
    ("MRI of the brain.", "Axial T2-weighted MRI of the brain, demonstrating a 3 x 4 cm mass."),
)


@pytest.fixture(scope="session")
def text_resources(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """For metrics that need nothing but the texts; what a metric keeps goes to a folder of its own."""
    return Resources(MetricSettings(), NOWHERE, NOWHERE, NOWHERE, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def raw_text_resources() -> Resources:
    """The same, with BLEU and CIDEr on raw text."""
    return Resources(MetricSettings(caption_text="raw"), NOWHERE, NOWHERE, NOWHERE, NOWHERE)


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP of random weights in the format of ``openai/clip-vit-base-patch32``."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    CLIPTokenizer({piece: index for index, piece in enumerate(pieces)}, []).save_pretrained(folder)
    shared = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = shared | {
        "vocab_size": len(pieces),
        "max_position_embeddings": 77,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
    }
    torch.manual_seed(4)
    config = CLIPConfig(
        text_config=text, vision_config=shared | {"image_size": 32, "patch_size": 8}, projection_dim=16, initializer_factor=10.0
    )
    CLIPModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pictures() -> dict[str, Image.Image]:
    """Images of several shapes by item id."""
    draw = np.random.default_rng(3)
    sizes = {"a": (60, 40), "b": (33, 70), "c": (32, 32), "d": (200, 50)}
    return {item: Image.fromarray(draw.integers(0, 256, (*size, 3), dtype=np.uint8)) for item, size in sizes.items()}


@pytest.fixture(scope="session")
def golden_samples() -> list[Sample]:
    """The three pairs of :data:`GOLDEN`."""
    return [Sample(str(index), "caption", *pair) for index, pair in enumerate(GOLDEN)]


@pytest.fixture(scope="session")
def real_captions(rocov2_mini: Path) -> list[str]:
    """302 captions."""
    captions = []
    for path in sorted(rocov2_mini.glob("*_captions.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            captions += [row["Caption"] for row in csv.DictReader(file)]
    return captions


@pytest.fixture(scope="session")
def real_pairs(real_captions: list[str]) -> list[tuple[str, str]]:
    """1,000 pairs of real captions."""
    draw = random.Random(1)
    return [(draw.choice(real_captions), draw.choice(real_captions)) for _ in range(1_000)]


@pytest.fixture(scope="session")
def real_samples(real_pairs: list[tuple[str, str]]) -> dict[str, list[Sample]]:
    """The pairs as raw and as normalised text. Every third candidate begins as its reference does, so that long n-grams match."""
    samples = {}
    for name, prepare in (("raw", str), ("normalised", normalise_caption)):
        pairs = [(prepare(candidate), prepare(reference)) for candidate, reference in real_pairs]
        samples[name] = [
            Sample(
                str(index),
                "caption",
                reference[: len(reference) // 2] + candidate[len(candidate) // 2 :] if index % 3 == 0 else candidate,
                reference,
            )
            for index, (candidate, reference) in enumerate(pairs)
        ]
    return samples


def weighted_mean(values: list[float]) -> float:
    """Mean of values weighed by their index: unlike the plain mean it notices when two are exchanged."""
    return sum(index * value for index, value in enumerate(values)) / sum(range(len(values)))
