"""Figures are well-formed, legible in both schemes, and the same for the same data."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtune.report.figures import (
    draw_ranking,
    draw_relation,
    draw_reliability,
    draw_strategies,
    draw_training_curves,
    thin,
)
from radtune.report.modality import read_classifier
from radtune.report.ranking import read_ranking, read_relation
from radtune.report.read_run import read_run
from radtune.report.results import read_comparisons, read_score_tables
from radtune.report.strategies import read_strategies
from radtune.report.training import Curve, read_curves, read_trainings


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 500))
def test_thinning_keeps_order_and_range(length: int, maximum: int) -> None:
    points = [(step, float(step % 7)) for step in range(length)]
    thinned = thin(points, maximum)
    assert len(thinned) <= maximum
    assert thinned == sorted(thinned)
    assert all(0 <= step < length and 0 <= value <= 6 for step, value in thinned)
    if length <= maximum:
        assert thinned == points


def test_training_figure_has_one_panel_a_system_and_follows_the_scheme(run_folder: Path) -> None:
    curves = read_curves(read_run(run_folder))
    text = draw_training_curves(curves)
    ET.fromstring(text)
    for curve in curves:
        assert curve.title in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"(fill|stroke): ?#0[0-9]0[0-9]0[0-9]", text), "every stand-in colour is resolved"
    assert draw_training_curves(curves) == text


def test_a_log_without_validation_can_be_drawn_and_has_no_best_step() -> None:
    curve = Curve("short", [(1, 2.0)], [], [(1, 1e-4)])
    assert curve.best is None
    ET.fromstring(draw_training_curves([curve]))


def test_best_step_is_the_earliest_least_validation_loss() -> None:
    assert Curve("c", [], [(10, 2.0), (20, 1.5), (30, 1.5)], []).best == (20, 1.5)


def test_reliability_figure_gives_the_error_before_and_after(run_folder: Path) -> None:
    classifier = read_classifier(read_run(run_folder))
    assert classifier is not None
    assert [stage.stage for stage in classifier.reliability] == ["before", "after"]
    text = draw_reliability(classifier.reliability)
    ET.fromstring(text)
    assert "before, ECE 0.140" in text
    assert "after, ECE 0.040" in text


def test_confusion_matrix_counts_and_shares(run_folder: Path) -> None:
    classifier = read_classifier(read_run(run_folder))
    assert classifier is not None
    confusion = classifier.confusion
    assert confusion is not None
    mri, ct = confusion.labels.index("MRI"), confusion.labels.index("CT")
    assert (confusion.counts[mri][ct], confusion.counts[ct][mri]) == (1, 0)
    assert confusion.share(mri, mri) == pytest.approx(7 / 8)
    assert [row["label"] for row in classifier.rows][-3:] == ["accuracy", "macro average", "weighted average"]


def test_bars_points_and_strategies_are_drawn_for_every_system(paper_run: Path, run_folder: Path) -> None:
    for folder in (paper_run, run_folder):
        run = read_run(folder)
        tables = read_score_tables(run)
        ranking, relation = read_ranking(tables), read_relation(run, tables)
        assert ranking is not None
        assert relation is not None
        bars, points = draw_ranking(ranking), draw_relation(relation)
        for text in (bars, points):
            ET.fromstring(text)
            assert not re.search(r"(fill|stroke): ?#0[0-9]0[0-9]0[0-9]", text), "every stand-in colour is resolved"
        assert all(f">{bar.system}<" in bars and f">{bar.mean:.3f}<" in bars for bar in ranking.bars)
        assert all(point.system in points for point in relation.points)
        assert draw_relation(relation) == points


def test_a_panel_a_metric_and_a_tick_a_count_of_trained_parameters(paper_run: Path) -> None:
    run = read_run(paper_run)
    mistral, vicuna = read_strategies(run, read_score_tables(run), read_comparisons(run), read_trainings(run))
    text = draw_strategies(mistral)
    ET.fromstring(text)
    for words in ("Similarity", "BERTScore", "ROUGE-1", "targeted", "40.1 M", "351 M"):
        assert words in text
    ET.fromstring(draw_strategies(vicuna))
