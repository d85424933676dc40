"""The plan as a table for a terminal of 120 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from radtune.planning.pending import PendingJobs, PendingModel
from radtune.planning.plan import ModelPlan, PrintedPlan

WIDTH = 120
_HEADER = ("model", "strategy", "parameters", "trainable", "%", "image", "row", "steps", "GiB", "train", "test")
_PENDING_HEADER = ("model", "training", "GPU hours", "GiB", "prediction jobs", "GPU hours")


def table(plans: Sequence[ModelPlan], assumptions: Sequence[str]) -> str:
    """One line a model, then what needs more than a line: stages, printed counts, memory, rows, assumptions."""
    text = _columns([_HEADER, *map(_cells, plans)], names=2)
    text += [
        "",
        "* trained in this run   image, row: tokens   GiB: peak of training, ! more than the device has   train, test: GPU hours",
    ]
    text += _section("Trainable parameters by tower", [(plan.model, _towers(plan)) for plan in plans])
    text += _section("Printed in the papers", [(plan.model, _printed(plan.printed)) for plan in plans if plan.printed])
    text += _section(
        "Memory of training, GiB (activations: as configured / kept / recomputed)", [(p.model, _memory(p)) for p in plans]
    )
    short = [(plan.model, "; ".join(plan.shortfalls)) for plan in plans if plan.shortfalls]
    text += _section("Asked of a cluster (models.<name>.resources), and less than planned", short)
    text += _section("Rows", list(dict.fromkeys(_rows(plan) for plan in plans)))
    text += ["", "Assumptions", *(line for sentence in assumptions for line in _wrapped("", sentence, 0))]
    return "\n".join(text)


def pending_table(models: Sequence[PendingModel], jobs: PendingJobs, assumptions: Sequence[str]) -> str:
    """One line a model that has something to be done, then totals, the other rules, and what the hours rest on."""
    if not jobs.rules:
        return "Nothing to be done."
    text = _columns([_PENDING_HEADER, *map(_pending_cells, models)], names=2) if models else []
    hours = sum(model.training_hours + model.prediction_hours for model in models)
    text += [
        "",
        f"{jobs.gpu_jobs:,} jobs with a GPU, {jobs.cpu_jobs:,} without. Models take {hours:,.1f} GPU hours by this plan; "
        f"time limits add up to {jobs.requested_gpu_hours:,.1f}.",
    ]
    shown = {f"{step}_{model.model}" for model in models for step in ("train", "predict")}
    others = ", ".join(
        f"{rule} ({count:,} jobs)" if count > 1 else rule for rule, count in jobs.rules.items() if rule not in shown
    )
    text += _section("Other rules", [("", others)])
    return "\n".join([*text, "", "Assumptions", *(line for sentence in assumptions for line in _wrapped("", sentence, 0))])


def _pending_cells(model: PendingModel) -> tuple[str, ...]:
    training = "no" if not model.training_jobs else f"from step {model.first_step:,} of {model.training_steps:,}"
    return (
        model.model,
        training,
        f"{model.training_hours:,.1f}",
        f"{model.peak_gib:.1f}",
        f"{model.prediction_jobs:,}",
        f"{model.prediction_hours:,.1f}",
    )


def _cells(plan: ModelPlan) -> tuple[str, ...]:
    memory = plan.memory_gib
    return (
        f"{'*' if plan.in_systems else ' '} {plan.model}",
        plan.strategy,
        f"{plan.parameters:,}",
        f"{plan.trainable:,}",
        f"{plan.trainable_percent:.2f}",
        f"{plan.image_tokens:,}",
        f"{plan.row_tokens:,}",
        f"{plan.training_steps:,}",
        f"{memory.peak:.1f}{' ' if memory.fits else '!'}",
        f"{plan.training_hours:,.1f}",
        f"{plan.prediction_hours:,.1f}",
    )


def _columns(lines: Sequence[tuple[str, ...]], names: int) -> list[str]:
    """A header and lines, aligned: the first columns are ``names`` and go to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        pairs = list(zip(line, widths, strict=True))
        cells = [cell.ljust(width) for cell, width in pairs[:names]] + [cell.rjust(width) for cell, width in pairs[names:]]
        text.append("  ".join(cells).rstrip())
    text.insert(1, "-" * max(map(len, text)))
    return text


def _section(title: str, entries: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in entries), default=0)
    body = [line for name, value in entries for line in _wrapped(name, value, width)]
    return ["", title, *body] if body else []


def _wrapped(name: str, value: str, width: int) -> list[str]:
    start = f"  {name.ljust(width)}  " if width else "  "
    return textwrap.wrap(value, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def _towers(plan: ModelPlan) -> str:
    towers = ", ".join(f"{tower} {count:,}" for tower, count in plan.trainable_by_tower.items() if count)
    if len(plan.stages) == 1:
        return towers
    return f"{towers}; stages {', '.join(f'{stage.trainable:,} from epoch {stage.epoch}' for stage in plan.stages)}"


def _printed(printed: PrintedPlan | None) -> str:
    if printed is None:
        return ""
    verdicts = {("yes", "yes"): "agrees", ("yes", "no"): "percentage differs", ("no", "yes"): "millions differ"}
    verdict = verdicts.get((printed.millions_agree, printed.percent_agree), "differs")
    note = f"; {printed.note}" if printed.note else ""
    return f"{printed.millions:g} M, {printed.percent:g} %: {verdict}{note} ({printed.source})"


def _memory(plan: ModelPlan) -> str:
    memory = plan.memory_gib
    short = "" if memory.fits else f": more than the {memory.device:g} of the device"
    return (
        f"weights {memory.weights:.2f} + gradients {memory.gradients:.2f} + optimiser {memory.optimiser:.2f} + activations "
        f"{memory.activations:.2f} / {memory.activations_without_checkpointing:.2f} / {memory.activations_with_checkpointing:.2f}"
        f" = {memory.peak:.2f} ({plan.batch_size} rows, {plan.precision}){short}"
    )


def _rows(plan: ModelPlan) -> tuple[str, str]:
    return f"{plan.train_rows:,} train, {plan.valid_rows:,} valid, {plan.test_rows:,} test", plan.rows_source
