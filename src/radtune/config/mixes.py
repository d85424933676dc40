"""Settings of the ``mixes`` room."""

from __future__ import annotations

from pydantic import Field

from radtune.config.base import Settings


class MixSettings(Settings):
    """Which rows a training run sees."""

    captions: bool = True
    """Include the captions (task `caption`)."""
    questions: bool = False
    """Include the accepted questions and, at the annealing share, those whose answers are known (task `question`)."""
    annealing_share: float = Field(default=0.13, ge=0, lt=1)
    """Share of high-quality rows among all question rows of a split (MedM: 7 of 54 million tokens, 13 %)."""
