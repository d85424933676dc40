"""The jobs of a run, held to what Snakemake says of the same configuration."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from radtune.artifacts.layout import Layout
from radtune.config.load import load_config
from radtune.workflow.jobs import jobs_of

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("workflow/runs/sample.yaml", "tests/workflow/reduced.yaml")
EVERYTHING = """
run: nowhere
images: {burned_in_text: {find: true}}
datasets:
  further:
    vqa: {folder: nowhere, format: vqa_rad}
    fetched: {folder: nowhere/fetched, format: rocov2, download: "hub:a/b@main"}
mixes: {captions: {further: [vqa, fetched]}}
models:
  visiongpt2: {generation: {shards: 3}, resources: {gpu: 2}}
  smolvlm_500m: {generation: {arms: [modality]}}
"""
"""Every optional rule at once."""


def test_jobs_are_those_of_snakemake(tmp_path: Path) -> None:
    (tmp_path / "everything.yaml").write_text(EVERYTHING)
    overlays = [*OVERLAYS, str(tmp_path / "everything.yaml")]
    config = load_config([ROOT / path for path in ("config.yaml", *overlays)])
    jobs = jobs_of(config, Layout(Path("results/nowhere")))

    def snakemake(*arguments: str) -> str:
        command = [sys.executable, "-m", "snakemake", "--nolock", "-n", *arguments, "--configfile", *overlays]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    rows = [line.split("\t") for line in snakemake("--summary").splitlines() if line.count("\t") > 3][1:]
    assert {(job.rule, str(path)) for job in jobs for path in job.outputs} == {(row[2], row[0]) for row in rows}
    commands = snakemake("--printshellcmds")
    assert {str(job.log) for job in jobs} == set(re.findall(r"radtune --log (\S+)", commands))
    asked = re.findall(r"\[(\d+) GPU, ", commands)
    assert sorted(job.gpus for job in jobs if job.gpus) == sorted(map(int, asked))
    assert len(jobs) == len({job.log for job in jobs}) > 35


def test_comments_are_those_of_the_slurm_executor() -> None:
    config = load_config([ROOT / path for path in ("config.yaml", *OVERLAYS)])
    comments = {job.comment for job in jobs_of(config, Layout(Path("results/reduced")))}
    assert {
        "rule_train_visiongpt2",
        "rule_predict_visiongpt2_wildcards_plain",
        "rule_standardise_images_wildcards_00001",
        "rule_draw_random_captions",
    } <= comments


def test_what_can_be_resumed_is_told_apart() -> None:
    config = load_config([ROOT / path for path in ("config.yaml", *OVERLAYS)])
    jobs = {job.rule: job for job in jobs_of(config, Layout(Path("results/reduced")))}
    assert jobs["train_visiongpt2"].kind == "train"
    assert jobs["predict_visiongpt2"].kind == "predict"
    assert {job.kind for rule, job in jobs.items() if not rule.endswith(("_visiongpt2", "_smolvlm_500m"))} == {"other"}
    assert jobs["train_visiongpt2"].outputs[0].name == "adapter.safetensors"
