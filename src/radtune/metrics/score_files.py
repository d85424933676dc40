"""Score one file of captions against another, without a workflow.

The files become the artifacts that the metrics read, in a folder of their own that does not stay; the metrics and the way in
which they are called are the workflow's.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.provenance import Provenance, provenance
from radtune.config.base import validated
from radtune.config.metrics import MetricName, MetricSettings
from radtune.errors import ConfigError, DataError
from radtune.metrics.concept_table import read_concept_table
from radtune.metrics.contract import Resources
from radtune.metrics.image_folder import ImageFolder
from radtune.metrics.official import PUBLISHED, evaluate_as_published
from radtune.metrics.registry import METRICS
from radtune.metrics.score import evaluate_metric, score_predictions
from radtune.metrics.score_summary import Summary, summarise_files, write_summary
from radtune.metrics.stored_scores import StoredScores
from radtune.metrics.submission import read_submission
from radtune.metrics.variants import with_variant

CHALLENGE: Final[tuple[MetricName, ...]] = ("similarity", "bertscore", "rouge", "bleurt", "concept_f1", "alignscore")
"""Metrics of ImageCLEFmedical since 2025: what is computed unless others are asked for."""


def parse_settings(
    text: str,
    *,
    metrics: str | None = None,
    variant: str | None = None,
    encoder: str | None = None,
    concept_pack: Path | None = None,
) -> MetricSettings:
    """Settings from the options of ``radtune score``: ``text`` is a JSON object, over whose keys the options win.

    Raises :class:`ConfigError` that names each wrong value.
    """
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"--settings: not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"--settings: {text} is no JSON object", 'write it as {"key": value}')
    values.setdefault("metrics", CHALLENGE)
    if metrics is not None:
        values["metrics"] = [name.strip() for name in metrics.split(",")]
    if variant is not None:
        values["variant"] = variant
    if encoder is not None:
        values |= {"similarity_encoder": "clip", "similarity_source": encoder}
    if concept_pack is not None:
        values["concept_pack_source"] = f"path:{concept_pack}"
    return validated(MetricSettings, values, "radtune score")


def split_concepts(option: str) -> tuple[Path | None, Path | None]:
    """What ``--concepts`` names, as a concept table or as a MedCAT model pack (a folder or a .zip); neither for ``none``."""
    path = Path(option)
    if option == "none":
        return None, None
    return (None, path) if path.is_dir() or path.suffix == ".zip" else (path, None)


def score_files(
    predictions: Path,
    references: Path,
    output: Path,
    summary: Path | None = None,
    *,
    images: Path | None = None,
    concepts: Path | None = None,
    settings: MetricSettings,
    strict_official: bool = False,
    cache: Path | None = None,
    seed: int,
    weights_cache: Path,
) -> Summary:
    """Score the captions of ``predictions`` (CSV, ``ID,Caption``) against those of ``references`` and write ``scores``.

    ``images`` is a folder with a file an ID, ``concepts`` a concept table. What a metric needs and is not there makes it
    unavailable, with a reason. ``summary`` is where the result goes as JSON. ``strict_official`` gives empty captions and broken
    images what the published evaluator of the settings' variant gives them. ``cache`` is a folder in which the scores of slow
    metrics are kept, so that a caption that has not changed is not scored again.

    Raises :class:`DataError` if a file cannot be scored, :class:`ConfigError` for settings that do not fit, and writes nothing.
    """
    inputs = {"predictions": predictions, "references": references} | ({"concepts": concepts} if concepts else {})
    check_targets([output, *([summary] if summary else [])], list(inputs.values()))
    _check_settings(settings, strict_official)
    submitted, true = read_submission(
        predictions, references, as_official=strict_official and settings.variant == "imageclef2026-code"
    )
    if not true:
        raise DataError(f"{references}: holds no caption", "give a file with at least one line after the header")
    applied = _without_partial_averages(with_variant(settings))
    notes = {"strict_official": strict_official, "images": str(images) if images else None}
    origin = provenance(__name__, settings, seed, inputs, notes=notes)
    with tempfile.TemporaryDirectory() as folder:
        resources = Resources(
            applied,
            captions=_write_captions(Path(folder, "captions.parquet"), true, origin),
            concepts=_write_concepts(Path(folder, "concepts.parquet"), concepts, origin) if concepts else None,
            labels=None,
            weights_cache=weights_cache,
            images=ImageFolder(images).image if images else None,
        )
        rows = prediction_rows(predictions.stem, submitted, true)
        evaluate_one = evaluate_as_published if strict_official else evaluate_metric
        if cache is not None:
            evaluate_one = StoredScores(cache, _conditions(applied, origin), evaluate_one).evaluate
        score_rows, signature_rows = score_predictions(rows, resources, evaluate_one)
    found = summarise_files(
        "caption", inputs, submitted, score_rows, signature_rows,
        variant=settings.variant, strict_official=strict_official, seed=seed,
    )  # fmt: skip
    write(output, SCORES, score_rows, origin)
    if summary is not None:
        write_summary(summary, found)
    return found


def check_targets(targets: list[Path], sources: list[Path]) -> None:
    """Raise :class:`ConfigError` if an output would be written over an input, or over another output."""
    taken = {source.resolve() for source in sources}
    for target in targets:
        if target.resolve() in taken:
            raise ConfigError(f"{target}: would be overwritten", "write to another file")
        taken.add(target.resolve())


def _check_settings(settings: MetricSettings, strict_official: bool) -> None:
    """Raise :class:`ConfigError` for metrics that are not for captions, and where no published evaluator can be followed."""
    if others := [name for name in settings.metrics if "caption" not in METRICS[name].tasks]:
        raise ConfigError(f"--metrics: {', '.join(others)}: not for captions", "leave it out; it scores answers to questions")
    if strict_official and settings.variant not in PUBLISHED:
        raise ConfigError(
            "--strict-official: the variant decides which evaluator", f"add --variant {' or '.join(sorted(PUBLISHED))}"
        )


def _conditions(settings: MetricSettings, origin: Provenance) -> dict[str, Any]:
    """What a caption's score depends on, as :class:`StoredScores` wants it: all but the caption file."""
    return {
        "settings": settings.model_dump(mode="json", exclude={"metrics", "relevance", "factuality", "batch_size", "threads"}),
        "notes": origin.notes,
        "inputs": {name: record.digest for name, record in origin.inputs.items() if name != "predictions"},
        "code": origin.code,
    }


