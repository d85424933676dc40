"""Accuracy of answers as a judge sees it. The interface only: radtune has no judge of its own.

The papers asked ChatGPT with a template that they do not print. Whoever has a judge implements :class:`Judge` and passes it to
:func:`judge_answers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from radtune.errors import UnavailableError
from radtune.metrics.contract import Resources, Result, Sample

Verdict = Literal["correct", "incorrect", "unclear"]
"""Unclear is a reply that is neither; it counts as incorrect and is reported."""


class Judge(Protocol):
    """Says whether an answer to a question means the same as the reference."""

    @property
    def signature(self) -> Mapping[str, Any]:
        """Who judges: model with its version, digest of the prompt. Fit for JSON."""

    def judge(self, samples: Sequence[Sample]) -> Sequence[Verdict]:
        """One verdict a sample, in their order, each independent of the other samples."""


def judged_accuracy(samples: Sequence[Sample], resources: Resources) -> Result:
    """Raises :class:`UnavailableError`: the configuration knows no judge yet."""
    raise UnavailableError("no judge of answers is configured", "score answers with exact_match or token_f1")


def judge_answers(samples: Sequence[Sample], judge: Judge) -> Result:
    """1 where ``judge`` calls the answer correct, else 0; the signature counts the verdicts that were unclear."""
    verdicts = judge.judge(samples)
    values = [float(verdict == "correct") for verdict in verdicts]
    signature = {"metric": "judged accuracy", "judge": dict(judge.signature), "unclear": list(verdicts).count("unclear")}
    return Result({"judged_accuracy": values}, signature)
