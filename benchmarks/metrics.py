"""ROUGE-1, -2 and -L of 10,000 pairs of captions against ``rouge-score``, with and without stemming."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from benchmarks.captioner import REAL_DATA, SEED
from benchmarks.measure import Comparison, Counted, NotMeasured, compare
from radtune.config.metrics import MetricSettings
from radtune.config.models import Task
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.preprocessing import normalise_caption
from radtune.metrics.rouge import Rouge, rouge

PAIRS = 10_000
UNUSED = Path("unused")
RESOURCES = Resources(MetricSettings(), UNUSED, UNUSED, UNUSED, UNUSED)


def benchmarks() -> Iterator[Comparison | Counted | NotMeasured]:
    """Captions are scored on normalised text without stems, answers on raw text with stems."""
    file = REAL_DATA / "rocov2-mini/train_captions.csv"
    if not file.is_file():
        yield NotMeasured(f"ROUGE of {PAIRS:,} pairs", f"{file} is absent")
        return
    pairs = _pairs(file)
    tasks: tuple[tuple[Task, str], ...] = (("caption", "no stems"), ("question", "Porter stems"))
    for task, stems in tasks:
        samples = [Sample(str(index), task, *pair) for index, pair in enumerate(pairs)]
        scorer = RougeScorer(list(Rouge._fields), use_stemmer=task == "question")
        yield compare(
            f"ROUGE-1, -2, -L of {PAIRS:,} pairs, {stems}",
            lambda samples=samples: _ours(samples),  # type: ignore[misc]
            "rouge-score",
            lambda samples=samples, scorer=scorer: _by_rouge_score(samples, scorer),  # type: ignore[misc]
            samples=PAIRS,
        )
        differing = sum(ours != peer for ours, peer in zip(_ours(samples), _by_rouge_score(samples, scorer), strict=True))
        yield Counted(f"pairs whose ROUGE differs from rouge-score's, {stems}", f"{differing} of {PAIRS:,}")


def _pairs(file: Path) -> list[tuple[str, str]]:
    """Pairs of distinct texts, each the first half of a real caption and the second half of another."""
    with file.open(encoding="utf-8", newline="") as rows:
        captions = [row["Caption"] for row in csv.DictReader(rows)]
    halves = [(caption[: len(caption) // 2], caption[len(caption) // 2 :]) for caption in captions]
    chosen = random.Random(SEED).sample(range(len(captions) ** 2), 2 * PAIRS)
    texts = [halves[place // len(captions)][0] + halves[place % len(captions)][1] for place in chosen]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _ours(samples: list[Sample]) -> list[Rouge]:
    """As the scoring step does it."""
    values = rouge(samples, RESOURCES).values
    return [Rouge(*scores) for scores in zip(*(values[name] for name in Rouge._fields), strict=True)]  # type: ignore[arg-type]


def _by_rouge_score(samples: list[Sample], scorer: RougeScorer) -> list[Rouge]:
    """One pair after another, on the same text."""
    prepared = normalise_caption if samples[0].task == "caption" else str
    scores = [scorer.score(prepared(sample.reference), prepared(sample.prediction)) for sample in samples]
    return [Rouge(*(score[name].fmeasure for name in Rouge._fields)) for score in scores]
