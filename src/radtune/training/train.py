"""Train one model on one mix: the step that makes an adapter, its training log and the list of what it trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.provenance import provenance
from radtune.config.models import TrainStep
from radtune.errors import DataError
from radtune.images.staging import staged
from radtune.images.store import ImageStore
from radtune.models.adaptation import adapt
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model
from radtune.training.adapter_file import AdapterMetadata, read_adapter_metadata, write_adapter
from radtune.training.checkpoints import Checkpoints, fingerprint, remove_all
from radtune.training.device import attention_implementation, choose_device
from radtune.training.folder_lock import LOCK_WAIT_SECONDS, locked
from radtune.training.loop import Rows, Trainer
from radtune.training.ranks import Ranks, joined_ranks
from radtune.training.termination import on_sigterm

_NO_IMAGE = Image.new("RGB", (1, 1))
"""Stands in where only the text of an example matters."""


def train(
    mix: Path,
    images: list[Path],
    adapter: Path,
    training_log: Path,
    trained_modules: Path,
    checkpoints: Path,
    *,
    settings: TrainStep,
    seed: int,
    weights_cache: Path,
    scratch: str | None = None,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
) -> None:
    """Train the model that ``settings`` describes on the ``train`` rows of ``mix``, keeping the state with the lowest
    loss on its ``valid`` rows.

    Resumes from ``checkpoints`` if the same training (settings, seed, code and content of the inputs) was cut short,
    and removes them when it is done. Writes ``adapter`` (safetensors: every trained tensor by name), ``training_log``
    and ``trained_modules``. Called by each process that `torchrun` starts, it shares the work with the others; only the first
    writes. The images are read from copies on the node's disk ``scratch``, if given (:mod:`radtune.images.staging`).

    Raises :class:`radtune.training.termination.Stopped` if SIGTERM came (the state is saved), :class:`DataError` if the mix
    cannot be trained on, and :class:`RadtuneError` if the training diverges or another process is training into the
    same folder.
    """
    family = f"radtune.models.families.{settings.build.family}"  # loaded by name, so no import shows it
    mark = fingerprint(settings, seed, code_digest(__name__, family), [mix, *images])
    device = choose_device(settings.training.threads)
    with (
        on_sigterm() as stop,
        joined_ranks(device, settings.training) as ranks,
        _locked_by_first(ranks, checkpoints, lock_wait_seconds) as twin_was_here,
    ):
        if ranks.any(twin_was_here and _is_done(mark, adapter, training_log, trained_modules)):
            if ranks.first:
                print(f"{adapter}: made by the process that was waited for", file=sys.stderr)  # noqa: T201
            return
        model = load_model(settings.build, weights_cache=weights_cache, seed=seed, precision=settings.training.precision)
        modules = adapt(model, settings.adaptation, seed=seed)
        model.network.to(device)
        if settings.training.activation_checkpointing:
            model.enable_activation_checkpointing()
        train_rows, valid_rows = read_mix(mix, ImageStore(staged(images, scratch)), model)
        trainer = Trainer(
            model,
            train_rows,
            valid_rows,
            Checkpoints(checkpoints, mark),
            stop,
            ranks,
            settings=settings.training,
            adaptation=settings.adaptation,
            seed=seed,
        )
        if ranks.first and not valid_rows.lengths:
            print(f"{mix}: no rows of the split `valid`; the last state is kept instead of the best", file=sys.stderr)  # noqa: T201
        tensors = trainer.run()
        if not ranks.first:
            return

        write_adapter(adapter, tensors, AdapterMetadata(mark, seed, settings))
        progress = trainer.progress
        source = provenance(
            __name__,
            settings,
            seed,
            inputs={"mix": mix, "images": images},
            loaded=[family],
            products={"adapter": adapter},
            notes={
                "fingerprint": mark,
                "total_steps": trainer.total_steps,
                "steps": progress.step,
                "best_step": progress.best_step,
                "kept": "best" if progress.best_step is not None else "last",
                "attention_implementation": attention_implementation(model.network),
                "device": device.type,
                "processes": ranks.count,
            },
        )
        write(training_log, TRAINING_LOG, progress.log, source)
        write(trained_modules, TRAINED_MODULES, [vars(module) for module in modules], source)
        remove_all(checkpoints)


def read_mix(mix: Path, store: ImageStore, model: FamilyModel) -> tuple[Rows, Rows]:
    """Training and validation rows of ``mix``.

    Raises :class:`DataError` if it has no training rows, or names images that the shards do not hold.
    """
    rows = read_rows(mix, MIX)
    absent = [row["row_id"] for row in rows if row["item_id"] not in store]
    if absent:
        raise DataError(
            f"{mix}: {len(absent)} rows without an image, such as {absent[0]}", "make the mix again from these images"
        )
    train_rows, valid_rows = (_rows([row for row in rows if row["split"] == split], store, model) for split in ("train", "valid"))
    if not train_rows.lengths:
        raise DataError(f"{mix}: no rows of the split `train`", "look at the quarantine of the mix")
    return train_rows, valid_rows


def _rows(rows: list[dict[str, Any]], store: ImageStore, model: FamilyModel) -> Rows:
    by_id = {row["row_id"]: row for row in rows}

    def example(row_id: str, image: Image.Image | None = None) -> Example:
        row = by_id[row_id]
        return Example(
            row_id=row_id,
            image=image or store.image(row["item_id"]),
            task=row["task"],
            question=row["prompt"],
            target=row["target"],
        )

    return Rows({row_id: model.text_tokens(example(row_id, _NO_IMAGE)) for row_id in by_id}, example)


@contextmanager
def _locked_by_first(ranks: Ranks, folder: Path, wait_seconds: float) -> Iterator[bool]:
    """The first rank holds ``folder`` for all of them; the others learn that it does when they next meet it."""
    if ranks.first:
        with locked(folder, wait_seconds) as twin_was_here:
            yield twin_was_here
    else:
        yield False


def _is_done(mark: str, adapter: Path, training_log: Path, trained_modules: Path) -> bool:
    """Whether all outputs are there and come from the training with this fingerprint."""
    if not all(path.exists() for path in (adapter, training_log, trained_modules)):
        return False
    marks = {read_footer(path)["notes"].get("fingerprint") for path in (training_log, trained_modules)}
    return marks == {mark} and read_adapter_metadata(adapter).fingerprint == mark
