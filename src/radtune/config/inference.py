"""Settings of the ``inference`` room that belong to no model."""

from __future__ import annotations

from radtune.config.base import Settings


class BaselineSettings(Settings):
    """The baseline every captioner must beat: a caption drawn at random from the training split."""

    draws: int = 10
    """Captions drawn for each test image; its score is their mean."""
