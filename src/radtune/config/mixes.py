"""Settings of the ``mixes`` room."""

from __future__ import annotations

from radtune.config.base import Settings


class MixSettings(Settings):
    """Which rows a training run sees."""

    captions: bool = True
    """Include the captions (task `caption`)."""
    questions: bool = False
    """Include the accepted questions (task `question`)."""
    annealing_share: float = 0.13
    """Share of high-quality rows among all question rows of the training split (MedM: 7 of 54 million tokens, 13 %)."""
