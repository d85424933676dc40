import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.io import write
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import MetricSettings
from radtune.errors import UnavailableError
from radtune.metrics.concept_extraction import build_pack, concepts_in, make_extractor
from radtune.metrics.concept_f1 import concept_f1, medcon_concepts, set_f1
from radtune.metrics.concept_table import read_concept_table
from radtune.metrics.contract import Resources, Sample, evaluate

NOWHERE = Path("none")
CT, MRI, CHEST, EFFUSION, LIVER = "C0040405", "C0024485", "C0817096", "C0013687", "C0023884"
SETS = [{CT, CHEST}, {CT, LIVER}, {CT}, {MRI}, {CT, LIVER, CHEST}, set()]


@pytest.mark.parametrize(
    ("predicted", "reference", "value"),
    [
        ({CT, CHEST}, {CT, CHEST}, 1.0),
        ({CT, CHEST}, {CT, LIVER}, 0.5),
        ({CT}, {CT, LIVER, CHEST}, 0.5),
        ({CT}, {MRI}, 0.0),
        ({CT}, set(), 0.0),
        (set(), {CT}, 0.0),
        (set(), set(), 0.0),  # as the official evaluator has it
    ],
)
def test_f1_of_sets(predicted: set[str], reference: set[str], value: float) -> None:
    assert set_f1(predicted, reference) == value


def test_f1_is_symmetric() -> None:
    for first, second in itertools.combinations(SETS, 2):
        assert set_f1(first, second) == pytest.approx(set_f1(second, first))


def test_medcon_leaves_the_modality_out() -> None:
    concepts = [
        {"cui": CT, "name": "X-Ray Computed Tomography", "type_ids": ["T060"]},
        {"cui": CHEST, "name": "Chest", "type_ids": ["T029"]},
        {"cui": EFFUSION, "name": "effusion", "type_ids": ["T047", "T082"]},
        {"cui": LIVER, "name": "Liver", "type_ids": []},
    ]
    extract = make_extractor(build_pack(medcon_concepts(concepts)))
    assert concepts_in("CT of the chest and the liver: effusion", extract) == {CHEST, EFFUSION}
    with pytest.raises(UnavailableError, match="no semantic types"):
        medcon_concepts([concept | {"type_ids": []} for concept in concepts])


def test_with_neither_table_nor_pack_it_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="neither a concept table nor a MedCAT pack"):
        concept_f1([], Resources(MetricSettings(), NOWHERE, None, None, NOWHERE))


@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict[str, Any]]:
    """By caption: the CUIs marked in it by reading, and where the extractor is known to differ, with the reason."""
    captions: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("concepts_by_hand.json").read_text())["captions"]
    return captions


def dice(first: set[str], second: set[str]) -> float:
    """F1 of two sets by the plain formula."""
    return 2 * len(first & second) / (len(first) + len(second)) if first or second else 0.0


def test_equal_to_a_hand_count_on_50_captions(rocov2_mini: Path, tmp_path: Path, by_hand: dict[str, dict[str, Any]]) -> None:
    """Each caption is scored against the next one."""
    captions = {}
    for path in rocov2_mini.glob("*_captions.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            captions |= {row["ID"]: row["Caption"] for row in csv.DictReader(file)}
    rows, _ = read_concept_table(rocov2_mini / "cui_mapping.csv")
    table = tmp_path / "concepts.parquet"
    write(
        table,
        CONCEPTS,
        sorted(rows, key=lambda row: str(row["cui"])),
        provenance("radtune.metrics.score", MetricSettings(), 1, {}),
    )
    items = list(by_hand)
    pairs = list(zip(items, items[1:] + items[:1], strict=True))
    samples = [Sample(item, "caption", captions[item], captions[reference]) for item, reference in pairs]
    values = evaluate(concept_f1, samples, Resources(MetricSettings(), NOWHERE, table, None, NOWHERE)).values["concept_f1"]

    marked = {item: set(by_hand[item]["marked"]) for item in items}
    found = {
        item: marked[item].difference(by_hand[item].get("missed", ())).union(by_hand[item].get("added", ())) for item in items
    }
    assert values == pytest.approx([dice(found[item], found[reference]) for item, reference in pairs])
    alike = [
        index
        for index, (item, reference) in enumerate(pairs)
        if found[item] == marked[item] and found[reference] == marked[reference]
    ]
    assert len(items) == 50
    assert [values[index] for index in alike] == pytest.approx(
        [dice(*(marked[item] for item in pairs[index])) for index in alike]
    )


def test_the_hand_count_and_its_deviations_fit_together(by_hand: dict[str, dict[str, Any]]) -> None:
    for item, reading in by_hand.items():
        assert set(reading.get("missed", ())) <= set(reading["marked"]), item
        assert not set(reading.get("added", ())) & set(reading["marked"]), item
