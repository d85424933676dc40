"""The status of a run as its user sees it."""

from __future__ import annotations

import io

from rich.console import Console

from radtune.workflow.amounts import Amount
from radtune.workflow.gpu_hours import GpuHours
from radtune.workflow.status import JobStatus, RunStatus, State
from radtune.workflow.status_table import print_status


def job(
    rule: str, step: str, model: str | None, state: State, detail: str = "", amount: Amount | None = None, **hours: float
) -> JobStatus:
    return JobStatus(rule, step, model, state, detail, f"results/r/logs/{rule}.log", amount, GpuHours(**hours))


def printed(*jobs: JobStatus, scheduler: str = "asked", width: int = 120) -> str:
    hours = sum((job.gpu_hours for job in jobs), GpuHours())
    console = Console(file=io.StringIO(), width=width)
    print_status(RunStatus("results/r", {}, hours, scheduler, list(jobs)), console)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line(text: str, start: str) -> str:
    """The line that begins with ``start``, single spaces between words."""
    (found,) = (" ".join(line.split()) for line in text.splitlines() if line.strip().startswith(start))
    return found


def test_a_model_is_one_line() -> None:
    text = printed(
        job(
            "train_m",
            "train",
            "m",
            "running",
            "SLURM job 7, running: n1",
            Amount(500, 2_000, "steps", 2.5),
            spent=3.25,
            left=9.75,
        ),
        *(job("predict_m", "predict plain", "m", "pending", amount=Amount(0, 50, "rows"), unplanned=1) for _ in range(3)),
        job("gather_predictions_m", "gather plain", "m", "pending"),
        job("score_m", "score", "m", "pending"),
        job("read_captions", "read_captions", None, "done"),
    )
    assert line(text, "m ") == "m running 500/2,000 steps, epoch 2.5 4 pending pending 3.2 9.8 + ?"
    assert line(text, "shared steps") == "shared steps: 1 done; GPU hours: 0.0 spent"
    assert "running train_m: SLURM job 7, running: n1" in text
    assert "3 job(s) for a GPU not reckoned" in text


def test_shards_are_counted_together() -> None:
    jobs = [job("predict_m", "predict plain", "m", "done", amount=Amount(10, 10, "rows")) for _ in range(2)]
    jobs.append(job("predict_m", "predict plain", "m", "running", amount=Amount(4, 10, "rows")))
    assert line(printed(*jobs), "m ").startswith("m 1 running, 2 done 24/30 rows")


def test_failures_come_with_reason_and_log_as_they_are() -> None:
    text = printed(job("train_m", "train", "m", "failed", "error: [bold]x[/bold] is no number"), width=60)
    assert "failed train_m: error: [bold]x[/bold] is no number (results/r/logs/train_m.log)" in text


def test_many_failures_are_cut_short() -> None:
    text = printed(*(job(f"score_m{number}", "score", f"m{number}", "failed", "no") for number in range(30)))
    assert text.count("(results/r/logs/") == 20
    assert "and 10 more failed" in text


def test_a_silent_scheduler_is_named() -> None:
    assert "squeue could not be asked" in printed(job("train_m", "train", "m", "stopped"), scheduler="no answer")
    assert "squeue" not in printed(job("train_m", "train", "m", "done"))


def test_hours_that_are_not_known_are_marked() -> None:
    text = printed(job("predict_m", "predict plain", "m", "done", amount=Amount(5, 5, "rows"), unknown=1))
    assert line(text, "m ") == "m done 5/5 rows 0.0 + ? 0.0"
    assert "1 finished job(s) left no time" in text
