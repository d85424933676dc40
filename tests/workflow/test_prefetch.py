"""Everything that a run loads is fetched once from a real server, and found again without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from radtune.config.base import validated
from radtune.config.documents import commented_yaml
from radtune.config.load import load_config, merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.network import OFFLINE_VARIABLES
from radtune.workflow.preflight import check_needs
from served_model import file_path, serve_model
from unruly_server import UnrulyServer, unruly_server

MODEL, BLEURT, ALIGNSCORE, ROBERTA = (letter * 40 for letter in "abcd")
"""Commits of the repositories that are served."""
WEIGHTS = bytes(range(256)) * 40_000
CHECKPOINT = b"checkpoint"
TABLE = b"ID,Caption\nA,An image\n"

TOKEN = "a-very-secret-token"


@pytest.fixture
def hub() -> Iterator[UnrulyServer]:
    """A hub with what the run below loads, and more than that in each repository."""
    with unruly_server() as server:
        serve_model(server, "org/model", MODEL, {"config.json": b"{}", "model.safetensors": WEIGHTS, "model.bin": b"pickle"})
        bleurt = {"config.json": b"{}", "spm.model": b"spm", "pytorch_model.bin": b"weights", "other.bin": b"never read"}
        serve_model(server, "lucadiliello/BLEURT-20-D12", BLEURT, bleurt)
        serve_model(server, "org/align", ALIGNSCORE, {"base.ckpt": CHECKPOINT, "large.ckpt": b"never read"})
        encoder = {"config.json": b"{}", "vocab.json": b"[]", "merges.txt": b"#", "model.safetensors": b"never read"}
        serve_model(server, "org/encoder", ROBERTA, encoder)
        server.serve("/set/train_captions.csv", TABLE)
        yield server


@pytest.fixture
def config(tmp_path: Path, hub: UnrulyServer) -> Path:
    """A run of two systems that start from the same weights, with two metrics and a data set."""
    model: dict[str, Any] = {"build": {"sources": {"model": "hub:org/model@main"}}}
    overlay = {
        "weights_cache": str(tmp_path / "weights"),
        "datasets": {
            "folder": str(tmp_path / "set"),
            "download": f"{hub.base}/set/train_captions.csv?token=${{ARCHIVE_TOKEN}}#sha256={sha256(TABLE).hexdigest()}",
        },
        "modality": {"source": "tiny:"},
        "questions": {"backend": "local", "endpoint": None, "model": "tiny:"},
        "systems": ["smolvlm_500m", "moondream2"],
        "models": {"smolvlm_500m": model, "moondream2": model},
        "metrics": {
            "metrics": ["rouge", "bleurt", "alignscore"],
            "alignscore_source": f"hub:org/align@{ALIGNSCORE}/base.ckpt",
            "alignscore_sha256": sha256(CHECKPOINT).hexdigest(),
            "alignscore_encoder": "hub:org/encoder@main",
            "relevance": [],
            "factuality": [],
        },
    }
    path = tmp_path / "config.yaml"
    values = merge(PUBLISHED.model_dump(mode="json"), overlay)
    path.write_text(commented_yaml(validated(RadtuneConfig, values, "test")), encoding="utf-8")
    return path


def prefetch(config: Path, hub: UnrulyServer, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in OFFLINE_VARIABLES}
    environment["ARCHIVE_TOKEN"] = TOKEN
    environment |= {"HF_ENDPOINT": hub.base, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"} | variables
    command = [sys.executable, "-m", "radtune", "prefetch", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def files_given(hub: UnrulyServer) -> set[str]:
    """Files whose content was asked for."""
    return {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path or path.startswith("/set/")}


def test_everything_is_fetched_once_recorded_and_found_without_a_network(
    config: Path, hub: UnrulyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    before = {need.what: need for need in check_needs(load_config([config]), cluster=True) if "radtune prefetch" in need.detail}
    assert before["models.smolvlm_500m.build.sources.model"].state == "lacking"
    assert before["metrics.bleurt_source"].state == "warning"

    first = prefetch(config, hub)
    assert first.returncode == 0, first.stdout + first.stderr
    assert files_given(hub) == {
        "config.json", "model.safetensors", "spm.model", "pytorch_model.bin", "base.ckpt", "vocab.json", "merges.txt",
        "train_captions.csv",
    }  # fmt: skip
    assert file_path("org/encoder", ROBERTA, "model.safetensors") not in hub.asked
    line = f"there  10.2 MB  {MODEL[:12]}  models.smolvlm_500m.build.sources.model and 1 more  hub:org/model@main"
    assert line.split() in [printed.split() for printed in first.stdout.splitlines()]
    assert "5 sources, 0 missing" in first.stdout

    record = json.loads((config.parent / "weights/prefetched.json").read_text())
    commits = {source: entry["revision"] for source, entry in record.items() if source.startswith("hub:")}
    assert commits == {
        "hub:org/model@main": MODEL,
        "hub:lucadiliello/BLEURT-20-D12@main": BLEURT,
        f"hub:org/align@{ALIGNSCORE}/base.ckpt": ALIGNSCORE,
        "hub:org/encoder@main": ROBERTA,
    }
    assert f"{hub.base}/set/train_captions.csv" in record
    assert not any(TOKEN in text for text in (first.stdout, first.stderr, json.dumps(record)))
    assert record["hub:org/model@main"]["bytes"] == len(WEIGHTS) + 2
    assert (config.parent / "set/train_captions.csv").read_bytes() == TABLE

    hub.files.clear()
    offline = prefetch(config, hub, HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stdout + offline.stderr
    assert [line for line in offline.stdout.splitlines() if line.startswith("there")] == [
        line for line in first.stdout.splitlines() if line.startswith("there")
    ]
    assert not [need for need in check_needs(load_config([config]), cluster=True) if "radtune prefetch" in need.detail]


def test_a_broken_connection_costs_what_was_on_its_way_and_hides_nothing_else(config: Path, hub: UnrulyServer) -> None:
    weights = hub.files[file_path("org/model", MODEL, "model.safetensors")]
    weights.failures = [(404, {})] * 100
    broken = prefetch(config, hub)
    assert broken.returncode == 1
    assert "5 sources, 1 missing" in broken.stdout
    assert "missing: models.smolvlm_500m.build.sources.model, models.moondream2.build.sources.model" in broken.stdout
    fetched = {path: len(asked) for path, asked in hub.asked.items() if path.endswith(("base.ckpt", "spm.model", ".csv"))}
    assert len(fetched) == 3

    weights.failures, weights.cut_after, weights.cuts = [], len(WEIGHTS) // 2, 1
    assert prefetch(config, hub).returncode == 0
    assert {path: len(hub.asked[path]) for path in fetched} == fetched, "what is there is not fetched again"
    assert weights.cuts == 0, "the connection did break"
    assert (config.parent / f"weights/hub/models--org--model/snapshots/{MODEL}/model.safetensors").read_bytes() == WEIGHTS


def test_a_forged_file_and_a_broken_record_are_told(config: Path, hub: UnrulyServer) -> None:
    hub.files[file_path("org/align", ALIGNSCORE, "base.ckpt")].content = b"Checkpoint"
    forged = prefetch(config, hub)
    assert forged.returncode == 1
    assert "missing: metrics.alignscore_source" in forged.stdout
    assert f"the config says {sha256(CHECKPOINT).hexdigest()}" in forged.stdout

    (config.parent / "weights/prefetched.json").write_text("{")
    broken = prefetch(config, hub)
    assert broken.returncode == 1
    assert "prefetched.json: not a record of a prefetch" in broken.stderr
    assert "delete it" in broken.stderr
