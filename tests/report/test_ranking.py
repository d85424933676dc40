"""The ranking of systems, and relevance against factuality, on the numbers that the journal prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtune.artifacts.layout import BASELINE
from radtune.report.ranking import Point, associate, read_ranking, read_relation
from radtune.report.read_run import read_run
from radtune.report.results import read_score_tables


def test_systems_are_ranked_by_overall_as_in_figure_8(paper_run: Path) -> None:
    ranking = read_ranking(read_score_tables(read_run(paper_run)))
    assert ranking is not None
    assert (ranking.metric, ranking.instead, ranking.confidence) == ("overall", False, 0.95)
    names = [bar.system for bar in ranking.bars]
    assert names[:2] == ["llava16_mistral_7b", "llava16_vicuna_7b"]
    assert names[-2:] == ["visiongpt2", "cnn_transformer"]
    assert len(names) == 10, "the strategies have no printed average"
    best = ranking.bars[0]
    assert [best.mean, best.low, best.high] == pytest.approx([0.317, 0.307, 0.327])


def test_relevance_against_factuality_as_in_figure_9(paper_run: Path) -> None:
    run = read_run(paper_run)
    relation = read_relation(run, read_score_tables(run))
    assert relation is not None
    assert (relation.relevance, relation.factuality, relation.instead) == ("relevance", "factuality", False)
    assert relation.association.systems == 10
    assert relation.association.spearman == pytest.approx(0.952, abs=5e-4)
    assert relation.association.line is not None
    assert relation.association.line.r_squared == pytest.approx(0.825, abs=5e-4), "with the wrong cell of table 4, as printed"
    assert relation.printed is not None
    assert relation.printed.line == pytest.approx(relation.association.line)
    assert (relation.printed.spearman, relation.printed.kendall) == pytest.approx((0.952, 0.867), abs=5e-4)


def test_another_metric_stands_in_and_the_baseline_is_in_no_fit(run_folder: Path) -> None:
    run = read_run(run_folder)
    tables = read_score_tables(run)
    ranking, relation = read_ranking(tables), read_relation(run, tables)
    assert ranking is not None
    assert relation is not None
    assert (ranking.metric, ranking.instead) == ("rouge1", True)
    assert [bar.system for bar in ranking.bars if bar.is_baseline] == [BASELINE]
    assert sorted(ranking.bars, key=lambda bar: -bar.mean) == ranking.bars
    assert (relation.relevance, relation.factuality, relation.instead) == ("rouge1", "concept_f1", True)
    assert relation.baseline is not None
    assert relation.baseline.system == BASELINE
    assert relation.association == associate(relation.points)
    assert BASELINE not in {point.system for point in relation.points}
    assert relation.printed is None


def test_two_systems_have_no_correlation() -> None:
    two = associate([Point("a", 0.1, 0.2), Point("b", 0.3, 0.1)])
    assert (two.systems, two.spearman, two.kendall, two.line) == (2, None, None, None)
    three = associate([Point("a", 0.1, 0.1), Point("b", 0.2, 0.2), Point("c", 0.3, 0.3)])
    assert three.line is not None
    assert [three.line.slope, three.line.r_squared, three.spearman] == pytest.approx([1, 1, 1])


def test_nothing_is_ranked_without_captions() -> None:
    assert read_ranking([]) is None
