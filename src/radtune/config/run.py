"""The whole configuration of a run: ``config.yaml``, perhaps with an overlay from ``workflow/runs``."""

from __future__ import annotations

import re
from typing import Self

from pydantic import model_validator

from radtune.config.base import Settings
from radtune.config.datasets import DatasetSettings
from radtune.config.images import ImageSettings
from radtune.config.inference import BaselineSettings
from radtune.config.jobs import JobSettings
from radtune.config.metrics import BenchmarkSettings, MetricSettings
from radtune.config.mixes import MixSettings
from radtune.config.modality import ModalitySettings
from radtune.config.models import ModelSettings
from radtune.config.planning import PlanningSettings
from radtune.config.questions import QuestionSettings
from radtune.config.report import ReportSettings

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class RadtuneConfig(Settings):
    """Everything a run depends on."""

    run: str = "published"
    """Name of the run; its artifacts lie in `results/<run>`."""
    seed: int = 2025
    """Seed of everything that draws."""
    weights_cache: str = "resources/weights"
    """Folder that holds downloaded weights and packages; shared by all runs."""
    systems: tuple[str, ...]
    """Which of `models` this run trains and compares."""
    datasets: DatasetSettings = DatasetSettings()
    """Image–caption pairs."""
    images: ImageSettings = ImageSettings()
    """Standardised images."""
    modality: ModalitySettings = ModalitySettings()
    """The modality classifier."""
    questions: QuestionSettings = QuestionSettings()
    """The question writer and its filters."""
    mixes: dict[str, MixSettings]
    """What training runs see, by name."""
    models: dict[str, ModelSettings]
    """The models, by name."""
    baseline: BaselineSettings = BaselineSettings()
    """The random-caption baseline."""
    metrics: MetricSettings = MetricSettings()
    """What is measured."""
    benchmark: BenchmarkSettings = BenchmarkSettings()
    """How systems are compared."""
    report: ReportSettings = ReportSettings()
    """The report."""
    planning: PlanningSettings = PlanningSettings()
    """What `radtune plan` reckons with."""
    jobs: JobSettings = JobSettings()
    """What jobs that belong to no model ask of a cluster."""

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name, source in self.datasets.further.items():
            if source.folder is None:
                raise ValueError(f"datasets.further.{name}.folder: missing; add it")
            if name == self.datasets.name:
                raise ValueError(f"datasets.further.{name}: the first data set has the same name; choose another")
        for name in (self.run, *self.models, *self.mixes, *self.datasets.further):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r}: names consist of lower-case letters, digits and _, and begin with a letter")
        for system in self.systems:
            if system not in self.models:
                raise ValueError(f"systems: {system!r} is not one of the models {sorted(self.models)}")
            if (mix := self.models[system].training.mix) not in self.mixes:
                raise ValueError(f"models.{system}.training.mix: {mix!r} is not one of the mixes {sorted(self.mixes)}")
        for mix, settings in self.mixes.items():
            for name in settings.sets:
                if name not in self.datasets.further:
                    raise ValueError(f"mixes.{mix}: {name!r} is not one of datasets.further {sorted(self.datasets.further)}")
            if both := sorted(set(settings.further) & set(settings.annealing)):
                raise ValueError(f"mixes.{mix}: {both[0]!r} stands in both further and annealing; choose one")
        return self
