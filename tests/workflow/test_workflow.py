"""The reduced run, really run: complete, audited, and rerun exactly where a result would change."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

SMOLVLM_BRANCH = {"train_smolvlm_500m", "predict_smolvlm_500m", "score_smolvlm_500m"}
VISIONGPT2_BRANCH = {"train_visiongpt2", "predict_visiongpt2", "score_visiongpt2"}
SUMMARY = {
    "tabulate_systems",
    "tabulate_slices",
    "tabulate_components",
    "compare_variants",
    "compare_systems",
    "compare_with_papers",
    "build_report",
}

# The fixture `finished` is a Clone (conftest.py), which importlib mode does not let tests import by name.
Clone = Any


def test_run_is_complete_and_audited(finished: Clone) -> None:
    assert (finished.run / "report/index.html").is_file()
    assert "0 finding(s)" in finished.command(".venv/bin/radtune", "audit", "results/reduced")
    assert len(finished.digests()) > 25


def test_second_run_has_nothing_to_do(finished: Clone) -> None:
    assert "Nothing to be done" in finished.snakemake()


def test_touching_the_source_reruns_nothing(finished: Clone) -> None:
    for path in (finished.folder / "src").rglob("*.py"):
        path.touch()
    assert finished.planned() == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("src/radtune/training/train.py", '"""Train one model on one mix', '"""Trains one model on one mix'),
        (
            "src/radtune/training/train.py",
            "device = choose_device(settings.training.threads)\n",
            "device = choose_device(settings.training.threads)  # A comment.\n",
        ),
        ("config.yaml", "# Most passes over the mix.", "# At most so many passes."),
    ],
)
def test_comments_and_docstrings_rerun_nothing(finished: Clone, file: str, old: str, new: str) -> None:
    undo = finished.edit(file, old, new)
    assert finished.planned() == set()
    undo()


def test_a_change_of_training_code_reruns_training_and_what_follows(finished: Clone) -> None:
    undo = finished.edit(
        "src/radtune/training/train.py",
        "adapt(model, settings.adaptation, seed=seed)",
        "adapt(model, settings.adaptation, seed=seed + 0)",
    )
    assert finished.planned() == SMOLVLM_BRANCH | VISIONGPT2_BRANCH | SUMMARY
    undo()


def test_a_change_of_one_family_reruns_that_model_only(finished: Clone) -> None:
    path = finished.folder / "src/radtune/models/families/visiongpt2.py"
    before = path.read_text()
    path.write_text(before + "\n\nCHANGED = True\n")
    assert finished.planned() == VISIONGPT2_BRANCH | SUMMARY
    path.write_text(before)


def test_two_numbers_that_swap_places_rerun_that_model_only(finished: Clone) -> None:
    overlay = finished.folder / "tests/workflow/reduced.yaml"
    before = overlay.read_text()
    recipe = "  visiongpt2:\n    training: {epochs: 2, evaluations: 2, checkpoint_steps: 1}"
    assert recipe in before
    overlay.write_text(
        before.replace(
            recipe, recipe.replace("epochs: 2, evaluations: 2", "batch_size: 2, accumulation: 3, epochs: 2, evaluations: 2")
        )
    )
    one = finished.planned()
    overlay.write_text(before)
    assert one == VISIONGPT2_BRANCH | SUMMARY


def test_resources_rerun_nothing(finished: Clone) -> None:
    undo = finished.edit("tests/workflow/reduced.yaml", "  visiongpt2:\n", "  visiongpt2:\n    resources: {train_minutes: 7}\n")
    assert finished.planned() == set()
    undo()


def test_generation_settings_do_not_retrain(finished: Clone) -> None:
    undo = finished.edit(
        "tests/workflow/reduced.yaml",
        "  visiongpt2:\n    training: {epochs: 2, evaluations: 2, checkpoint_steps: 1}\n    generation: {maximum_new_tokens: 8}",
        "  visiongpt2:\n    training: {epochs: 2, evaluations: 2, checkpoint_steps: 1}\n    generation: {maximum_new_tokens: 9}",
    )
    assert finished.planned() == (VISIONGPT2_BRANCH - {"train_visiongpt2"}) | SUMMARY
    undo()


def test_another_model_prepares_no_image_again(finished: Clone) -> None:
    undo = finished.edit(
        "tests/workflow/reduced.yaml", "systems: [smolvlm_500m, visiongpt2]", "systems: [smolvlm_500m, visiongpt2, moondream2]"
    )
    assert finished.planned() == {"train_moondream2", "predict_moondream2", "score_moondream2"} | SUMMARY
    undo()


def test_shards_give_the_same_predictions(finished: Clone) -> None:
    recipe = (
        "  visiongpt2:\n    training: {epochs: 2, evaluations: 2, checkpoint_steps: 1}\n    generation: {maximum_new_tokens: 8"
    )
    predictions = finished.run / "inference/visiongpt2/plain.parquet"
    before, made = finished.digests(), []
    for more in ("batch_size: 2", "batch_size: 2, shards: 2"):
        undo = finished.edit("tests/workflow/reduced.yaml", recipe, f"{recipe}, {more}")
        finished.snakemake(str(predictions.relative_to(finished.folder)))
        undo()
        made.append((finished.footer(predictions)["step"], finished.footer(predictions)["content_digest"]))
    assert [step for step, _ in made] == ["radtune.inference.predict", "radtune.inference.gather"]
    assert made[0][1] == made[1][1]
    assert len(list((finished.run / "inference/visiongpt2/shards").glob("plain-*.parquet"))) == 2
    shutil.rmtree(finished.run / "inference/visiongpt2/shards")
    finished.snakemake()
    assert finished.digests() == before


def test_filters_do_not_ask_the_llm_again(finished: Clone) -> None:
    undo = finished.edit(
        "tests/workflow/reduced.yaml",
        "  maximum_new_tokens: 8\nsystems",
        "  maximum_new_tokens: 8\n  filters: {minimum_support: 0.7}\nsystems",
    )
    planned = finished.planned()
    undo()
    assert "filter_questions" in planned
    assert not planned & {"write_questions", "standardise_images", "train_modality_classifier"}


def test_the_port_of_a_server_is_not_taken_for_a_wildcard(finished: Clone) -> None:
    own = 'questions={backend: ollama, server_command: [server, --port, "{port}", --model, "{model}"]}'
    assert "write_questions" in finished.planned("--config", own)


def test_one_branch_is_redone_alone(finished: Clone) -> None:
    others = [path for path in finished.run.rglob("*.parquet") if "visiongpt2" not in str(path) and "benchmark" not in path.parts]
    assert len(others) > 15
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in others}
    digests = finished.digests()
    trained = (finished.run / "training/visiongpt2/adapter.safetensors").stat().st_mtime_ns
    finished.snakemake("visiongpt2", "-R", "train_visiongpt2")
    assert (finished.run / "training/visiongpt2/adapter.safetensors").stat().st_mtime_ns > trained
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in others} == before
    assert finished.digests() == digests, "the branch came out different from its first run"
    finished.snakemake()


def test_each_rule_can_be_run_by_hand_with_the_command_in_its_log(finished: Clone) -> None:
    logs = sorted((finished.run / "logs").glob("*.log"))
    assert len(logs) > 15
    for log in logs:
        assert re.match(r"\$ RADTUNE_WEIGHTS_CACHE=\S+ radtune ", log.read_text()), log
    labels = finished.run / "modality/labels.parquet"
    before = finished.digests()
    labels.rename(labels.with_suffix(".aside"))
    first = (finished.run / "logs/label_modalities.log").read_text().splitlines()[0].removeprefix("$ ")
    finished.command("bash", "-c", f"PATH=.venv/bin:$PATH {first}")
    assert finished.digests() == before
    labels.with_suffix(".aside").replace(labels)


def test_audit_finds_a_forged_caption(finished: Clone) -> None:
    import pyarrow.parquet as pq

    path = finished.run / "inference/visiongpt2/plain.parquet"
    kept = path.read_bytes()
    stamp = path.stat()
    table = pq.read_table(path)
    column = table.schema.get_field_index("prediction")
    forged = table.set_column(column, table.schema.field(column), [["forged"] * table.num_rows])
    pq.write_table(forged.replace_schema_metadata(pq.read_metadata(path).metadata), path)
    printed = finished.command(".venv/bin/radtune", "audit", "results/reduced", check=False)
    path.write_bytes(kept)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert "altered  results/reduced/inference/visiongpt2/plain.parquet" in printed
    assert "exit code 1" in printed


def test_killed_runs_end_with_the_same_content(finished: Clone, tmp_path: Path) -> None:
    """SIGKILL to the whole of `make run` at five random moments, on one core instead of two, from nothing."""
    clone = type(finished)(tmp_path / "killed")
    make = ["make", "run", "CORES=1", "OVERLAYS=workflow/runs/sample.yaml tests/workflow/reduced.yaml", "RUN=reduced"]
    chance = random.Random(20251122)
    kills = 0
    while kills < 5:
        process = subprocess.Popen(
            make, cwd=clone.folder, env=os.environ | {"PYTHONPATH": str(clone.folder / "src")}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=chance.uniform(4, 16))
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills == 5, "the run ended before five kills; make it longer or the waits shorter"
    printed = clone.command(*make)
    assert clone.digests() == finished.digests()
    assert "results/reduced/report/index.html" in printed
    assert "0 finding(s)" in clone.command(".venv/bin/radtune", "audit", "results/reduced")


def test_ctrl_c_stops_with_an_error_and_leaves_no_half_file(finished: Clone, tmp_path: Path) -> None:
    clone = type(finished)(tmp_path / "interrupted")
    process = subprocess.Popen(
        [".venv/bin/snakemake", "--configfile", "workflow/runs/sample.yaml", "tests/workflow/reduced.yaml", "--cores", "2"],
        cwd=clone.folder, env=os.environ | {"PYTHONPATH": str(clone.folder / "src")}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (clone.run / "datasets/captions.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode != 0, printed[-2000:]
    assert list(clone.folder.rglob("*.tmp")) == []
    assert set(clone.digests().items()) <= set(finished.digests().items())


def test_failing_step_names_its_problem(finished: Clone, tmp_path: Path) -> None:
    clone = type(finished)(tmp_path / "failing")
    shutil.copytree(finished.folder / "results", clone.folder / "results")
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "train_captions.csv").write_text("Name,Text\na,b\n")
    printed = clone.snakemake("--config", "run=broken", f"datasets={{folder: {folder}}}", check=False)
    assert "exit code 1" in printed
    assert "train_captions.csv" in printed
    assert "error:" in printed


def test_wrong_configuration_is_one_message(finished: Clone) -> None:
    printed = finished.snakemake("-n", "--config", "images={size: big}", "seeed=1", check=False)
    assert "images.size: 'big'" in printed
    assert "seeed: unknown key" in printed
    assert "Traceback" not in printed


def test_lint_has_no_complaint(finished: Clone) -> None:
    printed = finished.snakemake("--lint", check=False)
    assert "Congratulations, your workflow is in a good condition!" in printed, printed


def test_preflight_lists_everything_that_is_lacking_in_one_message(finished: Clone) -> None:
    printed = finished.command(".venv/bin/radtune", "preflight", "--config", "config.yaml", check=False)
    assert "exit code 1" in printed
    for what in ("question writer", "GPU", "models.paligemma_3b.build.sources.model"):
        assert re.search(rf"^lacking {re.escape(what)}: ", printed, flags=re.MULTILINE), printed


def test_five_thousand_jobs_are_planned_within_a_gigabyte(finished: Clone, tmp_path: Path) -> None:
    recipe = yaml.safe_load((finished.folder / "config.yaml").read_text())["models"]["smolvlm_500m"]
    recipe["generation"] |= {"shards": 20, "arms": ["plain", "modality"]}
    models = {f"model_{number:03d}": recipe for number in range(112)}
    (tmp_path / "many.yaml").write_text(yaml.safe_dump({"run": "many", "systems": list(models), "models": models}))
    command = ["snakemake", "--profile", "slurm", "-n", "--quiet", "rules", "--configfile", str(tmp_path / "many.yaml")]
    # In a process of its own, whose largest child is this Snakemake.
    measure = "import resource, subprocess, sys; subprocess.run([sys.executable, '-m', *sys.argv[1:]], check=True)\n"
    measure += "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    printed = finished.command(".venv/bin/python", "-c", measure, *command)
    (jobs,) = set(re.findall(r"^total +(\d+)$", printed, flags=re.MULTILINE))
    # For each model training, 40 predictions, 2 gatherings and scores.
    assert 112 * 44 < int(jobs) < 112 * 44 + 100
    (peak,) = re.findall(r"^peak (\d+)$", printed, flags=re.MULTILINE)
    assert int(peak) * 1024 < 1e9
