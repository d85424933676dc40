"""Predict the modality of every image with calibrated probabilities, and measure how good the predictions are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import classification_report, confusion_matrix

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.calibration import CALIBRATION
from radtune.artifacts.kinds.classification_report import CLASSIFICATION_REPORT
from radtune.artifacts.kinds.confusion_matrix import CONFUSION_MATRIX
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.modality import ModalitySettings
from radtune.errors import ArtifactError, DataError
from radtune.images.store import ImageStore
from radtune.modality.calibration import expected_calibration_error, fit_temperature, reliability
from radtune.modality.classes import CLASSES
from radtune.modality.classifier import NetworkInputs, load_classifier, outputs

SPLITS = ("train", "valid", "test")


def predict_modalities(
    labels: Path,
    images: list[Path],
    classifier: Path,
    predictions: Path,
    report: Path,
    confusion: Path,
    calibration: Path,
    *,
    settings: ModalitySettings,
    seed: int,
) -> None:
    """Write predictions for all images, and report, confusion matrix and reliability table for each split.

    One temperature is fitted on the split ``valid``; where that is empty or holds one class only, it is 1. The note
    ``temperature_from`` in each footer says which. Labelled items without an image are counted as dropped in the footer.
    Backbone and image size are those the classifier was trained with.
    """
    torch.set_num_threads(settings.threads)
    model = load_classifier(classifier)
    if model.classes != CLASSES:
        raise ArtifactError(f"{classifier}: its classes are {model.classes}, expected {CLASSES}", "train it again")
    store = ImageStore(images)
    labelled = read_rows(labels, MODALITY_LABELS, ["item_id", "split", "label"])
    rows = [row for row in labelled if row["item_id"] in store]
    if not rows:
        raise DataError(f"{labels}: none of its {len(labelled)} items has an image", "check the images' quarantine")
    inputs = NetworkInputs(store, [row["item_id"] for row in rows], model.image_size)
    logits = outputs(model.network, inputs, settings.workers, "modalities").double().numpy()
    targets = np.array([CLASSES.index(row["label"]) for row in rows])
    split_of = np.array([row["split"] for row in rows])

    valid = split_of == "valid"
    temperature, origin = _temperature(logits[valid], targets[valid])
    before, after = softmax(logits, axis=1), softmax(logits / temperature, axis=1)
    record = provenance(
        __name__,
        settings,
        seed,
        inputs={"labels": labels, "images": images, "classifier": classifier},
        notes={"temperature": temperature, "temperature_from": origin},
    )
    dropped = {"no_image": len(labelled) - len(rows)} if len(labelled) > len(rows) else {}
    write(predictions, MODALITY_PREDICTIONS, _prediction_rows(rows, after), record, len(labelled), dropped)

    tables: dict[str, list[dict[str, Any]]] = {"report": [], "confusion": [], "calibration": []}
    for split in SPLITS:
        mask = split_of == split
        if mask.any():
            predicted = after[mask].argmax(axis=1)
            tables["report"] += report_rows(split, targets[mask], predicted)
            tables["confusion"] += confusion_rows(split, targets[mask], predicted)
            for stage, probabilities in (("before", before[mask]), ("after", after[mask])):
                bins = settings.calibration_bins
                tables["calibration"] += _calibration_rows(split, stage, probabilities, targets[mask], bins, temperature)
    write(report, CLASSIFICATION_REPORT, tables["report"], record)
    write(confusion, CONFUSION_MATRIX, tables["confusion"], record)
    write(calibration, CALIBRATION, tables["calibration"], record)


def _temperature(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> tuple[float, str]:
    """The temperature, and what it rests on."""
    if not len(targets):
        return 1.0, "not fitted: no validation image"
    if len(set(targets.tolist())) == 1:
        return 1.0, "not fitted: all validation images are of one class"
    return fit_temperature(logits, targets), f"{len(targets)} validation images"


def _prediction_rows(rows: list[dict[str, Any]], probabilities: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {
            "item_id": row["item_id"],
            "split": row["split"],
            "label": row["label"],
            "predicted": CLASSES[int(values.argmax())],
            "probabilities": [{"label": name, "probability": float(value)} for name, value in zip(CLASSES, values, strict=True)],
        }
        for row, values in zip(rows, probabilities, strict=True)
    ]


def report_rows(split: str, targets: NDArray[np.int64], predicted: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Rows of the classification report of one split, by scikit-learn.

    A class that neither occurs nor is predicted has no row and no part in the averages; a ratio whose denominator is 0 is 0.
    """
    names = [CLASSES[number] for number in sorted({*targets.tolist(), *predicted.tolist()})]
    measures = classification_report(
        [CLASSES[number] for number in targets], [CLASSES[number] for number in predicted],
        labels=names, output_dict=True, zero_division=0,
    )  # fmt: skip
    rows = []
    for label in (*names, "macro avg", "weighted avg"):
        values = measures[label]
        rows.append(
            {
                "split": split,
                "label": label.replace("avg", "average"),
                "precision": float(values["precision"]),
                "recall": float(values["recall"]),
                "f1": float(values["f1-score"]),
                "support": int(values["support"]),
            }
        )
    accuracy = {"precision": None, "recall": None, "f1": float(measures["accuracy"]), "support": len(targets)}
    return [*rows, {"split": split, "label": "accuracy", **accuracy}]


def confusion_rows(split: str, targets: NDArray[np.int64], predicted: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Every cell of the confusion matrix of one split, empty ones too."""
    matrix = confusion_matrix(targets, predicted, labels=range(len(CLASSES)))
    return [
        {"split": split, "label": label, "predicted": other, "images": int(matrix[row, column])}
        for row, label in enumerate(CLASSES)
        for column, other in enumerate(CLASSES)
    ]


def _calibration_rows(
    split: str, stage: str, probabilities: NDArray[np.float64], targets: NDArray[np.int64], bins: int, temperature: float
) -> list[dict[str, Any]]:
    """The reliability table of one split, before or after temperature scaling."""
    table = reliability(probabilities, targets, bins)
    error = expected_calibration_error(table)
    return [
        {
            "split": split,
            "stage": stage,
            "bin_low": row.low,
            "bin_high": row.high,
            "images": row.images,
            "mean_confidence": row.mean_confidence,
            "accuracy": row.accuracy,
            "expected_calibration_error": error,
            "temperature": 1.0 if stage == "before" else temperature,
        }
        for row in table
    ]
