from __future__ import annotations

import pytest

from radtune.datasets.mr_weighting import weighting


@pytest.mark.parametrize(
    ("sequences", "variants", "repetition", "echo", "expected"),
    [
        (["SE"], [], 350, 27, "T1-weighted"),
        (["SE"], [], 4000, 240, "T2-weighted"),
        (["SE"], [], 2500, 20, "proton-density-weighted"),
        (["SE"], [], 1200, 50, None),
        (["SE"], [], 500, 90, None),
        (["GR"], ["SP"], 5.53, 2.81, "T1-weighted"),
        (["GR"], ["SS"], 5.53, 2.81, None),
        (["GR"], ["SP"], 600, 25, None),
        (["SE", "IR"], [], 350, 27, None),
        (["EP"], [], 6600, 93, None),
    ],
)
def test_weighting(sequences: list[str], variants: list[str], repetition: float, echo: float, expected: str | None) -> None:
    assert weighting(sequences, variants, repetition, echo) == expected
