"""The jobs of a run, from its configuration alone: which rule makes which files, for which model.

The rule files say the same to Snakemake; a test holds the two equal. It is said once more here because a glance at a run must
cost neither Snakemake nor the graph of all its jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from radtune.artifacts.layout import BASELINE, Layout
from radtune.config.run import RadtuneConfig
from radtune.datasets.receipt import RECEIPT
from radtune.datasets.source import load_format
from radtune.datasets.status import is_fetched, sets_of


@dataclass(frozen=True)
class Job:
    """One call of a rule."""

    rule: str
    step: str
    """What the model does in it, such as ``train`` or ``predict plain``; where all share the step, the name of its log."""
    system: str | None
    """The model or the baseline; None for a step that all share."""
    outputs: tuple[Path, ...]
    log: Path
    gpus: int = 0
    """GPUs that the configuration asks for."""
    kind: Literal["train", "predict", "other"] = "other"
    """Training of a model and its predictions are long, can be resumed, and are told how far they are."""
    shard: int = 0
    shards: int = 1
    """Of a prediction: this one, counted from 0, and how many jobs share the rows of an arm."""

    @property
    def comment(self) -> str:
        """What Snakemake's SLURM executor writes beside the job: rule and wildcards, which the name of the log holds too."""
        wildcards = self.log.stem.removeprefix(self.rule).replace("-", "_")
        return f"rule_{self.rule}" + (f"_wildcards{wildcards}" if wildcards else "")


def jobs_of(config: RadtuneConfig, layout: Layout) -> list[Job]:
    """Every job of the run in ``layout``, in the order of the rooms, as it would be from nothing."""
    return list(_jobs(config, layout))


def _jobs(config: RadtuneConfig, layout: Layout) -> Iterator[Job]:
    logs = layout.run / "logs"

    def shared(rule: str, *outputs: Path, gpus: int = 0, log: str | None = None) -> Job:
        return Job(rule, log or rule, None, outputs, logs / f"{log or rule}.log", gpus)

    for name, source in sets_of(config).items():
        if is_fetched(source):
            yield shared(f"fetch_{name.replace(' ', '_')}", Path(source.folder or "") / RECEIPT)
    if config.datasets.folder is None:
        yield shared("make_sample", layout.sample_folder, layout.sample_sources, layout.sample_quarantine)
    readings = {"read_captions": (config.datasets, layout)} | {
        f"read_{name}": (source, layout.further(name)) for name, source in config.datasets.further.items()
    }
    for rule, (source, paths) in readings.items():
        unpacked = [paths.unpacked] if load_format(source.format).unpacks else []
        yield shared(rule, paths.captions, paths.concepts, paths.published_questions, paths.captions_quarantine, *unpacked)
    shards = config.images.shards
    for shard in range(shards):
        made = (layout.images(shard, shards), layout.images_quarantine(shard, shards))
        yield shared("standardise_images", *made, log=f"standardise_images-{shard:05d}")
        if config.images.burned_in_text.find:
            text = layout.burned_in_text(shard, shards)
            yield shared("find_burned_in_text", text, log=f"find_burned_in_text-{shard:05d}")
    yield shared("find_leakage", layout.leakage)
    yield shared("label_modalities", layout.modality_labels)
    gpus = config.jobs.modality.gpu
    yield shared("train_modality_classifier", layout.modality_classifier, layout.modality_training_log, gpus=gpus)
    measured = (layout.classification_report, layout.confusion_matrix, layout.calibration)
    yield shared("predict_modalities", layout.modality_predictions, *measured, gpus=gpus)
    yield shared("write_questions", layout.llm_replies, gpus=config.jobs.questions.gpu)
    yield shared("filter_questions", layout.question_pairs)
    yield shared("make_known_questions", layout.known_pairs)
    for mix in sorted({config.models[system].training.mix for system in config.systems}):
        yield shared(f"build_mix_{mix}", layout.mix(mix), layout.mix_quarantine(mix))
    for system in config.systems:
        yield from _of_model(config, layout, system)
    yield Job(
        "draw_random_captions",
        "predict plain",
        BASELINE,
        (layout.predictions(BASELINE, "plain"),),
        logs / "draw_random_captions.log",
    )
    yield _scoring(config, layout, BASELINE)
    yield shared("tabulate_systems", layout.system_scores)
    yield shared("tabulate_slices", layout.slice_scores)
    yield shared("compare_variants", layout.variant_agreement)
    yield shared("tabulate_components", layout.caption_components)
    yield shared("compare_systems", layout.comparisons)
    yield shared("compare_with_papers", layout.paper_comparison)
    yield shared("build_report", layout.report)


def _of_model(config: RadtuneConfig, layout: Layout, system: str) -> Iterator[Job]:
    model, logs = config.models[system], layout.run / "logs"
    trained = (layout.adapter(system), layout.training_log(system), layout.trained_modules(system))
    yield Job(f"train_{system}", "train", system, trained, logs / f"train_{system}.log", model.resources.gpu, "train")
    gpus, shards = min(model.resources.gpu, 1), model.generation.shards
    for arm in model.generation.arms:
        rule, step, whole = f"predict_{system}", f"predict {arm}", layout.predictions(system, arm)
        if shards == 1:
            yield Job(rule, step, system, (whole,), logs / f"{rule}-{arm}.log", gpus, "predict")
            continue
        for shard in range(shards):
            part = layout.predictions_shard(system, arm, shard, shards)
            yield Job(rule, step, system, (part,), logs / f"{rule}-{arm}-{shard:05d}.log", gpus, "predict", shard, shards)
        gathering = f"gather_predictions_{system}"
        yield Job(gathering, f"gather {arm}", system, (whole,), logs / f"{gathering}-{arm}.log")
    yield _scoring(config, layout, system)


def _scoring(config: RadtuneConfig, layout: Layout, system: str) -> Job:
    rule, made = f"score_{system}", (layout.scores(system), layout.metric_signatures(system))
    return Job(rule, "score", system, made, layout.run / f"logs/{rule}.log", config.jobs.metrics.gpu)
