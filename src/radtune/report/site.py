"""Build the report: one static page on everything a run did, with its images, figures and style sheet beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from radtune import __version__
from radtune.addresses import without_secrets
from radtune.artifacts.digests import environment, environment_digest
from radtune.artifacts.io import atomic_path
from radtune.benchmark.components import COMPONENTS
from radtune.config.report import ReportSettings
from radtune.images.store import ImageStore
from radtune.report.assets import Assets
from radtune.report.audit_trail import anchor, read_audit_trail
from radtune.report.components import read_components
from radtune.report.data_overview import read_data_overview
from radtune.report.figures import draw_ranking, draw_relation, draw_reliability, draw_strategies, draw_training_curves
from radtune.report.funnel import read_funnel, read_question_yield
from radtune.report.gallery import read_gallery
from radtune.report.leakage import read_leakage
from radtune.report.licences import read_inheritances, read_licences
from radtune.report.modality import read_classifier
from radtune.report.papers import read_printed
from radtune.report.prompting import read_prompting
from radtune.report.ranking import read_ranking, read_relation
from radtune.report.read_run import Run, read_run
from radtune.report.results import (
    ARM_TITLES,
    ROLES,
    SIGNIFICANCE,
    Comparison,
    count_untested,
    format_p,
    metric_title,
    read_agreements,
    read_comparisons,
    read_score_tables,
    read_signatures,
    state_verdicts,
)
from radtune.report.slices import read_slice_tables
from radtune.report.strategies import read_strategies
from radtune.report.training import read_curves, read_trainings

LIBRARIES = ("torch", "torchvision", "transformers", "peft", "medcat", "pyarrow", "numpy")
"""Libraries whose versions the header gives."""

_MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}


def build_site(run: Path, output: Path, *, settings: ReportSettings, seed: int) -> None:
    """Build the report of the run in folder ``run`` at ``output`` (an HTML file; what it shows goes to ``assets`` beside it).

    The page needs no network and runs no script. The same artifacts, settings and seed give the same bytes. A section whose
    artifacts do not exist says so. ``seed`` draws the images of the gallery and the examples of filtered questions.

    Raises ``DataError`` if ``run`` holds no artifacts, ``ArtifactError`` if one cannot be read or the report not be written.
    """
    found = read_run(run)
    assets = Assets(output)
    page = _render(found, assets, settings, seed)
    with atomic_path(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    assets.prune()


def _render(run: Run, assets: Assets, settings: ReportSettings, seed: int) -> str:
    tables = read_score_tables(run)
    comparisons = read_comparisons(run)
    trainings = read_trainings(run)
    ranking = read_ranking(tables)
    relation = read_relation(run, tables)
    curves = read_curves(run)
    classifier = read_classifier(run)
    examples = read_gallery(run, settings.example_images, seed)
    leakage = read_leakage(run)
    pictured = {example.item_id for example in examples} | {
        side.item_id for pair in (leakage.pairs if leakage else []) for side in pair.sides
    }
    style = files("radtune.report").joinpath("static/report.css").read_bytes()
    environment_ = jinja2.Environment(
        loader=jinja2.PackageLoader("radtune.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment_.filters.update(
        count=format_count,
        score=format_score,
        percent=format_percent,
        change=format_change,
        magnitude=format_magnitude,
        duration=format_duration,
        metric=metric_title,
        arm=lambda arm: ARM_TITLES.get(arm, arm),
        p=format_p,
        anchor=anchor,
        spaced=lambda name: str(name).replace("_", " "),
        breakable=lambda name: escape(name).replace("_", Markup("_<wbr>")),
    )
    return environment_.get_template("index.html.j2").render(
        title=settings.title,
        version=__version__,
        run=run,
        facts=_facts(run),
        style=assets.add("report", "css", style),
        tables=tables,
        statements=state_verdicts(tables),
        random_weights=[system for system in run.trained if not run.is_pretrained(system)],
        ranking=ranking,
        ranking_figure=assets.add("ranking", "svg", draw_ranking(ranking).encode()) if ranking else "",
        relation=relation,
        relation_figure=assets.add("relation", "svg", draw_relation(relation).encode()) if relation else "",
        comparisons=_by_metric(comparisons),
        prompting=read_prompting(run, tables, comparisons),
        strategies=[
            (group, assets.add("strategies", "svg", draw_strategies(group).encode()))
            for group in read_strategies(run, tables, comparisons, trainings)
        ],
        roles=ROLES,
        untested=count_untested(run),
        printed=read_printed(run),
        agreements=read_agreements(run),
        slice_tables=read_slice_tables(run),
        significance=SIGNIFICANCE,
        signatures=read_signatures(run),
        trainings=trainings,
        curves=assets.add("training_curves", "svg", draw_training_curves(curves).encode()) if curves else "",
        stages=read_funnel(run),
        question_yield=read_question_yield(run, seed),
        classifier=classifier,
        reliability=assets.add("reliability", "svg", draw_reliability(classifier.reliability).encode())
        if classifier and classifier.reliability
        else "",
        data=read_data_overview(run),
        leakage=leakage,
        licences=read_licences(run),
        inheritances=read_inheritances(run),
        components=read_components(run),
        component_kinds=COMPONENTS,
        examples=examples,
        images=_write_images(run, sorted(pictured), assets),
        records=read_audit_trail(run),
        # The report is passed on: an address of a download may hold a token.
        config=without_secrets(run.layout.config.read_text(encoding="utf-8")) if run.layout.config.is_file() else "",
    )


def _facts(run: Run) -> dict[str, Any]:
    """When, with which seed and in which environment the run was made, by its artifacts' footers."""
    footers = [artifact.footer for artifact in run.artifacts.values()]
    environments = sorted({footer["environment"] for footer in footers})
    installed = environment() if environments == [environment_digest()] else {}
    return {
        "finished": max(footer["created"] for footer in footers),
        "seeds": sorted({footer["seed"] for footer in footers}),
        "environments": environments,
        "versions": {name: installed[name] for name in ("python", *LIBRARIES) if name in installed},
    }


