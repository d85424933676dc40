"""Scores of captions that have not changed are kept from call to call.

A score is found again by everything that it depends on: the conditions under which it was made (settings, references, concept
table, code), the metric's signature (checkpoint, versions), and the caption itself. The file may be deleted at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from radtune.artifacts.digests import canonical_json, text_digest
from radtune.artifacts.io import atomic_path
from radtune.config.metrics import MetricName
from radtune.metrics.contract import Resources, Result, Sample
from radtune.metrics.score import Evaluate

REUSABLE: Final[frozenset[MetricName]] = frozenset({"bertscore", "bleurt", "clinical_bleurt", "alignscore", "concept_f1"})
"""Metrics worth keeping: slow, without totals, and with values that depend on the caption, its reference, and nothing but the
conditions. Those that look at images are not among them: a file's name does not say whether the image is the same."""


@dataclass(frozen=True)
class StoredScores:
    """A folder of scores, one file a metric and set of conditions, written whole."""

    folder: Path
    conditions: Mapping[str, Any]
    """What the scores depend on besides captions and signature. Fit for JSON."""
    evaluate_one: Evaluate
    """Computes what is not there."""

    def evaluate(self, name: MetricName, samples: Sequence[Sample], resources: Resources) -> Result:
        """As ``evaluate_one``, computing only captions that have no score yet.

        If all have one, a single caption is computed nevertheless: its signature shows whether checkpoint and libraries are those
        of the stored scores. If they are not, all are computed.
        """
        if name not in REUSABLE:
            return self.evaluate_one(name, samples, resources)
        path = self.folder / name / f"{text_digest(canonical_json(dict(self.conditions)))}.json"
        signature, scores = _load(path)
        new = [sample for sample in samples if _key(sample) not in scores]
        result = self.evaluate_one(name, new or samples[:1], resources)
        if scores and canonical_json(dict(result.signature)) != signature:
            scores, new = {}, list(samples)
            result = self.evaluate_one(name, new, resources)
        for index, sample in enumerate(new):
            scores[_key(sample)] = {value: of_value[index] for value, of_value in result.values.items()}
        if new:
            with atomic_path(path) as temporary:
                temporary.write_bytes(orjson.dumps({"signature": canonical_json(dict(result.signature)), "scores": scores}))
        return replace(result, values={value: [scores[_key(sample)][value] for sample in samples] for value in result.values})


def _key(sample: Sample) -> str:
    return text_digest(canonical_json([sample.item_id, sample.prediction, sample.reference]))


def _load(path: Path) -> tuple[str, dict[str, dict[str, float | None]]]:
    """Signature and scores by caption; nothing where there is no such file, or one that is not ours."""
    try:
        stored = orjson.loads(path.read_bytes())
        return stored["signature"], stored["scores"]
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return "", {}
