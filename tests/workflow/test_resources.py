"""What jobs ask for: by attempt, by class, within the site's limits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.layout import BASELINE
from radtune.config.base import read_yaml
from radtune.config.documents import commented_yaml
from radtune.config.jobs import JobResources
from radtune.config.published import PUBLISHED
from radtune.config.site import JobClass, SiteSettings
from radtune.errors import ConfigError
from radtune.workflow.resources import LEAST_MEMORY_MB, asked_for, read_site

ROOT = Path(__file__).resolve().parents[2]


def at(resources: dict[str, Any], attempt: int) -> dict[str, Any]:
    """The values of one attempt."""
    return {name: value(None, attempt) if callable(value) else value for name, value in resources.items()}


def test_a_failed_job_asks_for_more_and_a_resumable_one_for_the_same_time() -> None:
    once = asked_for(SiteSettings(), 2_000, 60)
    assert at(once, 1) == {"mem_mb": 2_000, "runtime": 60}
    assert at(once, 2) == at(once, 6) == {"mem_mb": 4_000, "runtime": 120}
    resumed = asked_for(SiteSettings(), 2_000, 60, resumes=True)
    assert at(resumed, 3) == {"mem_mb": 4_000, "runtime": 60, "slurm_extra": "--signal=TERM@120"}


def test_no_job_asks_for_less_than_snakemake_needs() -> None:
    assert at(asked_for(SiteSettings(), 100, 1), 1)["mem_mb"] == LEAST_MEMORY_MB


def test_requests_stay_within_the_limits_of_the_site() -> None:
    site = SiteSettings(maximum_minutes=100, maximum_memory_mb=5_000)
    assert at(asked_for(site, 4_000, 60), 2) == {"mem_mb": 5_000, "runtime": 100}


def test_gpus_stand_on_one_node_and_jobs_without_one_ask_for_none() -> None:
    assert not {"gpu", "gres", "nodes"} & asked_for(SiteSettings(), 2_000, 60).keys()
    assert {"gpu": 2, "nodes": 1}.items() <= asked_for(SiteSettings(), 2_000, 60, gpus=2).items()
    by_gres = asked_for(SiteSettings(gpu_request="gres"), 2_000, 60, gpus=2)
    assert by_gres["gres"] == "gpu:2"
    assert "gpu" not in by_gres


def test_the_class_of_a_job_decides_where_it_goes() -> None:
    site = SiteSettings(account="a", cpu=JobClass(partition="long"), gpu=JobClass(partition="gpus", qos="q", constraint="a100"))
    assert {"slurm_account": "a", "slurm_partition": "long"}.items() <= asked_for(site, 2_000, 60).items()
    assert (
        asked_for(site, 2_000, 60, gpus=1).items()
        >= {
            "slurm_account": "a",
            "slurm_partition": "gpus",
            "qos": "q",
            "constraint": "a100",
        }.items()
    )


def test_the_site_file_is_optional_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RADTUNE_SITE", raising=False)
    assert read_site(tmp_path) == SiteSettings()
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm/site.yaml").write_text("account: mine\n")
    assert read_site(tmp_path).account == "mine"
    other = tmp_path / "other.yaml"
    other.write_text("acount: mine\n")
    monkeypatch.setenv("RADTUNE_SITE", str(other))
    with pytest.raises(ConfigError, match="acount: unknown key"):
        read_site(tmp_path)
    monkeypatch.setenv("RADTUNE_SITE", str(tmp_path / "absent.yaml"))
    with pytest.raises(ConfigError, match="no such file"):
        read_site(tmp_path)


ASKS = re.compile(r"^Job \d+: (.*?) \[(?:(\d+) GPU, )?cores: (\d+), (\d+) MB, (\d+) min\]$", flags=re.MULTILINE)


def asked_by(job: JobResources) -> tuple[int, ...]:
    return (job.gpu, job.threads, job.memory_mb, job.minutes)


def test_every_job_of_the_published_run_asks_for_what_the_configuration_says(tmp_path: Path) -> None:
    """A dry-run under the SLURM profile, which needs no SLURM."""
    jobs = PUBLISHED.jobs
    on_gpus = {
        "Asking the LLM for question–answer pairs": asked_by(jobs.questions),
        "Training the modality classifier": asked_by(jobs.modality),
        "Predicting the modality of every image and calibrating the probabilities": asked_by(jobs.modality),
        f"Scoring {BASELINE}": asked_by(jobs.metrics),
    }
    for system in PUBLISHED.systems:
        asks = PUBLISHED.models[system].resources
        on_gpus[f"Training {system}"] = (asks.gpu, asks.threads, asks.train_memory_mb, asks.train_minutes)
        for arm in PUBLISHED.models[system].generation.arms:
            predicting = (1, asks.threads, asks.predict_memory_mb, asks.predict_minutes)
            on_gpus[f"Predicting with {system}, arm {arm}"] = predicting
        on_gpus[f"Scoring {system}"] = asked_by(jobs.metrics)

    (tmp_path / "config.yaml").write_text(commented_yaml(PUBLISHED), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n", "--directory", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name not in ("RADTUNE_SITE", "SLURM_CONF")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed[-3000:]

    found = {sentence: tuple(int(number or 0) for number in numbers) for sentence, *numbers in ASKS.findall(printed)}
    (total,) = set(re.findall(r"^total +(\d+)$", printed, flags=re.MULTILINE))
    assert len(found) == int(total) - len({"all", "fetch_ROCOv2"}), "every job that is sent to the cluster says what it asks for"
    assert {sentence: asked for sentence, asked in found.items() if asked[0]} == on_gpus
    for sentence, (_, threads, memory_mb, minutes) in found.items():
        if sentence not in on_gpus:
            assert (threads, memory_mb >= LEAST_MEMORY_MB, 20 <= minutes <= 60) == (1, True, True), sentence


def test_the_example_of_a_site_file_has_every_key_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    example = ROOT / "slurm/site.example.yaml"
    monkeypatch.setenv("RADTUNE_SITE", str(example))
    assert read_site(ROOT) == SiteSettings()
    keys = read_yaml(example)
    assert keys.keys() == SiteSettings.model_fields.keys()
    assert keys["cpu"].keys() == keys["gpu"].keys() == JobClass.model_fields.keys()
