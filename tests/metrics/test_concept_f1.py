import itertools

import pytest

from radtune.errors import UnavailableError
from radtune.metrics.concept_f1 import Extractor, build_extractor, concept_names, medcon_concepts, set_f1

TABLE = {
    "C0040405": "X-Ray Computed Tomography",
    "C0024485": "Magnetic Resonance Imaging",
    "C1306645": "Plain x-ray",
    "C0041618": "Ultrasonography",
    "C0817096": "Chest",
    "C0006104": "Brain",
    "C0023884": "Liver",
    "C0018787": "Heart",
    "C0225730": "Left lung",
    "C0024109": "Lung",
    "C0032227": "Pleural effusion disorder",
    "C0013687": "effusion",
    "C2317432": "effusion",
    "C0019294": "Hernia, Inguinal",
    "C0006121": "Brain Stem",
}
CT, MRI, XRAY, US, CHEST, BRAIN = "C0040405", "C0024485", "C1306645", "C0041618", "C0817096", "C0006104"
LIVER, HEART, LEFT_LUNG, LUNG, EFFUSION, HERNIA, STEM = (
    "C0023884", "C0018787", "C0225730", "C0024109", "C0013687", "C0019294", "C0006121",
)  # fmt: skip

CAPTIONS: dict[str, set[str]] = {
    "Axial CT scan of the chest.": {CT, CHEST},
    "(CT) chest": {CT, CHEST},
    "PET/CT of the liver": {CT, LIVER},
    "CT-guided biopsy of a liver lesion": {CT, LIVER},
    "X-ray computed tomography of the brain": {CT, BRAIN},
    "Computed tomography of the brain.": {CT, BRAIN},
    "MRI of the Brain, and the heart": {MRI, BRAIN, HEART},
    "Sagittal MR image": {MRI},
    "Magnetic resonance imaging of the brain stem": {MRI, STEM},
    "Chest X-ray: left lung": {XRAY, CHEST, LEFT_LUNG},
    "chest radiograph, lung": {XRAY, CHEST, LUNG},
    "Ultrasound of the liver; LIVER": {US, LIVER},
    "Effusion": {EFFUSION},
    "Inguinal hernia": {HERNIA},
    "Hernia, inguinal, right": {HERNIA},
    "livers and hearts": set(),
    "ct of nothing": set(),
    "Predictive factors": set(),
    "the hearty chestnut": set(),
    "": set(),
}
"""Captions with the concepts that a person finds in them by the rules of the extractor."""


@pytest.fixture(scope="module")
def extract() -> Extractor:
    return build_extractor([{"cui": cui, "name": name, "type_ids": []} for cui, name in TABLE.items()])


def test_concepts_equal_a_count_by_hand(extract: Extractor) -> None:
    assert {text: set(extract(text)) for text in CAPTIONS} == CAPTIONS


def test_extraction_depends_neither_on_the_order_of_texts_nor_of_the_table(extract: Extractor) -> None:
    other = build_extractor([{"cui": cui, "name": name, "type_ids": ["T060"]} for cui, name in reversed(TABLE.items())])
    assert {text: set(other(text)) for text in reversed(CAPTIONS)} == CAPTIONS
    assert {text: set(extract(text)) for text in reversed(CAPTIONS)} == CAPTIONS


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
    for first, second in itertools.combinations(CAPTIONS.values(), 2):
        assert set_f1(first, second) == pytest.approx(set_f1(second, first))


@pytest.mark.parametrize(
    ("cui", "name", "names"),
    [
        (CT, "X-Ray Computed Tomography", ["X-Ray Computed Tomography", "CT", "computed tomography"]),
        (HERNIA, "Hernia, Inguinal", ["Hernia, Inguinal", "Inguinal Hernia"]),
        ("C0", "Injury, acute, of knee", ["Injury, acute, of knee"]),
        ("C0", "Liver", ["Liver"]),
    ],
)
def test_names_looked_for(cui: str, name: str, names: list[str]) -> None:
    assert concept_names(cui, name) == names


def test_medcon_leaves_the_modality_out() -> None:
    types = {CT: ["T060"], CHEST: ["T029"], EFFUSION: ["T047", "T082"], LIVER: []}
    table = [{"cui": cui, "name": TABLE[cui], "type_ids": ids} for cui, ids in types.items()]
    extract = build_extractor(medcon_concepts(table))
    assert extract("CT of the chest and the liver: effusion") == {CHEST, EFFUSION}
    with pytest.raises(UnavailableError, match="no semantic types"):
        medcon_concepts([row | {"type_ids": []} for row in table])
