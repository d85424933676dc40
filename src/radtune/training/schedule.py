"""Learning-rate schedules, from transformers and torch, behind the two calls that the loop makes."""

from __future__ import annotations

import math
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from transformers import get_scheduler

from radtune.config.models import TrainingSettings
from radtune.models.untyped import untyped

SHORTEST_CYCLE = 10
"""Fewest steps a one-cycle schedule is laid out for; torch cannot split fewer into its phases."""

_TRANSFORMERS_NAMES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


class Schedule:
    """Sets the learning rate of ``optimizer``, whose own rate must be the peak.

    All schedules rise from zero or nearly so over ``warmup_share`` of the steps. `onecycle` is torch's ``OneCycleLR``
    with that share as its rising part. `plateau` multiplies the rate by ``plateau_factor`` after ``plateau_patience``
    evaluations without a better validation loss.
    """

    def __init__(self, optimizer: Optimizer, settings: TrainingSettings, total_steps: int) -> None:
        warmup = math.ceil(settings.warmup_share * total_steps)
        self._plateau: ReduceLROnPlateau | None = None
        self._by_step: LRScheduler
        if settings.schedule in _TRANSFORMERS_NAMES:
            name = _TRANSFORMERS_NAMES[settings.schedule]
            self._by_step = untyped(get_scheduler)(name, optimizer, num_warmup_steps=warmup, num_training_steps=total_steps)
        elif settings.schedule == "onecycle":
            steps = max(total_steps, SHORTEST_CYCLE)
            rising = min(max(settings.warmup_share, 2 / steps), 1 - 2 / steps)
            self._by_step = OneCycleLR(optimizer, max_lr=settings.learning_rate, total_steps=steps, pct_start=rising)
        else:
            # LinearLR only multiplies, and leaves the rate alone after the warm-up: what the plateau takes off stays off.
            self._by_step = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
            self._plateau = ReduceLROnPlateau(optimizer, factor=settings.plateau_factor, patience=settings.plateau_patience)

    def after_step(self) -> None:
        """To be called after each optimiser step."""
        self._by_step.step()

    def after_evaluation(self, validation_loss: float) -> None:
        """To be called after each evaluation."""
        if self._plateau is not None:
            self._plateau.step(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed training needs."""
        return {"by_step": self._by_step.state_dict(), "plateau": self._plateau.state_dict() if self._plateau else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken."""
        self._by_step.load_state_dict(state["by_step"])
        if self._plateau is not None:
            self._plateau.load_state_dict(state["plateau"])
