"""Settings of the ``inference`` room that belong to no model."""

from __future__ import annotations

from pydantic import Field

from radtune.config.base import Settings


class BaselineSettings(Settings):
    """The baseline every captioner must beat: a caption drawn at random from the training split."""

    draws: int = Field(default=10, ge=1)
    """Captions drawn for each test image; its score is their mean."""
