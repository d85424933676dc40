"""Floating-point operations of training and prediction, and the hours they take. docs/planning.md has the formulas."""

from __future__ import annotations

import math
from dataclasses import dataclass

from radtune.config.models import ModelSettings
from radtune.config.planning import PlanningSettings
from radtune.models.family import Tower
from radtune.planning.layers import Work

TOWERS: tuple[Tower, ...] = ("vision", "connector", "language")
"""In the order in which an image passes through them."""


@dataclass(frozen=True)
class RowOperations:
    """Floating-point operations for one row at its longest."""

    forward: int
    backward: int
    recomputed: int
    """The part of the forward pass that activation checkpointing runs again."""


def reached(work: Work) -> set[Tower]:
    """Towers that the backward pass goes through: those with something to train, and all after them."""
    trained = {layer.tower for layer in work.layers if layer.trained} | ({"language"} if work.head_trained else set())
    first = min((TOWERS.index(tower) for tower in trained), default=len(TOWERS))
    return set(TOWERS[first:])


def row_operations(work: Work) -> RowOperations:
    """Operations of a training row: 2 a weight and position forward; backward 2 towards the input of every layer that the
    gradient reaches, and 2 towards each trained weight (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)."""
    through = reached(work)
    head = 2 * work.head_weights * work.size.answer_tokens
    forward = head + sum(2 * layer.products for layer in work.layers)
    backward = head * (1 + work.head_trained)
    backward += sum(2 * layer.products * ((layer.tower in through) + layer.trained) for layer in work.layers)
    recomputed = sum(2 * layer.products for layer in work.layers if layer.block and layer.tower in through)
    for block in work.blocks.values():
        # Scores and weighted sum: 2 products of positions^2 x width, for each sequence; twice that backward.
        attention = 4 * block.positions**2 // block.sequences * block.width
        forward += attention
        if block.tower in through:
            backward += 2 * attention
            recomputed += attention
    return RowOperations(forward, backward, recomputed)


def training_hours(operations: float, precision: str, device: PlanningSettings) -> float:
    """Hours that ``operations`` take on one device."""
    return operations / (_peak(precision, device) * device.utilisation) / 3600


def prediction_hours(work: Work, rows: int, model: ModelSettings, device: PlanningSettings) -> float:
    """Hours to caption ``rows`` images on one device, every caption at its longest.

    Prompts are matrix products as in training. Then each new token of a batch waits for the decoder's weights to be read once, or
    for its own products, whichever takes longer.
    """
    generation = model.generation
    answer = work.size.answer_tokens
    decoder = work.head_weights + sum(layer.weights for layer in work.layers if layer.tower == "language")
    prompt = row_operations(work).forward * (1 - answer / (work.size.sequence + answer))  # the answer is written, not read
    batches = math.ceil(rows / generation.batch_size)
    speed = _peak(generation.precision, device) * device.utilisation
    bytes_a_value = 2 if generation.precision == "bfloat16" else 4
    token = max(2 * decoder * generation.batch_size / speed, decoder * bytes_a_value / (device.bandwidth_gb_s * 1e9))
    return (rows * prompt / speed + batches * generation.maximum_new_tokens * token) / 3600


def _peak(precision: str, device: PlanningSettings) -> float:
    return (device.tflops if precision == "bfloat16" else device.tflops_float32) * 1e12
