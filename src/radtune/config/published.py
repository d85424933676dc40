"""The published experiments, as far as radtune can run them: what ``config.yaml`` is written from."""

from __future__ import annotations

from radtune.config.mixes import MixSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.config.run import RadtuneConfig

PUBLISHED = RadtuneConfig(
    # Look-alikes reach a printed count by another reading of the paper: for `radtune plan`, not worth a GPU hour.
    systems=tuple(name for name in PUBLISHED_MODELS if not name.endswith("_look_alike")),
    mixes={
        "captions": MixSettings(),
        "captions_and_questions": MixSettings(questions=True),
    },
    models=PUBLISHED_MODELS,
)
