"""A small but complete run folder: an artifact of every kind with generated, plausible content and some hostile text."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from radtune.artifacts.digests import environment_digest, text_digest
from radtune.artifacts.io import write
from radtune.artifacts.kind import Kind
from radtune.artifacts.kinds.calibration import CALIBRATION
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.classification_report import CLASSIFICATION_REPORT
from radtune.artifacts.kinds.comparisons import COMPARISONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.confusion_matrix import CONFUSION_MATRIX
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.kinds.slice_scores import SLICE_SCORES
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.kinds.variant_agreement import VARIANT_AGREEMENT
from radtune.artifacts.layout import BASELINE, Layout
from radtune.artifacts.provenance import Provenance, record_input
from radtune.benchmark.component_recall import tabulate_components
from radtune.config.datasets import LeakageSettings
from radtune.config.metrics import BenchmarkSettings
from radtune.datasets.leakage import find_leakage

SCRIPT = "<script>document.title = 'taken over'</script>"
"""Text that must never reach a page as markup."""

RESTRICTED = "J. Doe"
"""Id and beginning of the caption of a test item that a page must not show."""

MODALITIES = ("CT", "MRI", "Other", "Radiograph", "Ultrasound")
SYSTEMS = {
    "soft_prompt_smollm2": {
        "vision": "package:some-weights==1.0/encoder.safetensors",
        "language": "package:some-llm==1.0/llm.gguf",
    },
    "paligemma_tiny": {"model": "tiny:"},
    "smolvlm_tiny": {"model": "tiny:"},
    "visiongpt2_tiny": {"vision": "tiny:", "language": "tiny:"},
}
LEVEL = {"soft_prompt_smollm2": 0.46, "paligemma_tiny": 0.08, "smolvlm_tiny": 0.05, "visiongpt2_tiny": 0.03, BASELINE: 0.24}
SHARDS = 2
ITEMS = 60


class RunMaker:
    """Writes artifacts into a run folder in the order of the flow."""

    def __init__(self, folder: Path, with_restricted: bool = False) -> None:
        self.layout = Layout(folder)
        self.with_restricted = with_restricted
        self.random = random.Random(7)

    def put(
        self,
        path: Path,
        kind: Kind,
        rows: list[dict[str, Any]],
        step: str,
        inputs: list[Path] | None = None,
        rows_in: int | None = None,
        dropped: Mapping[str, int] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        record = Provenance(
            step=f"radtune.{step}",
            settings=settings or {"threads": 1},
            seed=2025,
            inputs={path.stem: record_input(path) for path in inputs or []},
            code=text_digest(step),
            modules=(f"radtune.{step}",),
            environment=environment_digest(),
            notes={"weights": "a note"} if step == "training.train" else {},
        )
        write(path, kind, rows, record, rows_in, dropped)

    def quarantine(self, path: Path, step: str, rows: list[tuple[str, str, str]]) -> None:
        keys = ("item_id", "step", "reason", "detail")
        self.put(path, QUARANTINE, [dict(zip(keys, (i, step, r, d), strict=True)) for i, r, d in rows], step)

    def make(self) -> None:
        self.data()
        self.images()
        shards = [self.layout.images(shard, SHARDS) for shard in range(SHARDS)]
        find_leakage([self.layout.captions], shards, self.layout.leakage, settings=LeakageSettings(), seed=2025)
        self.modality()
        self.questions()
        self.mix()
        for system, sources in SYSTEMS.items():
            self.training(system, sources)
        self.results()
        self.layout.config.write_text(
            "run: sample\nseed: 2025\nmodels:\n  soft_prompt_smollm2: {licence: Llama 2 community licence}\n", encoding="utf-8"
        )

    def data(self) -> None:
        self.items: list[dict[str, Any]] = []
        for index in range(ITEMS):
            modality = MODALITIES[index % len(MODALITIES)]
            split = ("train", "train", "valid", "test")[index // len(MODALITIES) % 4]
            caption = f"Axial {modality} image {index} of the upper abdomen at the level of the coeliac trunk."
            self.items.append({"item_id": f"item_{index:03d}", "split": split, "caption": caption, "modality": modality})
        self.hostile = next(item for item in self.items if item["split"] == "test")
        self.hostile["caption"] = f"{SCRIPT} Axial CT of the chest & abdomen."
        self.hostile["item_id"] = "<img src=x onerror=alert(1)>"
        if self.with_restricted:
            self.items[-1] |= {"item_id": RESTRICTED, "caption": f"{RESTRICTED} is the name of a patient."}
        rows = [
            {
                "item_id": item["item_id"],
                "dataset": "Test set",
                "split": item["split"],
                "caption": item["caption"],
                "concepts": ["C0040405"],
                "manual_concepts": ["C0040405"],
                "restricted": item["item_id"] == RESTRICTED,
                "image_path": f"images/{index}.png",
                "image_sha256": text_digest(str(index)),
                "group_id": f"group_{index // 2}",
                "licence": ("CC-BY-4.0", "MIT")[index % 2],
                "attribution": ("A. Author, 2020", SCRIPT)[index % 2],
                "link": ("https://example.org/a", "javascript:alert(1)")[index % 2],
            }
            for index, item in enumerate(self.items)
        ]
        for row in (row for row in rows if row["restricted"]):
            row |= {"attribution": f"Clinic of {RESTRICTED}", "link": f"https://example.org/{RESTRICTED}"}
        layout = self.layout
        sources = [
            {
                "item_id": item["item_id"],
                "package": ("pydicom-data==1.0.0", "nilearn==0.13.1")[index % 2],
                "source_file": f"data/{index}.dcm",
                "frame": 0,
                "transform": "{}",
                "facts": "{}",
                "group_id": f"group_{index // 2}",
                "split": item["split"],
            }
            for index, item in enumerate(self.items)
        ]
        self.put(layout.sample_sources, SAMPLE_SOURCES, sources, "datasets.sample")
        self.quarantine(layout.sample_quarantine, "datasets.sample", [("tiny.dcm", "too_small", "16 x 16 pixels")])
        dropped = {"empty_caption": 1, "missing_image": 2}
        self.put(layout.captions, CAPTIONS, rows, "datasets.read", rows_in=ITEMS + 3, dropped=dropped)
        self.quarantine(
            layout.captions_quarantine,
            "datasets.read",
            [
                ("lost_1", "missing_image", f"images/lost_1.png {SCRIPT}"),
                ("lost_2", "missing_image", "images/lost_2.png"),
                ("mute", "empty_caption", "the caption is empty"),
            ],
        )
        concepts = [{"cui": "C0040405", "name": "X-Ray Computed Tomography", "type_ids": ["T060"]}]
        self.put(layout.concepts, CONCEPTS, concepts, "datasets.read")

    def picture(self, index: int) -> bytes:
        noise = np.random.default_rng(index).normal(70, 12, (160, 160)).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(noise).convert("RGB")
        ImageDraw.Draw(image).ellipse((30, 20 + index % 20, 130, 140), outline=(220, 220, 220), width=4)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80)
        return buffer.getvalue()

    def images(self) -> None:
        for shard in range(SHARDS):
            rows = []
            for index, item in enumerate(self.items):
                if index % SHARDS == shard and index != 0:
                    content = self.picture(index)
                    rows.append(
                        {
                            "item_id": item["item_id"],
                            "image": {"bytes": content, "path": f"{index}.jpg"},
                            "width": 160,
                            "height": 160,
                            "original_width": 320,
                            "original_height": 320,
                            "original_mode": "L",
                            "transform": '{"offset": [0, 0], "size": [160, 160]}',
                            "sha256": hashlib.sha256(content).hexdigest(),
                            "perceptual_hash": index,
                            "inner_hash": index,
                        }
                    )
            broken = [(self.items[0]["item_id"], "unreadable", "truncated file")] if shard == 0 else []
            path, step = self.layout.images(shard, SHARDS), "images.standardise"
            dropped = {"unreadable": 1} if broken else {}
            self.put(path, IMAGES, rows, step, [self.layout.captions], len(rows) + len(broken), dropped)
            self.quarantine(self.layout.images_quarantine(shard, SHARDS), step, broken)

    def modality(self) -> None:
        layout = self.layout
        labels = [
            {
                "item_id": item["item_id"],
                "split": item["split"],
                "label": item["modality"],
                "modality_cuis": [],
                "clash": index == 7,
            }
            for index, item in enumerate(self.items)
        ]
        self.put(layout.modality_labels, MODALITY_LABELS, labels, "modality.labels", [layout.captions], ITEMS)
        self.log(layout.modality_training_log, "modality.train", {"backbone": "mobilenet_v2"}, steps=30)
        predictions = [
            {
                "item_id": item["item_id"],
                "split": item["split"],
                "label": item["modality"],
                "predicted": item["modality"] if index % 6 else "CT",
                "probabilities": [
                    {"label": label, "probability": 0.8 if label == (item["modality"] if index % 6 else "CT") else 0.05}
                    for label in MODALITIES
                ],
            }
            for index, item in enumerate(self.items)
        ]
        step = "modality.predict"
        self.put(layout.modality_predictions, MODALITY_PREDICTIONS, predictions, step, [layout.modality_labels], ITEMS)
        quality = {"precision": 0.91, "recall": 0.88, "f1": 0.894, "support": 3}
        report = [{"split": "test", "label": label, **quality} for label in (*MODALITIES, "macro average", "weighted average")]
        report.append({"split": "test", "label": "accuracy", "precision": None, "recall": None, "f1": 0.9, "support": 15})
        self.put(layout.classification_report, CLASSIFICATION_REPORT, report, step)
        confusion = [
            {"split": "test", "label": a, "predicted": b, "images": 7 if a == b else int(b == "CT")}
            for a, b in itertools.product(MODALITIES, repeat=2)
        ]
        self.put(layout.confusion_matrix, CONFUSION_MATRIX, confusion, step)
        calibration = []
        for stage, bend, error in (("before", 0.72, 0.14), ("after", 0.97, 0.04)):
            for number in range(10):
                confidence, images = (number + 0.5) / 10, number * number
                calibration.append(
                    {
                        "split": "test",
                        "stage": stage,
                        "bin_low": number / 10,
                        "bin_high": (number + 1) / 10,
                        "images": images,
                        "mean_confidence": confidence if images else None,
                        "accuracy": confidence * bend if images else None,
                        "expected_calibration_error": error,
                        "temperature": 1.7,
                    }
                )
        self.put(layout.calibration, CALIBRATION, calibration, step)

    def questions(self) -> None:
        layout = self.layout
        replies = [
            {
                "item_id": item["item_id"],
                "request_sha256": text_digest(item["item_id"]),
                "prompt": "Write questions.",
                "prompt_version": "v1",
                "reply": f"Q: What is shown? A: {SCRIPT}",
                "backend": "local",
                "endpoint": "tiny:",
                "model": "tiny",
                "model_digest": text_digest("tiny"),
                "finish_reason": "stop",
                "seconds": 0.1,
            }
            for item in self.items
        ]
        self.put(layout.llm_replies, LLM_REPLIES, replies, "questions.write", [layout.captions], ITEMS)
        verdicts: list[list[str]] = [[], [], ["not_supported"], ["leaks_answer", "not_supported"], ["no_pair"], ["duplicate"]]
        pairs = []
        for index, item in enumerate(self.items):
            reasons = verdicts[index % len(verdicts)]
            nothing = reasons == ["no_pair"]
            pairs.append(
                {
                    "question_id": f"q{index:03d}",
                    "item_id": item["item_id"],
                    "split": item["split"],
                    "question": "" if nothing else "Which modality is shown in the image?",
                    "answer": "" if nothing else f"{item['modality']} {SCRIPT if index == 2 else ''}",
                    "origin": "llm",
                    "accepted": not reasons,
                    "reasons": reasons,
                }
            )
        self.put(layout.question_pairs, QUESTION_PAIRS, pairs, "questions.filter", [layout.captions, layout.llm_replies], ITEMS)
        self.known = [
            {**pair, "question_id": f"k{index:03d}", "question": "What plane?", "answer": "axial", "origin": "known"}
            | {"accepted": True, "reasons": []}
            for index, pair in enumerate(pairs)
        ]
        self.put(layout.known_pairs, QUESTION_PAIRS, self.known, "questions.known", [layout.captions, layout.concepts], ITEMS)

    def mix(self) -> None:
        rows = [
            {
                "row_id": item["item_id"],
                "item_id": item["item_id"],
                "split": item["split"],
                "task": "caption",
                "prompt": "",
                "target": item["caption"],
                "origin": "captions",
                "why": "a caption",
            }
            for item in self.items
            if item["split"] != "test"
        ]
        dropped = {"no_usable_image": 1, "other_split": ITEMS - len(rows)}
        layout, step = self.layout, "mixes.build"
        self.put(layout.mix("captions"), MIX, rows[1:], step, [layout.captions], ITEMS, dropped)
        self.quarantine(
            layout.mix_quarantine("captions"), step, [(rows[0]["item_id"], "no_usable_image", "not among the images")]
        )

    def log(self, path: Path, step: str, settings: Mapping[str, Any], steps: int = 120, inputs: list[Path] | None = None) -> None:
        rows = []
        for number in range(1, steps + 1):
            common = {
                "step": number,
                "epoch": number / 20,
                "learning_rate": 1e-4 * (1 - number / (steps + 1)),
                "gradient_norm": 1.0,
                "samples": number * 8,
                "tokens": number * 900,
                "samples_per_second": 10.0,
                "tokens_per_second": 1000.0,
                "seconds": number * 0.9,
                "memory_mb": 1234.5,
            }
            loss = 0.8 + 4 / (1 + number / 9) + self.random.gauss(0, 0.08)
            rows.append({**common, "event": "train", "loss": loss, "validation_loss": None})
            if number % 12 == 0:
                held_out = 1.3 + 3.4 / (1 + number / 9) + 0.9 * (number / steps) ** 4
                rows.append({**common, "event": "evaluation", "loss": None, "validation_loss": held_out})
        self.put(path, TRAINING_LOG, rows, step, inputs, settings=settings)

    def training(self, system: str, sources: dict[str, str]) -> None:
        settings = {
            "build": {"family": system.rsplit("_", 1)[0], "sources": sources},
            "adaptation": {"strategy": "targeted", "rank": 16},
            "training": {"mix": "captions", "learning_rate": 1e-4},
        }
        layout = self.layout
        self.log(layout.training_log(system), "training.train", settings, inputs=[layout.mix("captions")])
        modules = [
            {"module": f"layers.{n}.q_proj", "tower": tower, "way": "lora", "parameters": 460_800, "total_parameters": 20_000_000}
            for n, tower in enumerate(("vision", "connector", "language", "language"))
        ]
        self.put(layout.trained_modules(system), TRAINED_MODULES, modules, "training.train", settings=settings)

    def results(self) -> None:
        layout = self.layout
        test = [item for item in self.items if item["split"] == "test"]
        table: list[dict[str, Any]] = []
        for system, level in LEVEL.items():
            arms = ("plain",) if system == BASELINE else ("plain", "modality")
            scores: list[dict[str, Any]] = []
            for arm in arms:
                rows = []
                for item, draw in itertools.product(test, range(3 if system == BASELINE else 1)):
                    text = f"{item['modality']} image written by {system} in arm {arm}, draw {draw}."
                    rows.append(
                        (
                            f"caption:{item['item_id']}",
                            item,
                            "caption",
                            "Describe this medical image.",
                            text,
                            item["caption"],
                            draw,
                        )
                    )
                if system.startswith("paligemma"):
                    for pair in self.known:
                        item = next(item for item in self.items if item["item_id"] == pair["item_id"])
                        if item["split"] == "test":
                            prompt = f"{arm} prompt: {pair['question']}"
                            rows.append((f"question:{pair['question_id']}", item, "question", prompt, "axial", pair["answer"], 0))
                if system == "smolvlm_tiny":
                    rows[0] = (*rows[0][:4], f"{SCRIPT}{'very long ' * 30}", *rows[0][5:])
                    rows[1] = (*rows[1][:4], "", *rows[1][5:])
                predictions = [
                    {
                        "prediction_id": f"{row_id}#{draw}" if system == BASELINE else row_id,
                        "row_id": row_id,
                        "item_id": item["item_id"],
                        "group_id": f"group of {item['item_id']}",
                        "system": system,
                        "arm": arm,
                        "task": task,
                        "prompt": prompt,
                        "prediction": text,
                        "reference": reference,
                        "generated_tokens": 12,
                        "stopped": "end",
                    }
                    for row_id, item, task, prompt, text, reference, draw in rows
                ]
                path = layout.predictions(system, arm)
                step = "inference.baseline" if system == BASELINE else "inference.predict"
                self.put(path, PREDICTIONS, predictions, step, [layout.captions], len(rows))
                for row in predictions:
                    metrics = (
                        ("rouge1", "concept_f1", "modality_accuracy") if row["task"] == "caption" else ("exact_match", "rouge1")
                    )
                    for metric in metrics:
                        value = min(1.0, max(0.0, self.random.gauss(level + 0.03 * (arm == "modality"), 0.1)))
                        if metric == "exact_match":
                            value = float(self.random.random() < 0.4)
                        keys = ("prediction_id", "row_id", "item_id", "group_id", "system", "arm", "task")
                        scores.append({key: row[key] for key in keys} | {"metric": metric, "value": value})
            self.put(layout.scores(system), SCORES, scores, "metrics.score", [layout.predictions(system, arm) for arm in arms])
            signatures = [
                {
                    "system": system,
                    "arm": arm,
                    "metric": metric,
                    "signature": json.dumps({"metric": metric, "library": "1.0"}),
                    "items": len(test),
                    "unavailable_items": len(test) if metric == "bertscore" else 0,
                    "total": None,
                    "empty_predictions": 1,
                    "available": metric != "bertscore",
                    "reason": "the weights of MiniLM could not be fetched" if metric == "bertscore" else "",
                }
                for arm in arms
                for metric in ("rouge1", "bertscore", "concept_f1", "modality_accuracy")
            ]
            self.put(layout.metric_signatures(system), METRIC_SIGNATURES, signatures, "metrics.score")
            for arm, task, metric in sorted({(row["arm"], row["task"], row["metric"]) for row in scores}):
                values = [row["value"] for row in scores if (row["arm"], row["task"], row["metric"]) == (arm, task, metric)]
                mean = float(np.mean(values))
                ends = {"low": mean - 0.04, "high": mean + 0.04, "confidence": 0.95, "items": len(test), "groups": 9}
                table.append({"system": system, "arm": arm, "task": task, "metric": metric, "mean": mean, **ends})
        paths = [layout.scores(system) for system in LEVEL]
        self.put(layout.system_scores, SYSTEM_SCORES, table, "benchmark.systems", paths)
        means = {(row["task"], row["metric"], row["system"], row["arm"]): row["mean"] for row in table}
        tests = []
        for (task, metric, a, arm_a), (task_b, metric_b, b, arm_b) in itertools.combinations(sorted(means), 2):
            both_plain = arm_a == arm_b == "plain"
            if (task, metric) != (task_b, metric_b) or not (both_plain or a == b or BASELINE in (a, b)):
                continue
            difference = means[task, metric, a, arm_a] - means[task, metric, b, arm_b]
            p_value = 0.0004 if abs(difference) > 0.15 else 0.21
            tests.append(
                {
                    "task": task,
                    "metric": metric,
                    "system_a": a,
                    "arm_a": arm_a,
                    "system_b": b,
                    "arm_b": arm_b,
                    "difference": difference,
                    "low": difference - 0.06,
                    "high": difference + 0.06,
                    "p_value": p_value,
                    "p_holm": min(1.0, 2 * p_value),
                    "items": len(test),
                    "groups": 9,
                }
            )
        self.put(layout.comparisons, COMPARISONS, tests, "benchmark.compare", paths)
        agreement = {"difference": -0.012, "low": -0.02, "high": -0.004, "limit_low": -0.1, "limit_high": 0.076, "spearman": 0.93}
        agreement |= {"task": "caption", "metric_a": "rouge1", "metric_b": "rougeL", "kendall": None, "items": 90, "systems": 8}
        self.put(layout.variant_agreement, VARIANT_AGREEMENT, [agreement], "benchmark.agreement", paths)
        slices = [
            row | {"slicing": slicing, "slice": name, "place": place, "items": 4 + place, "groups": 3}
            for row in table
            for slicing, names in (("caption length", ("up to 9 words", "10 words or more")), ("modality", MODALITIES))
            for place, name in enumerate(names)
            if (row["system"], name) != ("visiongpt2_tiny", "Ultrasound")
        ]
        self.put(layout.slice_scores, SLICE_SCORES, slices, "benchmark.slices", paths)
        written = [layout.predictions(system, arm) for system in LEVEL for arm in ("plain", "modality")]
        existing = [path for path in written if path.is_file()]
        tabulate_components(existing, layout.caption_components, settings=BenchmarkSettings(resamples=50), seed=2025)
