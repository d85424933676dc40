"""Adaptations of one base model, on the numbers that the journal's section 3.1 prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtune.report.read_run import read_run
from radtune.report.results import Cell, read_comparisons, read_score_tables
from radtune.report.strategies import Adapted, StrategyCell, StrategyGroup, read_strategies
from radtune.report.training import read_trainings


def read(folder: Path) -> list[StrategyGroup]:
    run = read_run(folder)
    return read_strategies(run, read_score_tables(run), read_comparisons(run), read_trainings(run))


def test_base_models_with_two_strategies_are_compared_by_trained_parameters(paper_run: Path) -> None:
    mistral, vicuna = read(paper_run)
    assert (mistral.name, vicuna.name) == ("llava16_mistral_7b", "llava16_vicuna_7b")
    assert [(adapted.strategy, adapted.parameters) for adapted in mistral.systems] == [
        ("targeted", 40_108_032),
        ("extended", 98_467_840),
        ("hybrid", 351_174_656),
    ]
    assert [adapted.strategy for adapted in vicuna.systems] == ["targeted", "hybrid"]
    similarity = mistral.metrics.index("similarity")
    cells = [adapted.cells[similarity] for adapted in mistral.systems]
    assert [cell.score.mean for cell in cells] == [cell.printed for cell in cells] == [0.870, 0.786, 0.827]
    drops = [1 - (cell.score.mean or 0) / 0.870 for cell in cells]
    assert [round(100 * drop, 1) for drop in drops] == pytest.approx([0, 9.7, 5.0], abs=0.11), "as the section says"


def test_differences_are_read_against_the_fewest_trained_parameters(paper_run: Path) -> None:
    mistral, vicuna = read(paper_run)
    similarity = mistral.metrics.index("similarity")
    targeted, extended, hybrid = (adapted.cells[similarity].test for adapted in mistral.systems)
    assert targeted is None
    assert extended is not None
    assert hybrid is not None
    assert [extended.difference, hybrid.difference] == pytest.approx([-0.084, -0.043])
    assert vicuna.systems[1].cells[similarity].test is None, "this run has no such test"


def test_the_figure_shows_the_averages_where_two_systems_have_them(paper_run: Path) -> None:
    mistral, vicuna = read(paper_run)
    assert mistral.drawn == ["similarity", "bertscore", "rouge1"], "the journal prints no averages of the other strategies"
    assert vicuna.drawn == ["similarity", "concept_f1", "alignscore"]
    scored = Adapted("a", "targeted", 1, [StrategyCell(Cell(0.5), None, None)] * 4)
    metrics = ["bleurt", "relevance", "factuality", "overall"]
    assert StrategyGroup("family", [], metrics, [scored, scored], 0.95).drawn == metrics[1:]
    assert StrategyGroup("family", [], metrics, [scored], 0.95).drawn == []


def test_a_run_without_two_strategies_says_so(run_folder: Path, site: Path) -> None:
    assert read(run_folder) == []
    assert "No base model of this run is adapted by two strategies" in site.read_text(encoding="utf-8")
