"""The preflight finds what a run lacks before anything costly starts."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radtune.config.base import validated
from radtune.config.load import merge
from radtune.config.published import PUBLISHED
from radtune.config.run import RadtuneConfig
from radtune.network import OFFLINE_VARIABLES
from radtune.workflow.preflight import Need, check_needs


def configured(tmp_path: Path, **overlay: Any) -> RadtuneConfig:
    base = {"weights_cache": str(tmp_path / "weights"), "datasets": {"folder": None}, "systems": ["visiongpt2"]}
    values = merge(merge(PUBLISHED.model_dump(mode="json"), base), overlay)
    return validated(RadtuneConfig, values, "test")


def states(needs: list[Need], what: str) -> list[str]:
    return [need.state for need in needs if need.what == what]


@pytest.fixture
def ollama() -> Iterator[str]:
    """A server that lists one model as Ollama does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"models": [{"name": "llama3.1:latest", "digest": "abc"}]}).encode()
            self.send_response(200 if self.path == "/api/tags" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_server_that_offers_the_model(tmp_path: Path, ollama: str) -> None:
    assert states(check_needs(configured(tmp_path, questions={"endpoint": ollama})), "question writer") == ["there"]


def test_server_without_the_model(tmp_path: Path, ollama: str) -> None:
    needs = check_needs(configured(tmp_path, questions={"endpoint": ollama, "model": "other"}))
    assert states(needs, "question writer") == ["lacking"]


def test_server_that_is_down(tmp_path: Path) -> None:
    needs = check_needs(configured(tmp_path, questions={"endpoint": "http://127.0.0.1:9"}))
    assert states(needs, "question writer") == ["lacking"]


def test_server_that_the_job_starts_needs_its_program(tmp_path: Path) -> None:
    def needs(program: str) -> list[str]:
        questions = {"server_command": [program, "serve"], "endpoint": "http://127.0.0.1:9"}
        return states(check_needs(configured(tmp_path, questions=questions)), "question writer")

    assert needs(sys.executable) == ["there"]
    assert needs("no-such-server") == ["lacking"]


def test_local_writer_needs_no_server(tmp_path: Path) -> None:
    needs = check_needs(configured(tmp_path, questions={"backend": "local", "endpoint": None, "model": "tiny:"}))
    assert states(needs, "question writer") == []


def test_folder_without_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that will be fetched is no lack, unless the network is forbidden or ``download`` names another data set."""
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)

    def state(**datasets: object) -> list[str]:
        return states(check_needs(configured(tmp_path, datasets={"folder": str(tmp_path / "set"), **datasets})), "datasets")

    assert state(download=None) == ["lacking"]
    assert state() == ["there"]
    assert state(format="slake") == ["lacking"]
    monkeypatch.setenv("RADTUNE_OFFLINE", "1")
    assert state() == ["lacking"]
    (tmp_path / "set").mkdir()
    (tmp_path / "set/train_captions.csv").write_text("ID,Caption\n")
    assert state() == state(download=None) == ["there"]


def test_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "models.visiongpt2.build.sources.vision"

    def with_source(source: str, sha256: str | None = None) -> list[str]:
        build = {"sources": {"vision": source}, "sha256": {"vision": sha256} if sha256 else {}}
        return states(check_needs(configured(tmp_path, models={"visiongpt2": {"build": build}})), key)

    commit = "0123456789abcdef0123456789abcdef01234567"
    assert with_source("tiny:") == ["there"]
    assert with_source("nonsense") == ["lacking"]
    assert with_source(f"path:{tmp_path}/absent") == ["lacking"]
    assert with_source("package:six==1.17.0/six.py") == ["lacking"]
    assert with_source("package:six==1.17.0/six.py", "0" * 64) == ["there"]
    assert with_source("hub:org/name@main") == ["warning"]
    assert with_source(f"hub:org/name@{commit}") == ["there"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert with_source(f"hub:org/name@{commit}") == ["lacking"]
    (tmp_path / f"weights/hub/models--org--name/snapshots/{commit}").mkdir(parents=True)
    assert with_source(f"hub:org/name@{commit}") == ["there"]


def test_weights_of_metrics_are_named_and_their_absence_is_a_warning(tmp_path: Path) -> None:
    def similarity(**metrics: Any) -> list[str]:
        return states(check_needs(configured(tmp_path, metrics=metrics)), "metrics.similarity_source")

    assert similarity() == ["there"]  # of a pinned commit, to be downloaded
    assert similarity(similarity_source=f"path:{tmp_path}/absent") == ["warning"]
    assert similarity(metrics=["rouge"], relevance=[], factuality=[]) == []


def test_gated_model_wants_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    needs = check_needs(configured(tmp_path, systems=["paligemma_3b"]))
    (gated,) = [need for need in needs if need.state == "lacking" and "gated" in need.detail]
    assert gated.what == "models.paligemma_3b.build.sources.model"
    assert "HF_TOKEN" in gated.detail


def test_gpu_is_the_schedulers_affair_on_a_cluster(tmp_path: Path) -> None:
    assert states(check_needs(configured(tmp_path), cluster=True), "GPU") == []
    assert len(states(check_needs(configured(tmp_path)), "GPU")) == 1
    without = {"visiongpt2": {"resources": {"gpu": 0}}}
    assert len(states(check_needs(configured(tmp_path, models=without)), "GPU")) == 1, "other jobs want one too"
    jobs = {room: {"gpu": 0} for room in ("modality", "questions", "metrics")}
    assert states(check_needs(configured(tmp_path, models=without, jobs=jobs)), "GPU") == []


def test_training_that_does_not_fit_the_gpu(tmp_path: Path) -> None:
    def needs(gib: float) -> list[Need]:
        overlay = {"systems": ["visiongpt2", "smolvlm_500m"], "planning": {"memory_gib": gib, "device": "a GPU"}}
        return check_needs(configured(tmp_path, **overlay), cluster=True)

    assert states(needs(80.0), "GPU memory of visiongpt2") == ["there"]
    tight = needs(6.0)
    assert states(tight, "GPU memory of visiongpt2") == ["there"]
    (warning,) = [need for need in tight if need.what == "GPU memory of smolvlm_500m"]
    assert warning.state == "warning"
    assert warning.detail.startswith("6.4 GiB planned")
    assert "6.0 GiB on a GPU" in warning.detail


def test_target_that_matches_nothing(tmp_path: Path) -> None:
    models = {"smolvlm_500m": {"adaptation": {"strategy": "targeted", "targets": ["language:nothing"]}}}
    (need,) = [
        need
        for need in check_needs(configured(tmp_path, systems=["smolvlm_500m"], models=models), cluster=True)
        if need.what == "models.smolvlm_500m"
    ]
    assert need.state == "lacking"
    assert "language:nothing" in need.detail


def test_fetched_weights_want_no_more_disk(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    models = {"smolvlm_500m": {"build": {"sources": {"model": f"hub:org/name@{commit}"}}}}
    config = configured(tmp_path, systems=["smolvlm_500m"], models=models, modality={"source": "tiny:"}, metrics={"metrics": []})

    def wanted_mb() -> int:
        (disk,) = [need for need in check_needs(config, cluster=True) if need.what == "disk"]
        return int(disk.detail.partition("here, ")[2].partition(" MB")[0].replace(",", ""))

    assert wanted_mb() == 44_000
    (tmp_path / f"weights/hub/models--org--name/snapshots/{commit}").mkdir(parents=True)
    assert wanted_mb() == 12_000
