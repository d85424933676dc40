import pytest

from radtune.metrics.concept_extraction import (
    Extractor,
    Mention,
    build_pack,
    concept_names,
    concepts_in,
    longest_mentions,
    make_extractor,
)

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
    "livers and hearts": {LIVER, HEART},
    "left-sided pleural effusions": {EFFUSION},
    "ct of nothing": set(),
    "Predictive factors": set(),
    "the hearty chestnut": set(),
    "": set(),
}
"""Captions with the concepts that a person finds in them by the rules of the extractor."""


@pytest.fixture(scope="module")
def extract() -> Extractor:
    return make_extractor(build_pack([{"cui": cui, "name": name, "type_ids": ["T060"]} for cui, name in TABLE.items()]))


def test_concepts_equal_a_count_by_hand(extract: Extractor) -> None:
    assert {text: set(concepts_in(text, extract)) for text in CAPTIONS} == CAPTIONS


def test_extraction_depends_neither_on_the_order_of_texts_nor_of_the_table(extract: Extractor) -> None:
    other = make_extractor(build_pack([{"cui": cui, "name": name, "type_ids": []} for cui, name in reversed(TABLE.items())]))
    assert {text: set(concepts_in(text, other)) for text in reversed(CAPTIONS)} == CAPTIONS
    assert {text: set(concepts_in(text, extract)) for text in reversed(CAPTIONS)} == CAPTIONS


def test_a_mention_says_where_it_stands_and_of_what_types_it_is(extract: Extractor) -> None:
    text = "Axial CT: brain stem"
    assert {(mention.cui, text[mention.start : mention.end], mention.type_ids) for mention in extract(text)} == {
        (CT, "CT", ("T060",)),
        (STEM, "brain stem", ("T060",)),
    }


def test_of_overlapping_mentions_the_longest_counts_and_of_equal_ones_the_first() -> None:
    long, inside, beside, tie = (
        Mention(cui, (), *place) for cui, place in zip("ABCD", [(0, 9), (5, 9), (9, 12), (10, 13)], strict=True)
    )
    assert longest_mentions([tie, inside, beside, long]) == [long, beside]


@pytest.mark.parametrize(
    ("cui", "name", "names"),
    [
        (
            CT,
            "X-Ray Computed Tomography",
            ["X-Ray Computed Tomography", "X-Ray Computed Tomographies", "CT", "computed tomography"],
        ),
        (HERNIA, "Hernia, Inguinal", ["Hernia, Inguinal", "Inguinal Hernia", "Inguinal Hernias"]),
        ("C0", "Injury, acute, of knee", ["Injury, acute, of knee"]),
        ("C0", "Kidney", ["Kidney", "Kidneys"]),
        ("C0", "Chest Tubes", ["Chest Tubes", "Chest Tube"]),
        ("C0", "Pelvis", ["Pelvis"]),
        ("C0", "DNA", ["DNA"]),
        ("C0", "Abscess", ["Abscess"]),
        (
            "C0",
            "Structure of sigmoid sinus",
            ["Structure of sigmoid sinus", "sigmoid sinus"],
        ),
        ("C0", "Aortic arch structure", ["Aortic arch structure", "Aortic arch", "Aortic arch structures", "Aortic arches"]),
        ("C0", "Left atrial structure", ["Left atrial structure", "Left atrial structures"]),
        ("C0", "Colon structure (body structure)", ["Colon structure (body structure)", "Colon", "Colons"]),
    ],
)
def test_names_looked_for(cui: str, name: str, names: list[str]) -> None:
    assert concept_names(cui, name) == names
