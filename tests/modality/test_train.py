from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import content_digest, read_footer, read_rows, write
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.config.modality import ModalitySettings
from radtune.datasets.leakage_gate import LeakageGate
from radtune.errors import ConfigError, DataError
from radtune.images.store import ImageStore
from radtune.modality.classes import CLASSES
from radtune.modality.classifier import NetworkInputs, load_classifier, outputs
from radtune.modality.train import _batches, class_weights, train_classifier

LEARNS = {"backbone": "resnet18", "image_size": 32}
"""The smallest backbone here whose random weights tell the pictures apart."""


def run(
    pictures: Any, folder: Path, settings: ModalitySettings, seed: int = 1, gate: LeakageGate | None = None
) -> tuple[Path, list[dict[str, Any]], dict[str, Any]]:
    """Classifier, training log and footer of a training."""
    folder.mkdir(exist_ok=True)
    classifier, log = folder / "classifier.safetensors", folder / "log.parquet"
    train_classifier(
        pictures.labels, pictures.images, classifier, log, settings=settings, seed=seed, weights_cache=folder, gate=gate
    )
    return classifier, read_rows(log, TRAINING_LOG), read_footer(log)


def accuracy(classifier: Path, pictures: Any, split: str) -> float:
    """Share of the pictures of ``split``, but for the class that training never saw, that are recognised."""
    model, store = load_classifier(classifier), ImageStore(pictures.images)
    ids = [item for item in store.item_ids if item.startswith(split) and "Other" not in item]
    chosen = outputs(model.network, NetworkInputs(store, ids, model.image_size), 0, "test").argmax(dim=1).tolist()
    return sum(model.classes[number] in item for number, item in zip(chosen, ids, strict=True)) / len(ids)


def test_frozen_backbone_learns_and_stays_as_it_was(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    settings = frozen.model_copy(update=LEARNS | {"epochs": 15})
    classifier, log, footer = run(pictures, tmp_path, settings)
    assert accuracy(classifier, pictures, "test") > 0.8  # one class in three by chance
    evaluations = [row["validation_loss"] for row in log if row["event"] == "evaluation"]
    assert min(evaluations) < 0.7 * evaluations[0]
    assert footer["notes"]["best_epoch"] == 1 + evaluations.index(min(evaluations))
    assert footer["notes"]["training_images"] == {"CT": 20, "MRI": 12, "Ultrasound": 8}
    assert footer["notes"]["validation_images"] == 15  # without the one of a class that training never saw
    assert footer["notes"]["classes_without_training_images"] == ["Radiograph", "Other"]
    assert footer["products"] == {str(classifier): file_digest(classifier)}
    other, _, _ = run(pictures, tmp_path / "other", settings.model_copy(update={"epochs": 1}))
    first, second = load_classifier(classifier).network.state_dict(), load_classifier(other).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first if not name.startswith("fc."))
    assert not torch.equal(first["fc.weight"], second["fc.weight"])


