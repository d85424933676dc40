"""The training step against TRL's ``SFTTrainer``: same network, LoRA, captions, images, batch size, precision and threads.

Both decode and normalise the images of each batch, learn the captions alone and leave out checkpoints and evaluation. Those of
TRL's options that cost time and that ours does without (gradient checkpointing, autocast, logging) are off.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.captioner import BUILD, SEED, SIDE, THREADS, Captioned, captioned
from benchmarks.measure import Comparison, NotMeasured, compare
from radtune.config.models import AdaptationSettings, TrainingSettings
from radtune.models.adaptation import adapt
from radtune.models.family import FamilyModel
from radtune.models.load import load_model
from radtune.training.checkpoints import Checkpoints
from radtune.training.loop import Rows, Trainer
from radtune.training.ranks import Ranks
from radtune.training.termination import StopRequest

ADAPTATION = AdaptationSettings(targets=tuple(f"language:{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")))
TRAINING = TrainingSettings(epochs=1, batch_size=8, accumulation=1, checkpoint_steps=1_000_000, threads=THREADS)
ROWS = 32
MIXED_ROWS = 48
EQUAL_LENGTH = 64
"""Bytes of each caption where all are equally long: a batch then has no padding, however it is formed."""


def benchmarks() -> Iterator[Comparison | NotMeasured]:
    """Every comparison of this module."""
    try:
        import trl  # noqa: F401
    except ImportError:
        yield NotMeasured("training step", "TRL is not installed: pip install .[bench]")
        return
    torch.set_num_threads(THREADS)
    for data, how in (
        (captioned(ROWS, EQUAL_LENGTH), "captions of equal length"),
        (captioned(MIXED_ROWS), "captions of mixed length, ours grouped"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            theirs = _theirs(_adapted(), data, Path(folder))
            yield compare(
                f"training on {len(data.captions)} {how} ({data.origin}; LoRA, bfloat16, batches of {TRAINING.batch_size})",
                _ours(_adapted(), data, Path(folder)),
                "TRL's SFTTrainer",
                theirs,
                samples=len(data.captions),
            )


def _adapted() -> FamilyModel:
    model = load_model(BUILD, weights_cache=Path("unused"), seed=SEED, precision=TRAINING.precision)
    adapt(model, ADAPTATION, seed=SEED)
    return model


def _ours(model: FamilyModel, data: Captioned, folder: Path) -> Callable[[], object]:
    """One epoch of the real trainer."""
    lengths = {example.row_id: model.text_tokens(example) for example in data.examples(learned=True)}
    rows = Rows(lengths, lambda row_id: data.example(int(row_id), learned=True))

    def run() -> None:
        trainer = Trainer(
            model,
            rows,
            Rows({}, rows.example),
            Checkpoints(folder, "none"),
            StopRequest(),
            Ranks(0, 1, torch.device("cpu")),
            settings=TRAINING,
            adaptation=ADAPTATION,
            seed=SEED,
        )
        with contextlib.redirect_stderr(io.StringIO()):
            trainer.run()

    return run


def _theirs(model: FamilyModel, data: Captioned, folder: Path) -> Callable[[], object]:
    """One epoch of TRL's trainer on the same network, its default order of rows."""
    from transformers import Idefics3ImageProcessor, Idefics3Processor
    from trl import SFTConfig, SFTTrainer

    import datasets

    side = {"longest_edge": SIDE}
    images = Idefics3ImageProcessor(
        do_image_splitting=False, size=side, max_image_size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    tokenizer = model.tokenizer
    tokenizer.pad_token_id, tokenizer.eos_token_id = model.pad_id, model.end_id
    processor = Idefics3Processor(images, tokenizer, image_seq_len=model.image_tokens())
    prompt = f"<|im_start|>User:<image>{BUILD.instruction}<end_of_utterance>\nAssistant:"
    dataset = datasets.Dataset.from_dict(
        {
            "prompt": [prompt] * len(data.captions),
            "completion": [f" {caption}<end_of_utterance>" for caption in data.captions],
            "images": [[{"bytes": jpeg, "path": None}] for jpeg in data.jpegs],
        }
    ).cast_column("images", datasets.List(datasets.Image()))
    trainer = SFTTrainer(
        model.network,
        SFTConfig(
            output_dir=str(folder),
            num_train_epochs=1,
            per_device_train_batch_size=TRAINING.batch_size,
            learning_rate=TRAINING.learning_rate,
            bf16=False,  # the weights are bfloat16 already; autocast would only cost time
            gradient_checkpointing=False,
            max_length=None,
            completion_only_loss=True,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=dataset,
        processing_class=processor,
    )
    _check_same_rows(model, data, trainer.data_collator([dataset[index] for index in range(2)]))

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.train()

    return run


def _check_same_rows(model: FamilyModel, data: Captioned, theirs: Any) -> None:
    """Raise ``RuntimeError`` unless TRL's collator made of the first two rows what ours makes of them."""
    ours = model.collate([data.example(index, learned=True) for index in range(2)])
    for name in ("input_ids", "attention_mask", "labels"):
        if not torch.equal(ours[name], theirs[name]):
            raise RuntimeError(f"{name} of the same rows differ between TRL and radtune: this would compare different work")
