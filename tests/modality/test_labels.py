from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.provenance import provenance
from radtune.config.modality import LabelSettings
from radtune.modality.classes import CLASS_OF_CUI, CLASSES
from radtune.modality.labels import label_modalities, label_of, modality_cuis

CHEST = "C0817096"  # a body region, no modality


@pytest.mark.parametrize(
    ("manual", "automatic", "label", "cuis", "clash"),
    [
        (["C0040405"], [], "CT", ["C0040405"], False),
        (["C0024485", CHEST], [], "MRI", ["C0024485"], False),
        (["C1306645"], [], "Radiograph", ["C1306645"], False),
        (["C0041618"], [], "Ultrasound", ["C0041618"], False),
        (["C0002978"], [], "Other", ["C0002978"], False),
        (["C0032743"], [], "Other", ["C0032743"], False),
        (["C0920367"], [], "Other", ["C0920367"], False),
        (["C1699633"], [], "Other", ["C1699633"], False),
        ([], [], "Other", [], False),
        ([CHEST], [CHEST], "Other", [], False),
        # The manual concepts decide; the automatic ones only where the manual ones name no modality.
        (["C0040405"], ["C0024485"], "CT", ["C0040405"], False),
        ([], ["C0024485", CHEST], "MRI", ["C0024485"], False),
        ([CHEST], ["C0024485"], "MRI", ["C0024485"], False),
        # A clash.
        (["C0040405", "C0024485"], [], "Other", ["C0024485", "C0040405"], True),
        (["C0040405", "C0032743"], [], "Other", ["C0032743", "C0040405"], True),
        ([], ["C1306645", "C0041618"], "Other", ["C0041618", "C1306645"], True),
        (["C0040405", "C0040405"], [], "CT", ["C0040405"], False),
    ],
)
def test_label(manual: list[str], automatic: list[str], label: str, cuis: list[str], clash: bool, tmp_path: Path) -> None:
    row = {**dict.fromkeys(CAPTIONS.schema.names, "x") | {"restricted": False}, "concepts": automatic, "manual_concepts": manual}
    settings = LabelSettings()
    write(tmp_path / "captions.parquet", CAPTIONS, [row], provenance("radtune.modality.labels", settings, 1, inputs={}))
    label_modalities(tmp_path / "captions.parquet", tmp_path / "labels.parquet", settings=settings, seed=1)
    expected = {"item_id": "x", "split": "x", "label": label, "modality_cuis": cuis, "clash": clash}
    assert read_rows(tmp_path / "labels.parquet", MODALITY_LABELS) == [expected]
    footer = read_footer(tmp_path / "labels.parquet")
    assert (footer["rows_in"], footer["rows_out"], footer["dropped"]) == (1, 1, {})


def test_both_kinds_of_concepts_can_be_taken_together(tmp_path: Path) -> None:
    named = {"restricted": False, "concepts": ["C0024485"], "manual_concepts": ["C0040405"]}
    row = dict.fromkeys(CAPTIONS.schema.names, "x") | named
    settings = LabelSettings(prefer_manual_concepts=False)
    write(tmp_path / "captions.parquet", CAPTIONS, [row], provenance("radtune.modality.labels", settings, 1, inputs={}))
    label_modalities(tmp_path / "captions.parquet", tmp_path / "labels.parquet", settings=settings, seed=1)
    (label,) = read_rows(tmp_path / "labels.parquet", MODALITY_LABELS)
    assert (label["label"], label["clash"]) == ("Other", True)


@given(st.lists(st.sampled_from([*CLASS_OF_CUI, CHEST])))
def test_the_order_of_concepts_does_not_matter(concepts: list[str]) -> None:
    cuis = modality_cuis(concepts)
    assert cuis == modality_cuis(reversed(concepts))
    label, clash = label_of(cuis)
    assert label in CLASSES
    assert clash == (len(set(concepts) - {CHEST}) > 1)
