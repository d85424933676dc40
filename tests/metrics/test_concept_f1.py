import itertools
from pathlib import Path

import pytest

from radtune.config.metrics import MetricSettings
from radtune.errors import UnavailableError
from radtune.metrics.concept_extraction import build_pack, concepts_in, make_extractor
from radtune.metrics.concept_f1 import concept_f1, medcon_concepts, set_f1
from radtune.metrics.contract import Resources

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
