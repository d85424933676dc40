"""Train the modality classifier: the whole network, or its last layer on features computed once."""

from __future__ import annotations

import math
import resource
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.provenance import provenance
from radtune.config.modality import ModalitySettings
from radtune.datasets.leakage_gate import LeakageGate
from radtune.errors import ConfigError, DataError
from radtune.images.store import ImageStore
from radtune.modality.classes import CLASSES
from radtune.modality.classifier import (
    Classifier,
    NetworkInputs,
    build_network,
    device,
    head_name,
    load_backbone,
    outputs,
    save_classifier,
    without_head,
)
from radtune.progress import progress


class Examples(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Inputs of what is trained, images or features, with class numbers of shape (examples,)."""

    def __init__(self, inputs: NetworkInputs | torch.Tensor, targets: torch.Tensor) -> None:
        self._inputs, self._targets = inputs, targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._inputs[index], self._targets[index]


def train_classifier(
    labels: Path,
    images: list[Path],
    classifier: Path,
    training_log: Path,
    *,
    settings: ModalitySettings,
    seed: int,
    weights_cache: Path,
    gate: LeakageGate | None = None,
) -> None:
    """Train on the images of the split ``train``, stop early by the loss on ``valid``, keep the best state.

    Images whose class does not occur in ``train`` do not count in the validation loss: no state could be right about
    them. Where no validation image is left, all epochs are run and the last state is kept. The note of the log's
    footer says which it was. Images that give a test item away are left out where ``gate`` says so, and counted in the notes.
    Raises :class:`DataError` if there is no image to train on, or if ``gate`` stops the training.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    store = ImageStore(images)
    rows = [row for row in read_rows(labels, MODALITY_LABELS, ["item_id", "split", "label"]) if row["item_id"] in store]
    leaked = gate.leaked({row["item_id"] for row in rows if row["split"] != "test"}) if gate is not None else {}
    rows = [row for row in rows if row["item_id"] not in leaked]
    train_rows = [row for row in rows if row["split"] == "train"]
    if not train_rows:
        raise DataError(f"{labels}: no image of the split train", "check the splits of the data set and the images' quarantine")
    frequency = Counter(row["label"] for row in train_rows)
    valid_rows = [row for row in rows if row["split"] == "valid" and row["label"] in frequency]

    network = build_network(settings.backbone, len(CLASSES))
    load_backbone(network, settings.source, weights_cache, settings.sha256)
    trained, backbone = network, None
    if settings.frozen_backbone:
        trained, backbone = network.get_submodule(head_name(network)), without_head(network)
    train, valid = (_examples(part, store, settings, backbone) for part in (train_rows, valid_rows))
    weights = class_weights(frequency, settings.class_weights)
    log, best_epoch = fit(trained, train, valid, weights, settings, seed)

    save_classifier(Classifier(network, settings.backbone, CLASSES, settings.image_size), classifier)
    inputs: dict[str, Path | list[Path]] = {"labels": labels, "images": images}
    if gate is not None:
        inputs["leakage"] = gate.leakage
    record = provenance(
        __name__,
        settings,
        seed,
        inputs,
        products={"classifier": classifier},
        notes={
            "best_epoch": best_epoch,
            "training_images": dict(sorted(frequency.items())),
            "validation_images": len(valid_rows),
            "leakage_gate": gate.settings.gate if gate is not None else "warn",
            "leaked_images": len(leaked),
            "classes_without_training_images": [name for name in CLASSES if name not in frequency],
        },
    )
    write(training_log, TRAINING_LOG, log, record)


def class_weights(frequency: Counter[str], way: str) -> torch.Tensor:
    """Weight of each class in the loss, shape (classes,). ``balanced``: images / (classes that occur * images of the class), so
    that the mean over the training images is 1 (scikit-learn's definition); classes that do not occur get 1, which no
    training image ever meets."""
    if way == "none":
        return torch.ones(len(CLASSES))
    images, present = frequency.total(), len(frequency)
    return torch.tensor([images / (present * frequency[name]) if frequency[name] else 1.0 for name in CLASSES])


def fit(
    model: nn.Module, train: Examples, valid: Examples, weights: torch.Tensor, settings: ModalitySettings, seed: int
) -> tuple[list[dict[str, Any]], int]:
    """Train ``model`` in place with AdamW and weighted cross-entropy, and leave it in its best state.

    ``train`` and ``valid`` yield (input, class number). Returns the rows of the training log and the epoch of the best state,
    from 1: that of the lowest validation loss, or the last one where ``valid`` is empty. Raises :class:`ConfigError` if the
    loss is no finite number.
    """
    here = device()
    model.to(here)
    loss_of = nn.CrossEntropyLoss(weight=weights.to(here))
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    count = len(train)
    steps = settings.epochs * len(_batches(range(count), settings.batch_size))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    order = torch.Generator().manual_seed(seed)
    log: list[dict[str, Any]] = []
    best_loss, best_epoch, best_state = float("inf"), 0, {}
    start, step, samples = time.monotonic(), 0, 0
    for epoch in progress(range(1, settings.epochs + 1), "training", unit="epoch"):
        model.train()
        batches = _batches(torch.randperm(count, generator=order).tolist(), settings.batch_size)
        for inputs, targets in DataLoader(train, batch_sampler=batches, num_workers=settings.workers):
            loss = loss_of(model(inputs.to(here)), targets.to(here))
            optimiser.zero_grad()
            loss.backward()
            gradient_norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            rate = schedule.get_last_lr()[0]
            optimiser.step()
            schedule.step()
            step, samples = step + 1, samples + len(targets)
            log.append(
                _log_row(
                    start, step, samples, epoch=samples / count, event="train", loss=_finite(loss.item()), learning_rate=rate,
                    gradient_norm=gradient_norm.item(),
                )
            )  # fmt: skip
        validation_loss = mean_loss(model, valid, weights, settings)
        if validation_loss is not None:
            log.append(_log_row(start, step, samples, epoch=float(epoch), event="evaluation", validation_loss=validation_loss))
        if validation_loss is None or validation_loss < best_loss:
            best_loss, best_epoch = best_loss if validation_loss is None else validation_loss, epoch
            best_state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        elif epoch - best_epoch >= settings.patience:
            break
    model.load_state_dict(best_state)
    return log, best_epoch


@torch.inference_mode()
def mean_loss(model: nn.Module, examples: Examples, weights: torch.Tensor, settings: ModalitySettings) -> float | None:
    """Class-weighted mean cross-entropy over all ``examples``; None if there are none."""
    here = next(model.parameters()).device
    model.eval()
    total = weight = torch.zeros((), dtype=torch.float64)
    for inputs, targets in DataLoader(examples, batch_size=settings.batch_size, num_workers=settings.workers):
        losses = nn.functional.cross_entropy(model(inputs.to(here)), targets.to(here), weight=weights.to(here), reduction="sum")
        total = total + losses.cpu().double()
        weight = weight + weights[targets].double().sum()
    return _finite((total / weight).item()) if weight else None


def _finite(loss: float) -> float:
    """``loss`` itself. Raises :class:`ConfigError` if it is no finite number: no later step would mend it."""
    if not math.isfinite(loss):
        raise ConfigError(f"the training of the modality classifier diverged: its loss is {loss}", "lower modality.learning_rate")
    return loss


def _batches(order: Sequence[int], size: int) -> list[list[int]]:
    """Cut ``order`` into batches of ``size``; a last batch of one joins the one before, for batch normalisation needs two."""
    batches = [list(order[start : start + size]) for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [batches[-2] + batches[-1]]
    return batches


def _examples(rows: list[dict[str, Any]], store: ImageStore, settings: ModalitySettings, backbone: nn.Module | None) -> Examples:
    """The images of ``rows``, or what the frozen ``backbone`` makes of them, with their class numbers."""
    inputs = NetworkInputs(store, [row["item_id"] for row in rows], settings.image_size)
    targets = torch.tensor([CLASSES.index(row["label"]) for row in rows], dtype=torch.int64)
    return Examples(inputs if backbone is None else outputs(backbone, inputs, settings.workers, "features"), targets)


def _log_row(start: float, step: int, samples: int, **values: Any) -> dict[str, Any]:
    """One row of the training log; columns that do not apply are null."""
    seconds = time.monotonic() - start
    row: dict[str, Any] = dict.fromkeys(TRAINING_LOG.schema.names)
    row |= {"step": step, "samples": samples, "seconds": seconds, "samples_per_second": samples / max(seconds, 1e-9)}
    if torch.cuda.is_available():
        row["memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    else:
        row["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # KiB on Linux
    return row | values
