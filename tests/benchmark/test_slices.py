from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radtune.artifacts import io
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.slice_scores import SLICE_SCORES
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.slices import NO_GROUP, NO_REGION, tabulate_slices
from radtune.benchmark.systems import tabulate_systems
from radtune.cli import app
from radtune.config.metrics import BenchmarkSettings
from radtune.errors import ConfigError, DataError

SETTINGS = BenchmarkSettings(resamples=300)
CELL = ("plain", "caption", "rouge1")

ABDOMEN, CHEST, MASS, CT = "C0000726", "C0817096", "C0577559", "C0040405"
ITEMS = [  # caption, modality, concepts, manual concepts; item number n belongs to group n // 2
    ("one two", "CT", [MASS, CT], [CT, ABDOMEN]),
    ("one two three", "CT", [ABDOMEN], [CT, ABDOMEN, CHEST]),
    ("one two three four", "MRI", [], []),
    ("one two three four five", "MRI", [MASS], [CHEST]),
    ("one two three four five six", "CT", [CT], [CT]),
    ("one two three four five six seven", "Other", ["C9999999"], []),
]
TYPES = {ABDOMEN: ["T029"], CHEST: ["T029"], MASS: ["T033"], CT: ["T060"]}
VALUES: list[list[float | None]] = [[0.0], [0.5], [1.0], [0.5], [0.25], [None]]


class Data:
    """Captions, concepts and labels of :data:`ITEMS` on disk."""

    def __init__(self, folder: Path, types: dict[str, list[str]] = TYPES, items: int = len(ITEMS)) -> None:
        self.captions, self.concepts, self.labels = (folder / f"{name}.parquet" for name in ("captions", "concepts", "labels"))
        origin = provenance("radtune.datasets.read", SETTINGS, 1, {})
        constant = dict.fromkeys(("dataset", "image_path", "image_sha256", "licence", "attribution", "link"), "")
        captions = [
            {"item_id": str(number), "split": "test", "group_id": f"g{number // 2}", "caption": caption}
            | constant
            | {"concepts": concepts, "manual_concepts": manual, "restricted": False}
            for number, (caption, _, concepts, manual) in enumerate(ITEMS[:items])
        ]
        names = {ABDOMEN: "Abdomen", CHEST: "Chest", MASS: "Mass", CT: "X-Ray Computed Tomography"}
        concepts = [{"cui": cui, "name": name, "type_ids": types.get(cui, [])} for cui, name in names.items()]
        labels = [
            {"item_id": str(number), "split": "test", "label": label, "modality_cuis": [], "clash": False}
            for number, (_, label, _, _) in enumerate(ITEMS)
        ]
        io.write(self.captions, CAPTIONS, captions, origin)
        io.write(self.concepts, CONCEPTS, concepts, origin)
        io.write(self.labels, MODALITY_LABELS, labels, origin)

    def tabulate(self, scores: list[Path], settings: BenchmarkSettings = SETTINGS) -> list[dict[str, Any]]:
        output = scores[0].parent / "slices.parquet"
        tabulate_slices(scores, self.captions, self.concepts, self.labels, output, settings=settings, seed=1)
        return io.read_rows(output, SLICE_SCORES)


def means(rows: list[dict[str, Any]], slicing: str) -> dict[str, tuple[float | None, int, int]]:
    """Mean, items and groups of each slice, in the order of their places."""
    chosen = sorted((row for row in rows if row["slicing"] == slicing), key=lambda row: row["place"])
    return {row["slice"]: (row["mean"], row["items"], row["groups"]) for row in chosen}


def test_every_slicing_has_the_means_of_its_items(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    rows = Data(tmp_path).tabulate([write_scores("ours", {CELL: VALUES})])
    assert means(rows, "modality") == {"CT": (0.25, 3, 2), "MRI": (0.75, 2, 1), "Other": (None, 0, 0)}
    assert means(rows, "caption length") == {
        "up to 3 words": (0.25, 2, 1),
        "4 to 5 words": (0.75, 2, 1),
        "6 words or more": (0.25, 1, 1),
    }
    assert means(rows, "body region") == {"Abdomen": (0.25, 2, 1), "Chest": (0.5, 2, 2), NO_REGION: (0.625, 2, 2)}
    assert means(rows, "semantic group") == {
        "Anatomy": (0.5, 1, 1),
        "Disorders": (0.25, 2, 2),
        "Procedures": (0.125, 2, 2),
        NO_GROUP: (1.0, 1, 1),
    }


def test_a_slice_of_everything_equals_the_benchmark_table(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    scores = [write_scores("ours", {CELL: VALUES}), write_scores("random_caption", {CELL: [[0.0, 1.0]] * 6})]
    rows = Data(tmp_path).tabulate(scores, SETTINGS.model_copy(update={"caption_lengths": (100,)}))
    whole = {row["system"]: row for row in rows if row["slicing"] == "caption length"}
    tabulate_systems(scores, tmp_path / "systems.parquet", settings=SETTINGS, seed=1)
    table = io.read_rows(tmp_path / "systems.parquet", SYSTEM_SCORES)
    assert [row["system"] for row in table] == list(whole)
    for row in table:
        assert row.items() <= whole[row["system"]].items()
        assert whole[row["system"]]["slice"] == "up to 100 words"


def test_what_the_data_do_not_know_makes_no_slices(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    rows = Data(tmp_path, types={}).tabulate([write_scores("ours", {CELL: VALUES})])
    assert {row["slicing"] for row in rows} == {"modality", "caption length", "body region"}


def test_the_order_of_the_systems_changes_nothing(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    data, scores = Data(tmp_path), [write_scores(name, {CELL: VALUES}) for name in ("b", "a")]
    assert data.tabulate(scores) == data.tabulate(scores[::-1])


def test_an_item_without_caption_is_refused(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks 1 scored item\(s\), such as 5"):
        Data(tmp_path, items=5).tabulate([write_scores("ours", {CELL: VALUES})])


def test_bounds_must_ascend() -> None:
    with pytest.raises(ConfigError, match="ascending"):
        BenchmarkSettings.parse('{"caption_lengths":[9,9]}')


def test_the_step_runs_by_hand(write_scores: Callable[..., Path], tmp_path: Path) -> None:
    data, output = Data(tmp_path), tmp_path / "by_hand.parquet"
    arguments = ["benchmark", "slices", "--scores", str(write_scores("ours", {CELL: VALUES})), "--output", str(output)]
    arguments += ["--captions", str(data.captions), "--concepts", str(data.concepts), "--labels", str(data.labels)]
    result = CliRunner().invoke(app, [*arguments, "--settings", '{"resamples":10}', "--seed", "3"], catch_exceptions=False)
    assert result.exit_code == 0
    footer = io.read_footer(output)
    assert (footer["kind"], footer["seed"], footer["rows_out"]) == ("slice_scores", 3, 13)
