"""How two columns of numbers go together: rank correlations and the least-squares line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats


class Line(NamedTuple):
    """A least-squares fit of ``slope * x + intercept``."""

    slope: float
    intercept: float
    r_squared: float
    """Share of the variance of y that the line explains; 0 where y is constant."""


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's rank correlation, ties as mean ranks; None where a column is constant or shorter than two.

    Raises ``ValueError`` if the columns differ in length. By ``scipy.stats.spearmanr``.
    """
    return float(stats.spearmanr(x, y).statistic) if _vary(x, y) else None


def kendall(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Kendall's rank correlation tau-b; None where a column is constant or shorter than two.

    Raises ``ValueError`` if the columns differ in length. By ``scipy.stats.kendalltau``.
    """
    return float(stats.kendalltau(x, y).statistic) if _vary(x, y) else None


def least_squares(x: Sequence[float], y: Sequence[float]) -> Line | None:
    """The line through the points that minimises the squares of its errors in y; None where x is constant or shorter than two.

    Raises ``ValueError`` if the columns differ in length. By ``scipy.stats.linregress``.
    """
    vary = _vary(x, y)
    if len(set(x)) < 2:
        return None
    fit = stats.linregress(x, y)
    return Line(float(fit.slope), float(fit.intercept), float(fit.rvalue) ** 2 if vary else 0.0)


def _vary(x: Sequence[float], y: Sequence[float]) -> bool:
    """Whether both columns hold at least two different values."""
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values against {len(y)}")
    return len(set(x)) > 1 and len(set(y)) > 1
