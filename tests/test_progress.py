"""Progress shows how far one is and changes nothing."""

from __future__ import annotations

import pytest

from radtune.progress import progress, progress_bar


def test_items_pass_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress([3, 1, 2], "rows")) == [3, 1, 2]
    printed = capsys.readouterr().err
    assert "rows: 100%" in printed
    assert "3/3" in printed


def test_length_of_a_generator_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress((index for index in range(2)), "rows", total=2, unit="image")) == [0, 1]
    assert "2/2" in capsys.readouterr().err


def test_bar_goes_on_from_where_a_resumed_run_was(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("train", 4, "step", initial=3) as bar:
        bar.update()
    assert "4/4" in capsys.readouterr().err
