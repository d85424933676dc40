from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from radtune.artifacts.io import read_footer
from radtune.cli import app
from radtune.config.modality import ModalitySettings


def test_label_train_predict(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    settings = frozen.model_copy(update={"epochs": 2})
    images = [word for path in pictures.images for word in ("--images", path)]
    names = ("labels", "training-log", "predictions", "report", "confusion", "calibration")
    at = {name: tmp_path / f"{name}.parquet" for name in names}
    classifier = tmp_path / "classifier.safetensors"
    results = [word for name in names[2:] for word in (f"--{name}", at[name])]
    for words in (
        ["label", "--captions", pictures.captions, "--output", at["labels"]],
        [
            "train", "--labels", at["labels"], *images, "--classifier", classifier, "--training-log", at["training-log"],
            "--weights-cache", tmp_path,
        ],
        ["predict", "--labels", at["labels"], *images, "--classifier", classifier, *results],
    ):  # fmt: skip
        block = settings.labels if words[0] == "label" else settings
        line = [str(word) for word in ("modality", *words, "--settings", block.canonical(), "--seed", 3)]
        assert CliRunner().invoke(app, line, catch_exceptions=False).exit_code == 0
    steps = {name: read_footer(path)["step"].removeprefix("radtune.modality.") for name, path in at.items()}
    assert steps == {
        "labels": "labels", "training-log": "train", "predictions": "predict", "report": "predict", "confusion": "predict",
        "calibration": "predict",
    }  # fmt: skip
    assert read_footer(at["predictions"])["inputs"].keys() == {"labels", "images[0]", "images[1]", "classifier"}
