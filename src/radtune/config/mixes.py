"""Settings of the ``mixes`` room."""

from __future__ import annotations

from pydantic import Field

from radtune.config.base import Settings


class MixSettings(Settings):
    """Which rows a training run sees."""

    captions: bool = True
    """Include the captions (task `caption`)."""
    questions: bool = False
    """Include the accepted questions and, at the annealing share, those of `annealing` (task `question`)."""
    further: tuple[str, ...] = ()
    """Further data sets (`datasets.further`) that are mixed in whole: their captions, and their published questions."""
    annealing: tuple[str, ...] = ("known",)
    """Where the high-quality questions come from that are mixed in at the annealing share: `known` (answers known by
    construction), or names of further data sets."""
    annealing_share: float = Field(default=0.13, ge=0, lt=1)
    """Share of high-quality rows among all question rows of a split (MedM: 7 of 54 million tokens, 13 %)."""

    @property
    def sets(self) -> list[str]:
        """Further data sets that the mix draws on, sorted."""
        return sorted({*self.further, *self.annealing} - {"known"})
