"""Runs and pages that tests of several sections share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.kinds.comparisons import COMPARISONS
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.benchmark.paper_comparison import compare_with_papers
from radtune.benchmark.paper_values import COLUMNS, STRATEGIES, TABLE_4, TABLE_5
from radtune.config.metrics import BenchmarkSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.config.report import ReportSettings
from radtune.report.site import build_site
from report.complete_run import RESTRICTED, SCRIPT, RunMaker
from report.html_page import Page


@pytest.fixture(scope="session")
def parse() -> Callable[[Path], Page]:
    """Parse a page; fails if its elements are not nested well."""
    return Page


@pytest.fixture(scope="session")
def hostile_text() -> str:
    """Text of the run that must never reach a page as markup."""
    return SCRIPT


@pytest.fixture(scope="session")
def site(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page built from :func:`run_folder`."""
    page = tmp_path_factory.mktemp("site") / "index.html"
    build_site(run_folder, page, settings=ReportSettings(example_images=12), seed=1)
    return page


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run. Tests read it; one that alters a run copies it first."""
    folder = tmp_path_factory.mktemp("results") / "sample"
    RunMaker(folder).make()
    return folder


@pytest.fixture(scope="session")
def restricted_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A complete run with one restricted test item, and the item's id, with which its caption begins."""
    folder = tmp_path_factory.mktemp("restricted") / "sample"
    RunMaker(folder, with_restricted=True).make()
    return folder, RESTRICTED


@pytest.fixture(scope="session")
def paper_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that measured exactly what the journal prints in its tables 4 and 5 and its section 3.1."""
    maker = RunMaker(tmp_path_factory.mktemp("results") / "papers")
    layout = maker.layout
    means = {
        (system, arm, metric): value
        for arm, table in (("plain", TABLE_4), ("modality", TABLE_5))
        for system, row in table.items()
        for metric, value in zip(COLUMNS, row, strict=True)
    } | {(system, "plain", metric): value for system, row in STRATEGIES.items() for metric, value in row.items()}
    ends = {"confidence": 0.95, "items": 900, "groups": 700}
    rows: list[dict[str, Any]] = [
        {"system": system, "arm": arm, "task": "caption", "metric": metric, "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
        | ends
        for (system, arm, metric), mean in means.items()
    ]
    maker.put(layout.system_scores, SYSTEM_SCORES, rows, "benchmark.systems")
    smallest = "llava16_mistral_7b"
    pairs = [(("plain", system), ("plain", smallest)) for system in STRATEGIES if system.startswith(smallest)]
    pairs += [(("modality", system), ("plain", system)) for system in TABLE_5]
    tests: list[dict[str, Any]] = [
        {"task": "caption", "metric": metric, "system_a": a, "arm_a": arm_a, "system_b": b, "arm_b": arm_b}
        | {"difference": means[a, arm_a, metric] - means[b, arm_b, metric], "low": -0.1, "high": 0.1, "p_value": 0.01}
        | {"p_holm": 0.03, "items": 900, "groups": 700}
        for (arm_a, a), (arm_b, b) in pairs
        for metric in COLUMNS
        if {(a, arm_a, metric), (b, arm_b, metric)} <= means.keys()
    ]
    maker.put(layout.comparisons, COMPARISONS, tests, "benchmark.compare")
    compare_with_papers(layout.system_scores, [], layout.paper_comparison, settings=BenchmarkSettings(), seed=1)
    for system, strategy, parameters in (
        ("llava16_mistral_7b", "targeted", 40_108_032),
        ("llava16_mistral_7b_extended", "extended", 98_467_840),
        ("llava16_mistral_7b_hybrid", "hybrid", 351_174_656),
        ("llava16_vicuna_7b", "targeted", 38_354_944),
        ("llava16_vicuna_7b_hybrid", "hybrid", 347_242_496),
        ("smolvlm_500m", "extended", 9_000_000),
    ):
        model = PUBLISHED_MODELS[system].build
        settings = {"build": {"family": model.family, "sources": model.sources}, "adaptation": {"strategy": strategy}}
        maker.log(layout.training_log(system), "training.train", settings, steps=3)
        module = {"module": "all", "tower": "language", "way": "lora", "parameters": parameters, "total_parameters": 10**9}
        maker.put(layout.trained_modules(system), TRAINED_MODULES, [module], "training.train")
    return layout.run