def _without_partial_averages(settings: MetricSettings) -> MetricSettings:
    """``settings`` without the averages of which not every part was asked for."""
    asked = {value for name in settings.metrics for value in METRICS[name].names}
    kept = {
        average: parts if asked.issuperset(parts) else ()
        for average, parts in (("relevance", settings.relevance), ("factuality", settings.factuality))
    }
    return settings.model_copy(update=kept)


def prediction_rows(
    system: str, submitted: Mapping[str, str], true: Mapping[str, str], task: str = "caption"
) -> list[dict[str, Any]]:
    """The rows that an artifact ``predictions`` would have, as far as scoring reads them. Every item is a group."""
    return [
        {
            "prediction_id": item_id,
            "row_id": item_id,
            "item_id": item_id,
            "group_id": item_id,
            "system": system,
            "arm": "plain",
            "task": task,
            "prediction": submitted[item_id],
            "reference": reference,
        }
        for item_id, reference in sorted(true.items())
    ]


def _write_captions(path: Path, captions: Mapping[str, str], origin: Provenance) -> Path:
    """The references as ``captions``: they are the split over which document frequencies are counted."""
    empty = dict.fromkeys(CAPTIONS.schema.names)
    write(
        path,
        CAPTIONS,
        [empty | {"item_id": item_id, "split": "test", "caption": text} for item_id, text in sorted(captions.items())],
        origin,
    )
    return path


def _write_concepts(path: Path, source: Path, origin: Provenance) -> Path:
    """The concept table as ``concepts``; lines that name no concept are listed on stderr."""
    rows, left_out = read_concept_table(source)
    if left_out:
        print(f"{source}: {len(left_out)} lines left out\n" + "\n".join(f"  {line}" for line in left_out), file=sys.stderr)  # noqa: T201
    write(path, CONCEPTS, sorted(rows, key=lambda row: str(row["cui"])), origin)
    return path
