"""The plan of one model: what is trained, what a row takes, and what training and prediction cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from radtune.config.models import AdaptationSettings, ModelSettings, PrintedCount
from radtune.config.planning import PlanningSettings
from radtune.config.run import RadtuneConfig
from radtune.errors import ConfigError
from radtune.models.adaptation import adapt, set_stage, tower_of, trainable_parameters
from radtune.models.family import FamilyModel
from radtune.models.load import load_skeleton
from radtune.planning.compute import prediction_hours, row_operations, training_hours
from radtune.planning.layers import Work, work_of_a_row
from radtune.planning.memory import GIB, training_memory
from radtune.planning.request import shortfalls
from radtune.planning.rows import RowCounts, count_rows
from radtune.training.loop import evaluation_steps
from radtune.training.progress import steps_per_epoch

Agreement = Literal["yes", "no"]


@dataclass(frozen=True)
class StagePlan:
    """What is trained from one epoch on."""

    epoch: int
    """First epoch, from 0."""
    trainable: int


@dataclass(frozen=True)
class PrintedPlan:
    """A paper's count beside ours."""

    source: str
    millions: float
    percent: float
    millions_agree: Agreement
    """Whether ours gives the printed figure, rounded or cut off to its decimals."""
    percent_agree: Agreement
    note: str


@dataclass(frozen=True)
class MemoryPlan:
    """Memory of a training in GiB."""

    weights: float
    gradients: float
    optimiser: float
    activations: float
    """At the configured batch, with activation checkpointing if that is configured."""
    activations_without_checkpointing: float
    activations_with_checkpointing: float
    peak: float
    device: float
    """What the device has."""
    fits: bool


@dataclass(frozen=True)
class ModelPlan:
    """One entry of `models`."""

    model: str
    family: str
    strategy: str
    in_systems: bool
    """Whether the run trains it."""
    parameters: int
    """All, adapters included."""
    trainable: int
    """In the last stage, if there are stages."""
    trainable_percent: float
    """Of all parameters with the adapters, as PEFT prints it."""
    trainable_by_tower: dict[str, int]
    stages: list[StagePlan]
    """More than one with strategy `staged` only."""
    printed: PrintedPlan | None
    image_tokens: int
    prompt_tokens: int
    answer_tokens: int
    row_tokens: int
    """Positions of the decoder for a row at its longest."""
    train_rows: int
    valid_rows: int
    test_rows: int
    rows_source: str
    training_steps: int
    """If it is not stopped early."""
    precision: str
    batch_size: int
    activation_checkpointing: bool
    memory_gib: MemoryPlan
    training_hours: float
    """GPU hours, validation included."""
    prediction_hours: float
    """GPU hours of all arms and tasks."""
    shortfalls: list[str]
    """Where its jobs ask a cluster for less than that."""


def plan_model(config: RadtuneConfig, name: str, *, results: Path, device_gib: float | None = None) -> ModelPlan:
    """The plan of the model ``name`` of ``config``, from its skeleton; nothing is downloaded.

    ``results`` holds the runs; ``device_gib`` is the memory to fit in, `planning.memory_gib` by default.
    Raises :class:`ConfigError` that names the model, such as for a target that matches nothing.
    """
    settings = config.models[name]
    if settings.training.mix not in config.mixes:
        raise ConfigError(f"models.{name}.training.mix: {settings.training.mix!r} is not one of the mixes")
    try:
        model = load_skeleton(settings.build)
        with torch.device("meta"):  # adapters without weights, like the rest of the skeleton
            adapt(model, settings.adaptation, seed=config.seed)
    except ConfigError as error:
        raise ConfigError(f"models.{name}.{error.problem}", error.fix) from None
    rows = count_rows(config, settings.training.mix, results)
    stages = [StagePlan(epoch, _stage(model, settings.adaptation, epoch)) for epoch in _first_epochs(model, settings)]
    operations, work = _training_operations(model, settings, rows, [stage.epoch for stage in stages])

    # The model is in its last stage now, which trains the most.
    total = sum(parameter.numel() for parameter in model.network.parameters())
    trainable = stages[-1].trainable
    memory = training_memory(model, settings, work, trainable)
    room = device_gib or config.planning.memory_gib
    captions = rows.test * len(settings.generation.arms) * len(settings.generation.tasks)
    hours = training_hours(operations, settings.training.precision, config.planning)
    prediction = prediction_hours(work, captions, settings, config.planning)
    return ModelPlan(
        model=name,
        family=settings.build.family,
        strategy=settings.adaptation.strategy,
        in_systems=name in config.systems,
        parameters=total,
        trainable=trainable,
        trainable_percent=100 * trainable / total,
        trainable_by_tower=_by_tower(model),
        stages=stages,
        # A small random model stands for a published one in a trial run; what the paper prints is not about it.
        printed=None if set(settings.build.sources.values()) == {"tiny:"} else _printed(settings.printed, trainable, total),
        image_tokens=work.size.image_tokens,
        prompt_tokens=work.size.prompt_tokens,
        answer_tokens=work.size.answer_tokens,
        row_tokens=work.size.sequence,
        train_rows=rows.train,
        valid_rows=rows.valid,
        test_rows=rows.test,
        rows_source=rows.source,
        training_steps=_steps(rows, settings),
        precision=settings.training.precision,
        batch_size=settings.training.batch_size,
        activation_checkpointing=settings.training.activation_checkpointing,
        memory_gib=MemoryPlan(
            weights=memory.weights / GIB,
            gradients=memory.gradients / GIB,
            optimiser=memory.optimiser / GIB,
            activations=memory.activations / GIB,
            activations_without_checkpointing=memory.activations_kept / GIB,
            activations_with_checkpointing=memory.activations_recomputed / GIB,
            peak=memory.total / GIB,
            device=room,
            fits=memory.total / GIB <= room,
        ),
        training_hours=hours,
        prediction_hours=prediction,
        shortfalls=shortfalls(
            settings.resources,
            settings.generation,
            peak_gib=memory.total / GIB,
            training_hours=hours,
            prediction_hours=prediction,
        ),
    )


