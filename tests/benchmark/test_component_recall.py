from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radtune.artifacts import io
from radtune.artifacts.kinds.caption_components import CAPTION_COMPONENTS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.benchmark.component_recall import tabulate_components
from radtune.benchmark.components import COMPONENTS
from radtune.cli import app
from radtune.config.metrics import BenchmarkSettings

REFERENCES = [
    "Chest X-ray with a right pleural effusion (arrow)",
    "CT of the chest: no pneumothorax",
    "CT of the left kidney with a cyst of 19 mm",
    "MRI of the brain",
]


def write(folder: Path, system: str, captions: list[list[str]], arm: str = "plain", task: str = "caption") -> Path:
    """Predictions for :data:`REFERENCES`; rows 0 and 1 are of one group, 2 and 3 of another."""
    rows = [
        {
            "prediction_id": f"{task}:{number}#{draw}",
            "row_id": f"{task}:{number}",
            "item_id": str(number),
            "group_id": f"g{number // 2}",
            "system": system,
            "arm": arm,
            "task": task,
            "prompt": "",
            "prediction": caption,
            "reference": REFERENCES[number],
            "generated_tokens": 1,
            "stopped": "end",
        }
        for number, draws in enumerate(captions)
        for draw, caption in enumerate(draws)
    ]
    path = folder / f"{system}-{arm}-{task}.parquet"
    io.write(path, PREDICTIONS, rows, provenance("radtune.inference.predict", BenchmarkSettings(), 1, {}))
    return path


def tabulate(predictions: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    output = predictions[0].parent / "components.parquet"
    tabulate_components(predictions, output, settings=BenchmarkSettings(resamples=300), seed=1)
    return {(row["system"], row["component"]): row for row in io.read_rows(output, CAPTION_COMPONENTS)}


def test_recall_and_precision_by_component(tmp_path: Path) -> None:
    captions = [
        ["Chest radiograph: right-sided pneumothorax (white arrow)"],
        ["CT of the abdomen: pneumothorax"],
        ["Computed tomography of the right kidney: cyst, 1.9 cm, and cyst"],
        [""],
    ]
    rows = tabulate([write(tmp_path, "ours", captions)])
    assert [component for _, component in rows] == list(COMPONENTS)

    def shown(component: str) -> tuple[Any, ...]:
        row = rows["ours", component]
        return tuple(row[name] for name in ("recall", "in_references", "precision", "in_captions", "items", "groups"))

    assert shown("modality") == (0.75, 4, 1.0, 3, 4, 2)
    assert shown("finding") == (pytest.approx(1 / 3), 3, pytest.approx(1 / 3), 3, 4, 2), "a denied finding is another one"
    assert shown("location") == (0.5, 4, pytest.approx(2 / 3), 3, 4, 2)
    assert shown("laterality") == (0.5, 2, 0.5, 2, 4, 2)
    assert shown("marker") == (1.0, 1, 1.0, 1, 4, 1)
    assert shown("measurement") == (1.0, 1, 1.0, 1, 4, 1)
    modality = rows["ours", "modality"]
    assert (modality["low"], modality["high"], modality["confidence"]) == (0.5, 1.0, 0.95)
    assert (rows["ours", "marker"]["low"], rows["ours", "marker"]["high"]) == (None, None), "one group has no interval"


def test_draws_of_one_row_share_its_weight(tmp_path: Path) -> None:
    captions = [["X-ray", "CT"], ["CT", "CT"], ["MRI", "none"], ["MRI", "MRI"]]
    row = tabulate([write(tmp_path, "random_caption", captions)])["random_caption", "modality"]
    assert (row["recall"], row["in_references"], row["items"]) == ((0.5 + 1 + 0 + 1) / 4, 4, 4)
    assert (row["precision"], row["in_captions"]) == (5 / 7, 7)


def test_what_is_in_no_reference_has_no_recall(tmp_path: Path) -> None:
    path = write(tmp_path, "ours", [["arrow"], ["arrow"]])
    rows = tabulate([path])
    assert rows["ours", "measurement"]["recall"] is None
    assert rows["ours", "measurement"]["precision"] is None
    assert rows["ours", "marker"]["precision"] == 0.5


def test_questions_take_no_part_and_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, "b", [["CT"]] * 4),
        write(tmp_path, "a", [["MRI"]] * 4),
        write(tmp_path, "a", [["MRI"]] * 4, task="question"),
    ]
    rows = tabulate(paths)
    assert rows == tabulate(paths[::-1])
    assert {system for system, _ in rows} == {"a", "b"}
    assert rows["a", "modality"]["items"] == 4


def test_the_step_runs_by_hand(tmp_path: Path) -> None:
    path, output = write(tmp_path, "ours", [["CT"]] * 4), tmp_path / "by_hand.parquet"
    arguments = ["benchmark", "components", "--predictions", str(path), "--output", str(output), "--settings", "{}"]
    assert CliRunner().invoke(app, [*arguments, "--seed", "3"], catch_exceptions=False).exit_code == 0
    assert io.read_footer(output)["rows_out"] == len(COMPONENTS)
