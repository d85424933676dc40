import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from radtune.modality.calibration import TEMPERATURE_BOUNDS, expected_calibration_error, fit_temperature, reliability


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_made_the_logits_is_found(true_temperature: float) -> None:
    random = np.random.default_rng(11)
    calibrated = random.normal(0, 2, (20_000, 5))
    targets = np.array([random.choice(5, p=p) for p in softmax(calibrated, axis=1)])
    assert fit_temperature(calibrated * true_temperature, targets) == pytest.approx(true_temperature, rel=0.05)


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_no_temperature_nearby_is_better(seed: int, images: int) -> None:
    random = np.random.default_rng(seed)
    logits, targets = random.normal(0, 3, (images, 4)), random.integers(0, 4, images)

    def loss(temperature: float) -> float:
        return float(-log_softmax(logits / temperature, axis=1)[np.arange(images), targets].mean())

    found = fit_temperature(logits, targets)
    assert TEMPERATURE_BOUNDS[0] <= found <= TEMPERATURE_BOUNDS[1]
    for factor in (0.97, 1.03):
        other = float(np.clip(found * factor, *TEMPERATURE_BOUNDS))
        assert loss(found) <= loss(other) + 1e-6  # the search ends this close to a bound


def test_reliability_by_hand() -> None:
    probabilities = np.array([[0.55, 0.45], [0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    targets = np.array([0, 1, 0, 0])  # right, wrong (the first of two equals is chosen), right, right
    table = reliability(probabilities, targets, bins=4)
    assert [(row.low, row.high, row.images) for row in table] == [(0, 0.25, 0), (0.25, 0.5, 0), (0.5, 0.75, 2), (0.75, 1, 2)]
    assert (table[0].accuracy, table[0].mean_confidence) == (None, None)
    assert (table[2].accuracy, table[2].mean_confidence) == (0.5, pytest.approx(0.525))
    assert (table[3].accuracy, table[3].mean_confidence) == (1.0, pytest.approx(0.95))
    assert expected_calibration_error(table) == pytest.approx(0.5 * 0.025 + 0.5 * 0.05)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 20))
def test_every_image_is_in_one_bin(seed: int, images: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    probabilities, targets = random.dirichlet(np.full(5, 0.2), images), random.integers(0, 5, images)
    table = reliability(probabilities, targets, bins)
    assert sum(row.images for row in table) == images
    assert all(row.mean_confidence is None or row.low - 1e-9 <= row.mean_confidence <= row.high + 1e-9 for row in table)
    assert 0 <= expected_calibration_error(table) <= 1
