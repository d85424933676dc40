"""What jobs ask for: by attempt, by class, within the site's limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.config.site import JobClass, SiteSettings
from radtune.errors import ConfigError
from radtune.workflow.resources import LEAST_MEMORY_MB, asked_for, read_site


def at(resources: dict[str, Any], attempt: int) -> dict[str, Any]:
    """The values of one attempt."""
    return {name: value(None, attempt) if callable(value) else value for name, value in resources.items()}


def test_a_failed_job_asks_for_more_and_a_resumable_one_for_the_same_time() -> None:
    once = asked_for(SiteSettings(), 2_000, 60)
    assert at(once, 1) == {"mem_mb": 2_000, "runtime": 60}
    assert at(once, 3) == {"mem_mb": 6_000, "runtime": 180}
    resumed = asked_for(SiteSettings(), 2_000, 60, resumes=True)
    assert at(resumed, 3) == {"mem_mb": 6_000, "runtime": 60, "slurm_extra": "--signal=TERM@120"}


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
