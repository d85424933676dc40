from pathlib import Path

import pytest
import torch

from metrics.test_bertscore import SETTINGS
from radtune.artifacts.io import write
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.provenance import provenance
from radtune.errors import UnavailableError
from radtune.metrics.bertscore import prepare_encoder
from radtune.metrics.contract import Resources, Sample, evaluate
from radtune.metrics.medbertscore import MEDICAL, medbertscore, token_weights
from radtune.metrics.token_encoder import Encoder

PAIRS = [
    ("Axial CT of the chest", "Pleural effusion in the chest."),
    ("  Chest X-ray: pleural effusion", "chest mass, 3 cm"),
    ("Normal study", "Nothing of note"),
    ("Chest", "chest"),
    ("", "Chest"),
]
SAMPLES = [Sample(str(index), "caption", *pair) for index, pair in enumerate(PAIRS)]
ROWS = [
    {"cui": "C0032227", "name": "Pleural effusion", "type_ids": ["T047"]},
    {"cui": "C0577559", "name": "mass", "type_ids": ["T033"]},  # Finding: the one type of the disorders that is left out
    {"cui": "C0817096", "name": "Chest", "type_ids": ["T029"]},
]
TERMS = ("pleural effusion", "chest")


@pytest.fixture(scope="module")
def encoder(weights_cache: Path) -> Encoder:
    return prepare_encoder(SETTINGS.model_copy(update={"threads": 1}), weights_cache)[0]


def resources(folder: Path, weights_cache: Path, *, typed: bool = True) -> Resources:
    table = folder / "concepts.parquet"
    rows = [row | {"type_ids": row["type_ids"] if typed else []} for row in ROWS]
    write(table, CONCEPTS, rows, provenance("radtune.metrics.score", SETTINGS, 1, {}))
    return Resources(SETTINGS.model_copy(update={"threads": 1}), folder, table, None, weights_cache)


@torch.inference_mode()
def directly(encoder: Encoder, candidate: str, reference: str) -> tuple[float, float, float]:
    """The definition token by token: terms are looked up in the words that the tokens make."""
    sides = []
    for text in (candidate, reference):
        encoded = encoder.tokenizer(text, return_offsets_mapping=True)
        vectors = encoder.model(torch.tensor([encoded["input_ids"]])).last_hidden_state[0]
        inside = {place for term in TERMS if term in text for place in range(text.index(term), text.index(term) + len(term))}
        weights = [2.0 if inside & set(range(*span)) else 1.0 for span in encoded["offset_mapping"]]
        sides.append(list(zip(vectors, weights, strict=True))[1:-1])
    means = []
    for own, other in (sides, sides[::-1]):
        best = [max(float(torch.cosine_similarity(vector, against, dim=0)) for against, _ in other) for vector, _ in own]
        weights = [weight for _, weight in own]
        means.append(sum(b * w for b, w in zip(best, weights, strict=True)) / sum(weights))
    precision, recall = means
    return precision, recall, 2 * precision * recall / (precision + recall)


def test_equal_to_the_definition(encoder: Encoder, tmp_path: Path, weights_cache: Path) -> None:
    result = evaluate(medbertscore, SAMPLES, resources(tmp_path, weights_cache))
    found = list(zip(*(result.values[f"medbertscore{name}"] for name in ("_precision", "_recall", "")), strict=True))
    normalised = [
        ("axial ct of the chest", "pleural effusion in the chest"),
        ("chest xray pleural effusion", "chest mass number cm"),
        ("normal study", "nothing of note"),
        ("chest", "chest"),
    ]
    for values, pair in zip(found, normalised, strict=False):
        assert values == pytest.approx(directly(encoder, *pair), abs=1e-5), pair
    assert found[3] == pytest.approx((1, 1, 1), abs=1e-6)
    assert found[4] == (0, 0, 0)


def test_a_token_weighs_two_where_it_overlaps_a_term() -> None:
    tokens = [(0, 0), (0, 4), (4, 8), (9, 12), (0, 0)]
    assert token_weights(tokens, [(5, 9)]).tolist() == [1, 1, 2, 1, 1]
    assert token_weights(tokens, [(0, 1), (11, 20)]).tolist() == [1, 2, 1, 2, 1]  # the first term stands at the very beginning
    assert token_weights(tokens, []).tolist() == [1] * 5


def test_the_types_are_the_49_of_the_authors() -> None:
    assert len(MEDICAL) == 49
    assert {"T060", "T047", "T029"} <= MEDICAL
    assert not {"T033", "T082", "T074"} & MEDICAL


def test_without_semantic_types_it_is_unavailable(tmp_path: Path, weights_cache: Path) -> None:
    with pytest.raises(UnavailableError, match="no semantic types"):
        medbertscore(SAMPLES, resources(tmp_path, weights_cache, typed=False))
