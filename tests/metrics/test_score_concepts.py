import json
from pathlib import Path

import pytest
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.scores import SCORES
from radtune.cli import app
from radtune.errors import ConfigError
from radtune.metrics.score_concepts import MANUAL, OVERALL, score_concepts
from radtune.metrics.score_summary import Summary

CT, XRAY, CHEST, BRAIN = "C0040405", "C1306645", "C0817096", "C0006104"
REFERENCES = f"ID,CUIs\na,{CT};{CHEST}\nb,{XRAY};{CHEST}\nc,{BRAIN}\nd,\n"
PREDICTIONS = f"ID,CUIs\nd,\nc,\nb,{XRAY};{BRAIN}\na,{CT.lower()};{CHEST}\n"
MANUAL_CONCEPTS = f"ID,CUIs\na,{CT}\nb,{XRAY}\nc,\nd,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("predictions", PREDICTIONS), ("references", REFERENCES), ("manual", MANUAL_CONCEPTS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def score(folder: Path, *, manual: bool = True, strict_official: bool = False) -> Summary:
    return score_concepts(
        folder / "predictions.csv",
        folder / "references.csv",
        folder / "scores.parquet",
        folder / "summary.json",
        manual=folder / "manual.csv" if manual else None,
        strict_official=strict_official,
        seed=1,
    )


def values(folder: Path, metric: str) -> dict[str, float | None]:
    return {row["item_id"]: row["value"] for row in read_rows(folder / "scores.parquet", SCORES) if row["metric"] == metric}


def test_overall_and_secondary_f1(folder: Path) -> None:
    summary = score(folder)
    assert values(folder, OVERALL) == {"a": 1, "b": 0.5, "c": 0, "d": None}
    assert values(folder, MANUAL) == {"a": 1, "b": 1, "c": None, "d": None}
    assert (summary.metrics[OVERALL].mean, summary.metrics[MANUAL].mean) == (0.5, 1)
    assert (summary.captions, summary.empty_predictions, summary.metrics[OVERALL].unavailable_captions) == (4, 2, 1)
    written = json.loads((folder / "summary.json").read_text())
    assert written["task"] == "concepts"
    assert written["metrics"][MANUAL]["signature"]["among"] == [CT, XRAY]
    assert read_footer(folder / "scores.parquet")["inputs"].keys() == {"predictions", "references", "manual_concepts"}


def test_without_manual_concepts_there_is_no_secondary_f1(folder: Path) -> None:
    assert list(score(folder, manual=False).metrics) == [OVERALL]


def test_as_the_published_evaluator_an_empty_truth_counts(folder: Path) -> None:
    """It splits an empty cell into one concept without a name, and takes scikit-learn's F1 over the union."""
    score(folder, strict_official=True)
    found = values(folder, OVERALL)
    cells = {line.split(",")[0]: line.split(",")[1].upper().split(";") for line in PREDICTIONS.splitlines()[1:]}
    for line in REFERENCES.splitlines()[1:]:
        item_id, cell = line.split(",")
        union = sorted({*cells[item_id], *cell.split(";")})
        expected = f1_score([cui in cell.split(";") for cui in union], [cui in cells[item_id] for cui in union], zero_division=0)
        assert found[item_id] == pytest.approx(expected), item_id


def test_the_command_recognises_the_task_by_the_header(folder: Path) -> None:
    files = ["score"]
    for option, name in (("predictions", "predictions.csv"), ("references", "references.csv"), ("output", "scores.parquet")):
        files += [f"--{option}", str(folder / name)]
    result = CliRunner().invoke(app, [*files, "--manual-concepts", str(folder / "manual.csv")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["metric", "mean", "interval", "corpus", "images"]
    assert lines[2][:2] == [OVERALL, "0.5000"]
    assert lines[3][:2] == [MANUAL, "1.0000"]
    assert lines[5][:2] == ["4", "images,"]
    assert "which score 0" not in result.stdout, "an image without any concept has no value"
    options = (
        ("--metrics", "rouge"),
        ("--variant", "imageclef2025-code"),
        ("--concepts", str(folder / "predictions.csv")),
        ("--settings", '{"threads": 2}'),
        ("--weights-cache", str(folder)),
    )
    for extra in options:
        with pytest.raises(ConfigError, match=f"{extra[0]}: not for files of concepts"):
            CliRunner().invoke(app, [*files, *extra], catch_exceptions=False)


def test_real_concepts_against_themselves_and_the_manual_ones(rocov2_mini: Path, tmp_path: Path) -> None:
    true, manual = rocov2_mini / "test_concepts.csv", rocov2_mini / "test_concepts_manual.csv"
    perfect = score_concepts(true, true, tmp_path / "a.parquet", manual=manual, seed=1)
    assert (perfect.metrics[OVERALL].mean, perfect.metrics[MANUAL].mean) == (1, 1)
    # Some images have a concept of the manual ones that was not assigned to them by hand.
    by_hand = score_concepts(manual, true, tmp_path / "b.parquet", manual=manual, seed=1).metrics
    overall, secondary = by_hand[OVERALL].mean, by_hand[MANUAL].mean
    assert overall is not None
    assert secondary is not None
    assert 0 < overall < secondary < 1