def assumptions(device: PlanningSettings) -> list[str]:
    """What the hours and the memory rest on, in sentences."""
    return [
        f"Hours: {device.device}, {device.tflops:g} TFLOP/s in bfloat16 ({device.tflops_float32:g} in float32) at "
        f"{100 * device.utilisation:g} %, {device.bandwidth_gb_s:,g} GB/s.",
        "Every row has its longest answer, training is not stopped early, validation is counted; the start of a job is not.",
        "Memory: weights, gradients, AdamW and activations; neither the device's context nor fragmentation (1 to 2 GiB).",
    ]


def _first_epochs(model: FamilyModel, settings: ModelSettings) -> list[int]:
    """First epochs of the stages that the training gets to."""
    if settings.adaptation.strategy != "staged":
        return [0]
    return sorted({0, *(stage.epoch for stage in model.stages if stage.epoch < settings.training.epochs)})


def _stage(model: FamilyModel, adaptation: AdaptationSettings, epoch: int) -> int:
    """Parameters trained in ``epoch``."""
    set_stage(model, adaptation, epoch)
    return trainable_parameters(model)


def _steps(rows: RowCounts, settings: ModelSettings) -> int:
    return steps_per_epoch(rows.train, settings.training) * settings.training.epochs


def _training_operations(
    model: FamilyModel, settings: ModelSettings, rows: RowCounts, first_epochs: list[int]
) -> tuple[int, Work]:
    """Floating-point operations of all epochs and evaluations, and what a row sends through the last stage, in which the model
    is left."""
    total = 0
    for start, end in zip(first_epochs, [*first_epochs[1:], settings.training.epochs], strict=True):
        set_stage(model, settings.adaptation, start)
        work = work_of_a_row(model)
        row = row_operations(work)
        again = row.recomputed if settings.training.activation_checkpointing else 0
        total += (end - start) * rows.train * (row.forward + row.backward + again)
    evaluations = len(evaluation_steps(_steps(rows, settings), settings.training.evaluations))
    return total + evaluations * rows.valid * row.forward, work


def _by_tower(model: FamilyModel) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(("vision", "connector", "language"), 0)
    for name, parameter in model.network.named_parameters():
        if parameter.requires_grad:
            counts[tower_of(model, name)] += parameter.numel()
    return counts


def _printed(printed: PrintedCount | None, trainable: int, total: int) -> PrintedPlan | None:
    if printed is None:
        return None
    return PrintedPlan(
        source=printed.source,
        millions=printed.millions,
        percent=printed.percent,
        millions_agree=_agrees(printed.millions, trainable, 1_000_000, decimals=1),
        percent_agree=_agrees(printed.percent, 100 * trainable, total, decimals=2),
        note=printed.note,
    )


def _agrees(printed: float, count: int, unit: int, decimals: int) -> Agreement:
    """Whether ``count / unit`` is ``printed`` when rounded or cut off to ``decimals``."""
    wanted = round(printed * 10**decimals)
    return "yes" if wanted in (count * 10**decimals // unit, round(count / unit * 10**decimals)) else "no"
