"""The gate: which rows it leaves out, and when it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.io import write
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.datasets.leakage_gate import LeakageGate
from radtune.errors import ArtifactError, DataError

PAIRS = [
    ("image", "a", "train", "t1", "test", 2, 0.97, ""),
    ("image", "a", "train", "t2", "test", 4, 0.95, ""),
    ("image", "b", "train", "v1", "valid", 0, 1.0, ""),
    ("group", "c", "valid", "t1", "test", None, 1.0, "PMC7"),
    ("caption", "d", "train", "t1", "test", None, 0.9, ""),
]


@pytest.fixture
def leakage(tmp_path: Path) -> Path:
    rows = [
        {
            **dict.fromkeys(LEAKAGE.schema.names, ""),
            **dict(
                zip(("kind", "item_id", "split", "other_id", "other_split", "distance", "similarity", "group"), pair, strict=True)
            ),
        }
        for pair in PAIRS
    ]
    write(tmp_path / "leakage.parquet", LEAKAGE, rows, provenance("radtune.datasets.leakage", LeakageSettings(), 1, inputs={}))
    return tmp_path / "leakage.parquet"


def gate(leakage: Path, **settings: Any) -> LeakageGate:
    return LeakageGate(leakage, LeakageSettings(**settings))


def test_items_that_give_test_items_away_are_named_with_the_measure(leakage: Path) -> None:
    assert gate(leakage, gate="drop").leaked("abcd") == {
        "a": "gives away the test item t1: near-duplicate image, 2 bits apart, similarity 0.970",
        "c": "gives away the test item t1: both belong to PMC7",
    }
    assert gate(leakage, gate="drop", gate_kinds=("caption",)).leaked("abcd") == {
        "d": "gives away the test item t1: near-duplicate caption, Jaccard index 0.900"
    }
    assert gate(leakage, gate="drop", gate_kinds=()).leaked("abcd") == {}


def test_only_items_that_would_be_trained_on_count(leakage: Path) -> None:
    assert gate(leakage, gate="drop").leaked({"b", "d"}) == {}
    assert gate(leakage, gate="stop").leaked({"b", "d"}) == {}


def test_stop_says_how_many_and_where_to_look(leakage: Path) -> None:
    with pytest.raises(DataError, match=r"leakage\.parquet: .* away: 2 \(pairs by kind: group: 1, image: 2\)"):
        gate(leakage, gate="stop").leaked("abcd")


def test_warn_leaves_everything(leakage: Path) -> None:
    assert gate(leakage, gate="warn").leaked("abcd") == {}


def test_a_gate_needs_its_artifact(tmp_path: Path) -> None:
    assert LeakageGate.parse(None, '{"gate": "drop"}') is None
    shut = LeakageGate.parse(tmp_path / "leakage.parquet", '{"gate": "drop"}')
    assert shut == gate(tmp_path / "leakage.parquet", gate="drop")
    with pytest.raises(ArtifactError, match="missing"):
        shut.leaked("abcd")
