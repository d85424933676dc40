import numpy as np
import pytest

from radtune.statistics.correlation import Line, kendall, least_squares, spearman


def test_rank_correlations_by_hand() -> None:
    x, y = [1.0, 2.0, 3.0, 4.0], [10.0, 30.0, 20.0, 900.0]
    assert spearman(x, y) == pytest.approx(1 - 6 * 2 / (4 * 15))  # one pair of neighbours exchanged
    assert kendall(x, y) == pytest.approx((5 - 1) / 6)
    assert spearman(x, y[::-1]) == pytest.approx(-0.8)
    assert spearman([1.0, 1.0, 2.0], [1.0, 2.0, 3.0]) == pytest.approx(np.corrcoef([1.5, 1.5, 3], [1, 2, 3])[0, 1])


def test_the_line_by_the_normal_equations() -> None:
    x, y = [0.1, 0.4, 0.5, 0.9], [0.2, 0.1, 0.6, 0.7]
    slope, intercept = np.linalg.lstsq(np.vander(x, 2), np.array(y), rcond=None)[0]
    residuals = np.array(y) - slope * np.array(x) - intercept
    r_squared = 1 - (residuals**2).sum() / ((np.array(y) - np.mean(y)) ** 2).sum()
    assert least_squares(x, y) == pytest.approx(Line(slope, intercept, r_squared))
    assert least_squares([0, 1, 2], [3, 3, 3]) == Line(0, 3, 0)


def test_what_is_undefined_is_none() -> None:
    assert spearman([1.0], [2.0]) is None
    assert kendall([1.0, 1.0], [2.0, 3.0]) is None
    assert least_squares([1.0, 1.0], [2.0, 3.0]) is None
    assert least_squares([], []) is None
    for measure in (spearman, kendall, least_squares):
        with pytest.raises(ValueError, match="2 values against 1"):
            measure([1.0, 2.0], [1.0])
