"""Ask a trained model about the test split: the step that makes ``predictions``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from PIL import Image

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.models import PredictStep
from radtune.errors import ArtifactError, ConfigError
from radtune.images.staging import staged
from radtune.images.store import ImageStore
from radtune.inference.partial import load_batch, partial_folder, remove, save_batch
from radtune.inference.rows import TestRow, batches_of_shard, read_test_rows
from radtune.models.adaptation import adapt, load_trained_state, merge_adapters
from radtune.models.family import Example, FamilyModel, Generated
from radtune.models.load import load_model
from radtune.progress import progress
from radtune.training.adapter_file import read_adapter_metadata
from radtune.training.checkpoints import fingerprint
from radtune.training.device import attention_implementation, choose_device
from radtune.training.folder_lock import locked
from radtune.training.termination import Stopped, StopRequest, on_sigterm

NO_IMAGE = Image.new("RGB", (1, 1))
"""Stands in where only the text of an example matters."""


def predict(
    captions: Path,
    questions: list[Path],
    images: list[Path],
    adapter: Path,
    modality_predictions: Path | None,
    output: Path,
    *,
    system: str,
    arm: Literal["plain", "modality"],
    shard: int = 0,
    settings: PredictStep,
    seed: int,
    weights_cache: Path,
    scratch: str | None = None,
) -> None:
    """Write what the model with ``adapter`` says to every test caption and accepted test question of
    ``settings.generation.tasks``; with several `generation.shards`, those of shard number ``shard`` (from 0), which
    :func:`radtune.inference.gather.gather` then puts together.

    In the arm `modality` the modality that ``modality_predictions`` predicts comes before each prompt; in `plain` that
    file is not read. Batches are formed from the sorted row ids. Finished batches outlive a kill
    (:mod:`radtune.inference.partial`). The images are read from copies on the node's disk ``scratch``, if given
    (:mod:`radtune.images.staging`).

    Raises :class:`ConfigError` if the arm lacks its input or there is no such shard, :class:`ArtifactError` if the adapter was
    trained for another build, and :class:`radtune.training.termination.Stopped` if SIGTERM came (the finished batches are kept).
    """
    if arm == "modality" and modality_predictions is None:
        raise ConfigError("--arm modality without --modality-predictions", "pass the predictions of the modality classifier")
    if arm == "plain":
        modality_predictions = None
    generation = settings.generation
    if not 0 <= shard < generation.shards:
        raise ConfigError(
            f"--shard {shard}: generation.shards is {generation.shards}", f"choose from 0 to {generation.shards - 1}"
        )
    trained = read_adapter_metadata(adapter)
    if (trained.settings.build, trained.settings.adaptation) != (settings.build, settings.adaptation):
        raise ArtifactError(f"{adapter}: trained for other `build` or `adaptation` settings than these", "train the model again")

    inputs: dict[str, Path | list[Path]] = {"captions": captions, "questions": questions, "images": images, "adapter": adapter}
    if modality_predictions is not None:
        inputs["modality_predictions"] = modality_predictions
    flat = [path for value in inputs.values() for path in (value if isinstance(value, list) else [value])]
    family = f"radtune.models.families.{settings.build.family}"  # loaded by name, so no import shows it
    mark = fingerprint(settings, seed, code_digest(__name__, family), flat)

    store = ImageStore(staged(images, scratch))
    test = read_test_rows(captions, questions, store, modality_predictions, generation.tasks)
    batches = batches_of_shard(test.rows, generation.batch_size, shard, generation.shards)
    rows = [row for batch in batches.values() for row in batch]
    device = choose_device(generation.threads)
    # The adapter's own seed: what a tiny model and fresh layers are made from belongs to the training.
    model = load_model(settings.build, weights_cache=weights_cache, seed=trained.seed, precision=generation.precision)
    adapt(model, settings.adaptation, seed=trained.seed)
    load_trained_state(model, adapter)
    if generation.merged:
        merge_adapters(model)
    model.network.to(device).eval()

    with on_sigterm() as stop, locked(partial_folder(output)):
        answers = generate(model, batches, store, partial_folder(output) / mark, generation.maximum_new_tokens, stop)
        write(
            output,
            PREDICTIONS,
            (
                {
                    "prediction_id": row.row_id,
                    "row_id": row.row_id,
                    "item_id": row.item_id,
                    "group_id": row.group_id,
                    "system": system,
                    "arm": arm,
                    "task": row.task,
                    "prompt": model.prompt_text(_example(row, NO_IMAGE)),
                    "prediction": answer.text,
                    "reference": row.reference,
                    "generated_tokens": answer.tokens,
                    "stopped": answer.stopped,
                }
                for row, answer in zip(rows, answers, strict=True)
            ),
            provenance(
                __name__,
                settings,
                seed,
                inputs=inputs,
                loaded=[family],
                notes={
                    "precision": generation.precision,
                    "batch_size": generation.batch_size,
                    "attention_implementation": attention_implementation(model.network),
                    "device": device.type,
                    "adapter_fingerprint": trained.fingerprint,
                },
            ),
            # What was dropped is in no batch; where there are several shards, it is counted when they are gathered.
            rows_in=test.rows_in if generation.shards == 1 else len(rows),
            dropped=test.dropped if generation.shards == 1 else {},
        )
        remove(output)


def generate(
    model: FamilyModel,
    batches: Mapping[int, Sequence[TestRow]],
    store: ImageStore,
    folder: Path,
    maximum_new_tokens: int,
    stop: StopRequest,
) -> list[Generated]:
    """The model's answer to each row of the numbered batches, in order; those that ``folder`` holds are not generated again.

    Raises :class:`radtune.training.termination.Stopped` before the next batch once ``stop`` is requested.
    """
    answers: list[Generated] = []
    for number, batch in progress(batches.items(), "predict", unit="batch"):
        generated = load_batch(folder, number)
        if generated is None:
            if stop.requested:
                raise Stopped
            with torch.inference_mode():
                collated = model.collate([_example(row, store.image(row.item_id)) for row in batch])
                generated = model.generate(collated, maximum_new_tokens)
            save_batch(folder, number, generated)
        answers += generated
    return answers


def _example(row: TestRow, image: Image.Image) -> Example:
    return Example(row_id=row.row_id, image=image, task=row.task, question=row.question, prefix=row.prefix)
