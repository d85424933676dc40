"""What the report says of each training: what was trained, how far it went, which step was best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.report.read_run import Run

TOWERS = ("vision", "connector", "language")


@dataclass(frozen=True)
class Curve:
    """Points of a training log."""

    title: str
    loss: list[tuple[int, float]]
    """Optimiser step and training loss."""
    validation_loss: list[tuple[int, float]]
    learning_rate: list[tuple[int, float]]

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and value of the least validation loss, the earliest of equals."""
        return min(self.validation_loss, key=lambda point: (point[1], point[0]), default=None)


@dataclass(frozen=True)
class Training:
    """One trained system."""

    system: str
    family: str
    sources: dict[str, str]
    """Where the weights of each part came from."""
    strategy: str
    mix: str
    steps: int
    best: tuple[int, float] | None
    """Step and validation loss of the state that was kept."""
    tokens: int | None
    seconds: float | None
    memory_mb: float | None
    trained: dict[str, int]
    """Trained parameters of each tower."""
    modules: int
    """Modules that were trained."""

    @property
    def parameters(self) -> int:
        """Trained parameters of all towers."""
        return sum(self.trained.values())


def read_curve(run: Run, path: Path, title: str) -> Curve | None:
    """The curves of one training log; None where the run has none."""
    rows = run.rows(path, TRAINING_LOG, ["step", "loss", "validation_loss", "learning_rate"])
    if not rows:
        return None

    def points(column: str) -> list[tuple[int, float]]:
        return sorted((row["step"], row[column]) for row in rows if row[column] is not None)

    return Curve(title, points("loss"), points("validation_loss"), points("learning_rate"))


def read_curves(run: Run) -> list[Curve]:
    """Curves of every system, then of the modality classifier."""
    logs = [(run.layout.training_log(system), system) for system in run.trained]
    logs.append((run.layout.modality_training_log, "modality classifier"))
    return [curve for path, title in logs if (curve := read_curve(run, path, title))]


def read_trainings(run: Run) -> list[Training]:
    """One summary a trained system."""
    summaries = []
    for system in run.trained:
        path = run.layout.training_log(system)
        artifact, curve = run.artifact(path), read_curve(run, path, system)
        if artifact is None or curve is None:
            continue
        rows = run.rows(path, TRAINING_LOG, ["step", "tokens", "seconds", "memory_mb"])
        settings: dict[str, Any] = artifact.settings
        modules = run.rows(run.layout.trained_modules(system), TRAINED_MODULES)
        summaries.append(
            Training(
                system,
                family=settings.get("build", {}).get("family", ""),
                sources=settings.get("build", {}).get("sources", {}),
                strategy=settings.get("adaptation", {}).get("strategy", ""),
                mix=settings.get("training", {}).get("mix", ""),
                steps=max(row["step"] for row in rows),
                best=curve.best,
                tokens=max((row["tokens"] for row in rows if row["tokens"] is not None), default=None),
                seconds=max((row["seconds"] for row in rows if row["seconds"] is not None), default=None),
                memory_mb=max((row["memory_mb"] for row in rows if row["memory_mb"] is not None), default=None),
                trained={
                    tower: sum(module["parameters"] for module in modules if module["tower"] == tower)
                    for tower in (*TOWERS, *sorted({module["tower"] for module in modules} - set(TOWERS)))
                },
                modules=len(modules),
            )
        )
    return summaries
