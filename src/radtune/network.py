"""Whether the network may be asked. Jobs of a cluster may not: what they need is fetched before (``radtune prefetch``)."""

from __future__ import annotations

import os

HUB_OFFLINE = "HF_HUB_OFFLINE"
"""The model hub's own variable, which `huggingface_hub` and `transformers` heed too."""

OFFLINE_VARIABLES = ("RADTUNE_OFFLINE", HUB_OFFLINE)
"""Environment variables that forbid the network when set to 1."""


def offline() -> str | None:
    """The environment variable that forbids the network, or None."""
    return next((name for name in OFFLINE_VARIABLES if os.environ.get(name, "").lower() in ("1", "true", "yes", "on")), None)
