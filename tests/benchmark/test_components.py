"""Components are found in captions of the kind that the journal's tables 6 and 7 mark, and in real ones."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtune.benchmark.component_terms import FINDINGS, LATERALITY, LOCATIONS, MARKERS
from radtune.benchmark.components import COMPONENTS, component_names, find_components


def words(text: str) -> list[tuple[str, str]]:
    """Component and words of everything that is found."""
    return [(found.component, text[found.start : found.end]) for found in find_components(text)]


def names(text: str, component: str) -> set[str]:
    return set(component_names(text)[component])


def test_every_component_of_a_radiograph_caption() -> None:
    assert words("Chest X-ray with a right-sided pleural effusion (white arrow) of 3.5 cm") == [
        ("location", "Chest"),
        ("modality", "X-ray"),
        ("laterality", "right-sided"),
        ("finding", "pleural effusion"),
        ("marker", "white arrow"),
        ("measurement", "3.5 cm"),
    ]


def test_components_of_a_ct_caption_are_compared_by_name() -> None:
    found = component_names("Computed tomography of the thorax: pericardial fluid, 1.9 cm; pulmonary emboli on both sides")
    assert found == {
        "modality": {"CT"},
        "finding": {"pericardial effusion", "pulmonary embolism"},
        "location": {"chest"},
        "laterality": {"bilateral"},
        "marker": frozenset(),
        "measurement": {"19 mm"},
    }


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("CXR on admission", {"Radiograph"}),
        ("a chest x ray", {"Radiograph"}),
        ("PET-CT scan", {"Other"}),
        ("Axial T2 magnetic resonance imaging", {"MRI"}),
        ("Abdominal US of the liver", {"Ultrasound"}),
        ("shown to us by Mr. Smith", set()),
        ("CT and MRI", {"CT", "MRI"}),
    ],
)
def test_modality(text: str, modality: set[str]) -> None:
    assert names(text, "modality") == modality


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("mass (green arrow)", {"arrow"}),
        ("masses (Small white arrows)", {"arrow"}),
        ("open arrowheads", {"arrowhead"}),
        ("lesion (*)", {"asterisk"}),
        ("a cyst (asterisk) and a yellow square", {"asterisk", "square"}),
        ("a dotted line", {"dashed line"}),
        ("a cross-section", set()),
    ],
)
def test_marker_with_its_colour_is_the_same_marker(text: str, marker: set[str]) -> None:
    assert names(text, "marker") == marker
    assert not any(found.component == "marker" and text[found.end :].startswith("s") for found in find_components(text))


@pytest.mark.parametrize(
    ("text", "measurement"),
    [
        ("measuring 19.27 mm in this plane", {"19.27 mm"}),
        ("1,5 cm", {"15 mm"}),
        ("a 5-mm neck", {"5 mm"}),
        ("4 x 5 cm and 2×3×4 mm", {"40 x 50 mm", "2 x 3 x 4 mm"}),
        ("16 mm AP x 13.5 mm CC x12 mm LAT", {"16 mm", "13.5 mm", "12 mm"}),
        ("3-4 millimeters", {"3–4 mm"}),
        ("a 70% stenosis of 40 HU at 15 degrees", {"70 %", "40 HU", "15 degrees"}),
        ("vertebra T12, 45 year old, 3 cmH2O", set()),
    ],
)
def test_measurement_is_compared_in_one_unit(text: str, measurement: set[str]) -> None:
    assert names(text, "measurement") == measurement


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("no pleural effusion or pneumothorax", {"no pleural effusion", "no pneumothorax"}),
        ("No effusion. Nodule.", {"no effusion", "nodule"}),
        ("no effusion, but a nodule", {"no effusion", "nodule"}),
        ("no effusion but a nodule", {"no effusion", "nodule"}),
        ("nodule without calcification", {"nodule", "no calcification"}),
        ("Knot of an enlarged lymph node", {"lymphadenopathy"}),
    ],
)
def test_what_is_denied_is_not_what_is_there(text: str, finding: set[str]) -> None:
    assert names(text, "finding") == finding


def test_the_longest_term_counts_and_sentences_part_terms() -> None:
    assert names("left lower lobe of the lung", "location") == {"lower lobe", "lung"}
    assert names("in the lower. Lobe of ear", "location") == {"ear"}
    assert names("pleural and pericardial effusions", "finding") == {"pericardial effusion"}


def test_no_term_stands_in_two_lists_or_twice_in_one() -> None:
    terms = [
        term for table in (FINDINGS, LOCATIONS, LATERALITY, MARKERS) for name, others in table.items() for term in (name, *others)
    ]
    assert sorted(terms) == sorted(set(terms))
    assert all(term == term.lower().strip() and "-" not in term for term in terms)


FRAGMENTS = st.sampled_from(
    [
        "no ",
        "left ",
        "lung",
        "CT",
        " (",
        "white arrow",
        ") ",
        "*",
        "3 x 4 cm",
        "12 mm",
        "<b>",
        ". ",
        "ü",
        "–",
        "effusion ",
        "\n",
        "x",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(FRAGMENTS, max_size=14).map("".join)))
def test_any_text_gives_ordered_stretches_that_do_not_overlap(text: str) -> None:
    found = find_components(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert {one.component for one in found} <= set(COMPONENTS)


def test_components_of_real_captions(rocov2_mini: Path) -> None:
    captions: dict[str, str] = {}
    for split in ("train", "valid", "test"):
        with (rocov2_mini / f"{split}_captions.csv").open(encoding="utf-8", newline="") as file:
            captions |= {row["ID"]: row["Caption"] for row in csv.DictReader(file)}
    named = [component_names(caption) for caption in captions.values()]
    assert sum(any(of_one.values()) for of_one in named) / len(named) > 0.97
    share = {component: sum(bool(of_one[component]) for of_one in named) / len(named) for component in COMPONENTS}
    assert share["finding"] > 0.7
    assert share["location"] > 0.8
    assert 0.5 < share["modality"] < 0.7
    assert 0.05 < share["marker"] < 0.1

    aneurysm = component_names(captions["ROCOv2mini_test_000003"])
    assert aneurysm["measurement"] == {"16 mm", "13.5 mm", "12 mm", "5 mm"}
    assert aneurysm["laterality"] == {"left"}
    assert "aneurysm" in aneurysm["finding"]
    assert {"carotid artery", "pituitary"} <= aneurysm["location"]
    assert component_names(captions["ROCOv2mini_test_000004"]) == {
        "modality": {"CT"},
        "finding": {"hemorrhage"},
        "location": {"brain", "subarachnoid space"},
        "laterality": {"right"},
        "marker": frozenset(),
        "measurement": frozenset(),
    }
