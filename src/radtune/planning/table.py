"""The plan as a table for a terminal of 120 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from radtune.planning.plan import ModelPlan, PrintedPlan

WIDTH = 120
_HEADER = ("model", "strategy", "parameters", "trainable", "%", "image", "row", "steps", "GiB", "train", "test")


def table(plans: Sequence[ModelPlan], assumptions: Sequence[str]) -> str:
    """One line a model, then what needs more than a line: stages, printed counts, memory, rows, assumptions."""
    lines = [_HEADER, *map(_cells, plans)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    text = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
    text.insert(1, "-" * max(map(len, text)))
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


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Names to the left, numbers to the right."""
    pairs = list(zip(cells, widths, strict=True))
    return [cell.ljust(width) for cell, width in pairs[:2]] + [cell.rjust(width) for cell, width in pairs[2:]]


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
