"""Bad input by way of the command line: one clear line, exit code 1, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from radtune.errors import EXIT_ERROR
from radtune.models.load import load_model
from training.tiny_world import ADAPTATION, BUILD, SEED, TRAINING, Outputs, make_world, recipe


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def refused(world, folder, environment=None, **changes):
    """What `radtune training train` says when it refuses these settings."""
    outputs = Outputs(folder / "out")
    command = [sys.executable, "-m", "radtune", "training", "train", "--mix", world.mix]
    for path in world.images:
        command += ["--images", path]
    names = ("--adapter", "--training-log", "--trained-modules", "--checkpoints")
    for name, path in zip(names, outputs.arguments(), strict=True):
        command += [name, path]
    settings = recipe().model_copy(update=changes)
    command += ["--settings", settings.canonical(), "--seed", SEED, "--weights-cache", folder / "cache"]
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
    )
    assert result.returncode == EXIT_ERROR, result.stderr
    assert "Traceback" not in result.stderr
    written = [path for path in outputs.folder.rglob("*") if path.is_file()]
    assert written == []
    problem, fix = result.stderr[result.stderr.index("error: ") :].strip().splitlines()
    assert "What to do:" in fix
    return problem


def test_a_target_that_matches_nothing(world, tmp_path):
    adaptation = ADAPTATION.model_copy(update={"targets": ("language:q_proj", "language:qkv_proj")})
    assert "'language:qkv_proj' matches no linear layer of smolvlm" in refused(world, tmp_path, adaptation=adaptation)


def test_a_truncated_checkpoint(world, tmp_path):
    model = load_model(BUILD, weights_cache=tmp_path, seed=SEED, precision="float32")
    folder = tmp_path / "checkpoint"
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    build = BUILD.model_copy(update={"sources": {"model": f"path:{folder}"}, "options": {}})
    assert f"{folder}: cannot be loaded" in refused(world, tmp_path, build=build)


class GatedHub(BaseHTTPRequestHandler):
    """Answers as the model hub does for a gated repository when the request brings no token that may read it."""

    asked: list[str]

    def do_HEAD(self):
        self.answer(b"")

    def do_GET(self):
        self.answer(json.dumps({"error": "Access to model example/gated is restricted."}).encode())

    def answer(self, body):
        type(self).asked.append(self.headers.get("Authorization", ""))
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", "Access to model example/gated is restricted.")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Silence."""


def test_a_gated_model_and_a_token_that_may_not_read_it(world, tmp_path):
    GatedHub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), GatedHub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        token = "hf_" + "q" * 34
        environment = {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_TOKEN": token,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        build = BUILD.model_copy(update={"sources": {"model": "hub:example/gated@" + "0" * 40}, "options": {}})
        problem = refused(world, tmp_path, environment, build=build)
    finally:
        server.shutdown()
        server.server_close()
    assert "hub:example/gated" in problem
    assert "gated model, and no token that may read it" in problem
    assert token not in problem
    assert GatedHub.asked, "the hub was really asked"


def test_more_processes_than_forward_passes(world, tmp_path):
    assert f"training.accumulation: {TRAINING.accumulation} forward passes" in refused(world, tmp_path, {"WORLD_SIZE": "5"})