def _by_metric(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Comparisons of each task and metric, with the scale of their interval plot: the largest bound, so that 0 is its middle."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for test in comparisons:
        groups.setdefault((test.task, test.metric), []).append(test)
    return [
        {
            "task": task,
            "metric": metric,
            "tests": tests,
            "scale": max((abs(bound) for test in tests for bound in (test.low, test.high)), default=0.0) or 1.0,
        }
        for (task, metric), tests in groups.items()
    ]


def _write_images(run: Run, item_ids: Sequence[str], assets: Assets) -> dict[str, str]:
    """Write images as they were standardised; return address by item id."""
    store = ImageStore(run.image_shards) if run.image_shards else None
    addresses = {}
    for item_id in item_ids:
        if store and item_id in store:
            content = store.bytes(item_id)
            suffix = next((suffix for magic, suffix in _MAGIC.items() if content.startswith(magic)), "img")
            addresses[item_id] = assets.add("image", suffix, content)
    return addresses


def format_count(value: int | None) -> str:
    """A whole number with narrow no-break spaces between thousands; a dash for None."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def format_score(value: float | None, signed: bool = False) -> str:
    """A score with three decimals and a true minus sign; a dash for None."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:+.3f}".replace("-", "\u2212") if signed else f"{value:.3f}".replace("-", "\u2212")


def format_percent(value: float | None) -> str:
    """A share as per cent with one decimal; a dash for None."""
    return "–" if value is None else f"{100 * value:.1f}\u202f%"


def format_change(value: float) -> str:
    """A relative change as per cent with one decimal and its sign."""
    return f"{100 * value:+.1f}\u202f%".replace("-", "\u2212")


def format_magnitude(value: float | None) -> str:
    """A large number in thousands (k), millions (M) or milliards (G), with three significant digits; a dash for None."""
    if value is None:
        return "–"
    for bound, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= bound:
            return f"{value / bound:.3g}\u202f{unit}"
    return f"{value:.3g}"


def format_duration(seconds: float | None) -> str:
    """Seconds as hours, minutes and seconds, the two largest units; a dash for None."""
    if seconds is None:
        return "–"
    hours, rest = divmod(round(seconds), 3600)
    minutes, whole = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"