def test_full_fine_tuning_learns(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    settings = frozen.model_copy(update=LEARNS | {"frozen_backbone": False, "epochs": 4, "learning_rate": 1e-3})
    classifier, log, _ = run(pictures, tmp_path, settings)
    assert accuracy(classifier, pictures, "test") > 0.8
    steps = [row for row in log if row["event"] == "train"]
    assert [row["step"] for row in steps] == list(range(1, len(steps) + 1))
    assert steps[0]["learning_rate"] == pytest.approx(1e-3)
    assert all(a["learning_rate"] > b["learning_rate"] for a, b in pairwise(steps))
    assert all(row["loss"] > 0 and row["gradient_norm"] > 0 for row in steps)


def test_two_runs_agree_whatever_the_order_of_shards(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    settings = frozen.model_copy(update={"frozen_backbone": False, "epochs": 2})
    first, _, _ = run(pictures, tmp_path / "first", settings)
    turned = type(pictures)(pictures.captions, pictures.labels, pictures.images[::-1])
    second, _, _ = run(turned, tmp_path / "second", settings.model_copy(update={"workers": 1}))
    third, _, _ = run(pictures, tmp_path / "third", settings, seed=2)
    assert file_digest(first) == file_digest(second)
    assert file_digest(first) != file_digest(third)
    logs = {content_digest(tmp_path / name / "log.parquet", TRAINING_LOG) for name in ("first", "second")}
    assert len(logs) == 1


def test_training_stops_early_and_keeps_the_best_state(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    # A rate this high overshoots at once, so the loss cannot fall for long.
    settings = frozen.model_copy(update={"learning_rate": 5.0, "patience": 2, "epochs": 100})
    classifier, log, footer = run(pictures, tmp_path, settings)
    losses = [row["validation_loss"] for row in log if row["event"] == "evaluation"]
    best = footer["notes"]["best_epoch"]
    assert len(losses) == best + 2 < 100
    assert losses[best - 1] == min(losses)
    again, _, _ = run(pictures, tmp_path / "again", settings)
    assert file_digest(classifier) == file_digest(again)


def test_without_validation_images_all_epochs_are_run(make: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    pictures = make({"train": {"CT": 3, "MRI": 3}, "valid": {"Other": 2}})
    _, log, footer = run(pictures, tmp_path, frozen.model_copy(update={"epochs": 4, "patience": 1}))
    assert footer["notes"]["best_epoch"] == 4
    assert footer["notes"]["validation_images"] == 0
    assert {row["event"] for row in log} == {"train"}


def test_one_training_class_is_enough(make: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    pictures = make({"train": {"CT": 2}})
    classifier, _, _ = run(pictures, tmp_path, frozen.model_copy(update={"epochs": 20}))
    assert accuracy(classifier, pictures, "train") == 1


def test_without_training_images_there_is_nothing_to_do(make: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image of the split train"):
        run(make({"test": {"CT": 2}}), tmp_path, frozen)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_training_that_diverges_says_so(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"diverged: its loss is .*\n.*lower modality.learning_rate"):
        run(pictures, tmp_path, frozen.model_copy(update={"learning_rate": 1e37}))
    assert not list(tmp_path.iterdir())


def test_balanced_weights_are_scikit_learns() -> None:
    frequency = Counter({"CT": 90, "MRI": 73, "Other": 4})
    labels = np.array(list(frequency.elements()))
    expected = dict(zip(frequency, compute_class_weight("balanced", classes=np.array(list(frequency)), y=labels), strict=True))
    weights = class_weights(frequency, "balanced")
    assert weights.tolist() == pytest.approx([expected.get(name, 1.0) for name in CLASSES])
    assert class_weights(frequency, "none").tolist() == [1.0] * len(CLASSES)


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (4, [4]), (5, [5]), (6, [4, 2]), (9, [4, 5])])
def test_no_batch_of_one_that_batch_normalisation_would_refuse(count: int, sizes: list[int]) -> None:
    batches = _batches(range(count), 4)
    assert [len(batch) for batch in batches] == sizes
    assert [index for batch in batches for index in batch] == list(range(count))


def test_images_that_give_a_test_image_away_are_not_trained_on(pictures: Any, frozen: ModalitySettings, tmp_path: Path) -> None:
    away = {"train-CT-00": "test-CT-00", "valid-MRI-00": "test-MRI-00"}
    rows = [
        {
            **dict.fromkeys(LEAKAGE.schema.names, ""),
            **{"kind": "image", "item_id": item, "other_id": other, "other_split": "test", "distance": 0, "similarity": 1.0},
        }
        for item, other in away.items()
    ]
    leakage = tmp_path / "leakage.parquet"
    write(leakage, LEAKAGE, rows, provenance("radtune.datasets.leakage", LeakageSettings(), 1, inputs={}))
    settings = frozen.model_copy(update={"epochs": 1})
    _, _, footer = run(pictures, tmp_path / "drop", settings, gate=LeakageGate(leakage, LeakageSettings(gate="drop")))
    assert footer["notes"]["leaked_images"] == len(away)
    assert footer["notes"]["training_images"]["CT"] == 19
    assert footer["notes"]["validation_images"] == 14
    assert footer["inputs"]["leakage"]["kind"] == "leakage"
    with pytest.raises(DataError, match="give test items away: 2"):
        run(pictures, tmp_path / "stop", settings, gate=LeakageGate(leakage, LeakageSettings(gate="stop")))
    assert list((tmp_path / "stop").iterdir()) == []
