"""Calibration of class probabilities: temperature scaling, and how far confidence and accuracy lie apart.

Definitions: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

TEMPERATURE_BOUNDS = (0.05, 20.0)
"""A temperature outside of these would only say that the validation split is too small or perfectly separated."""


def fit_temperature(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    """The temperature T that minimises the mean of -log softmax(logits / T)[target].

    ``logits`` has shape (images, classes), ``targets`` (images,) holds class numbers. The optimum is sought within
    ``TEMPERATURE_BOUNDS``; the loss has one minimum in 1 / T, so a bounded scalar search finds it.
    """

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(targets)), targets].mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURE_BOUNDS), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability table."""

    low: float
    high: float
    images: int
    mean_confidence: float | None
    """None where the bin is empty."""
    accuracy: float | None
    """None where the bin is empty."""


def reliability(probabilities: NDArray[np.float64], targets: NDArray[np.int64], bins: int) -> list[Bin]:
    """Confidence (the highest probability) against accuracy in ``bins`` equal-width bins of [0, 1].

    A bin holds its lower edge but not its upper one, except the last, which holds 1. ``probabilities`` has shape
    (images, classes), ``targets`` (images,) holds class numbers.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    table = []
    for index in range(bins):
        inside = number == index
        some = bool(inside.any())
        table.append(
            Bin(
                low=index / bins,
                high=(index + 1) / bins,
                images=int(inside.sum()),
                mean_confidence=float(confidence[inside].mean()) if some else None,
                accuracy=float(correct[inside].mean()) if some else None,
            )
        )
    return table


def expected_calibration_error(table: list[Bin]) -> float:
    """Mean over images of the distance between accuracy and mean confidence of their bin; empty bins have no weight."""
    images = sum(row.images for row in table)
    return sum(
        row.images / images * abs(row.accuracy - row.mean_confidence)
        for row in table
        if row.accuracy is not None and row.mean_confidence is not None
    )
