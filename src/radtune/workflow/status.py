"""How far a run is: what is done, at work, failed and why, and what it costs. Only reads, and loads no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from radtune.artifacts.layout import Layout
from radtune.config.load import load_config
from radtune.config.run import RadtuneConfig
from radtune.errors import ArtifactError, ConfigError, DataError
from radtune.inference.partial import partial_folder
from radtune.workflow.amounts import Amount, amount_of
from radtune.workflow.gpu_hours import GpuHours, PlannedHours, gpu_hours
from radtune.workflow.jobs import Job, jobs_of
from radtune.workflow.traces import holder, last_words, queue, running_here, scheduler_verdicts, unfinished

State = Literal["failed", "stopped", "running", "queued", "pending", "done"]
"""``stopped``: was asked to stop and saved its work, or ended without saying why; the next start goes on with it. ``queued``: the
scheduler has it and has not begun it. ``pending``: not begun."""

STATES: tuple[State, ...] = ("failed", "stopped", "running", "queued", "pending", "done")
"""In the order in which one wants to know."""


@dataclass(frozen=True)
class JobStatus:
    """One job."""

    rule: str
    step: str
    model: str | None
    """None for a step that all models share."""
    state: State
    detail: str
    """Why it failed, or where it runs; empty if there is nothing to say."""
    log: str
    amount: Amount | None
    gpu_hours: GpuHours


@dataclass(frozen=True)
class RunStatus:
    """A run."""

    run: str
    """Its folder."""
    states: dict[State, int]
    """How many jobs are in each state."""
    gpu_hours: GpuHours
    scheduler: Literal["asked", "not needed", "no answer"]
    """Whether `squeue` could say what became of jobs that were handed to it."""
    jobs: list[JobStatus]


def run_status(folder: Path, planned: Mapping[str, PlannedHours] | None = None) -> RunStatus:
    """The status of the run in ``folder`` (``results/<run>``), by the configuration that it recorded.

    ``planned`` has the GPU hours of models that are not begun. A job is done if its files are there: whether they still fit the
    configuration is Snakemake's to say (``radtune plan --pending``). Raises :class:`DataError` if ``folder`` holds no run.
    """
    config = recorded_config(folder)
    # Processes and the scheduler know the project by its real path; the folder of results may be a link to another disk.
    project = folder.absolute().parents[1].resolve()
    layout = Layout(project / folder.absolute().parent.name / folder.absolute().name)
    traces = _Traces(project, layout, jobs_of(config, layout))
    jobs = [_job_status(job, traces, config, planned or {}) for job in traces.jobs]
    counts = Counter(job.state for job in jobs)
    return RunStatus(
        run=str(folder),
        states={state: counts[state] for state in STATES if counts[state]},
        gpu_hours=sum((job.gpu_hours for job in jobs), GpuHours()),
        scheduler="not needed" if not traces.marks else "no answer" if traces.queue is None else "asked",
        jobs=jobs,
    )


def recorded_config(folder: Path) -> RadtuneConfig:
    """The configuration that the run in ``folder`` recorded when it was started. Raises :class:`DataError` if there is none."""
    path = Layout(folder).config
    if not path.is_file():
        raise DataError(f"{path}: missing, so {folder} holds no run that was started", "name the folder of a run: results/<run>")
    try:
        return load_config([path])
    except ConfigError as error:
        raise DataError(error.problem, "the run is of another version of radtune: ask that one, or start the run again") from None


def planned_hours(folder: Path) -> dict[str, PlannedHours]:
    """GPU hours of the models of the run in ``folder`` that ask for a GPU, as `radtune plan` reckons them. Loads torch."""
    from radtune.planning.plan import plan_model

    config, hours = recorded_config(folder), {}
    for system in config.systems:
        model = config.models[system]
        if model.resources.gpu:
            plan = plan_model(config, system, results=folder.parent)
            jobs = len(model.generation.arms) * model.generation.shards
            hours[system] = PlannedHours(plan.training_hours, plan.prediction_hours, jobs)
    return hours


class _Traces:
    """What is looked at once for all jobs of a run."""

    def __init__(self, project: Path, layout: Layout, jobs: list[Job]) -> None:
        self.project, self.layout, self.jobs = project, layout, jobs
        self.processes = running_here(layout.run / "logs")
        self.marks = unfinished(project) & {output for job in jobs for output in job.outputs}
        self.queue = queue(project) if self.marks else {}

    @cached_property
    def verdicts(self) -> dict[Path, str]:
        return scheduler_verdicts(self.project)


def _job_status(job: Job, traces: _Traces, config: RadtuneConfig, planned: Mapping[str, PlannedHours]) -> JobStatus:
    state, detail = _state(job, traces)
    amount, hours = None, GpuHours()
    try:
        amount = amount_of(job, state == "done", config, traces.layout)
        hours = gpu_hours(job, state == "done", amount, planned, traces.project)
    except (ArtifactError, KeyError) as error:  # of another version, damaged, or replaced at this moment
        detail = "; ".join(filter(None, (detail, f"unreadable: {error}")))
    log = str(job.log.relative_to(traces.project))
    return JobStatus(job.rule, job.step, job.system, state, detail, log, amount, hours)


def _state(job: Job, traces: _Traces) -> tuple[State, str]:
    """The state of one job, and what there is to say about it."""
    if job.log in traces.processes:
        return "running", f"process {traces.processes[job.log]} here"
    marked = not traces.marks.isdisjoint(job.outputs)
    if marked and (found := (traces.queue or {}).get(job.comment)):
        waits = found.state == "PENDING"
        return "queued" if waits else "running", f"SLURM job {found.number}, {found.state.lower()}: {found.place}"
    if (folder := _resumable(job, traces.layout)) and (who := holder(folder)):
        return "running", who
    if all(output.exists() for output in job.outputs):
        return ("stopped", "made, but Snakemake ended before it took note") if marked else ("done", "")
    if not marked and not job.log.is_file():
        return "pending", ""
    telling, last = last_words(job.log)
    if telling and telling.startswith("asked to stop"):
        return "stopped", telling
    verdict = f"the scheduler says {traces.verdicts[job.log]}" if job.log in traces.verdicts else None
    if verdict or telling:
        return "failed", "; ".join(filter(None, (verdict, telling or last)))
    return "stopped", f"ended without saying why, after: {last}" if last else "ended without a word"


def _resumable(job: Job, layout: Layout) -> Path | None:
    """The folder of unfinished work whose lock tells of a twin on another machine."""
    if job.kind == "train":
        return layout.checkpoints(job.system or "")
    return partial_folder(job.outputs[0]) if job.kind == "predict" else None
