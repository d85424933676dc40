"""Captions in batches against the same network's own ``generate`` for one image at a time, and what batches change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.captioner import BUILD, SEED, THREADS, captioned
from benchmarks.measure import Comparison, Counted, compare
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model
from radtune.models.untyped import untyped

ROWS, BATCH_SIZE, NEW_TOKENS = 64, 32, 64
TIMED_ALONE = 8
"""Images of those that the peer is timed on, its seconds then multiplied: one at a time, each takes as long as the next."""


def benchmarks() -> Iterator[Comparison | Counted]:
    """Every comparison of this module. Random weights end no caption: all have ``NEW_TOKENS`` tokens."""
    torch.set_num_threads(THREADS)
    examples = captioned(ROWS).examples(learned=False)
    models = {precision: _model(precision) for precision in ("bfloat16", "float32")}
    measured = compare(
        f"{ROWS} captions of {NEW_TOKENS} tokens, bfloat16, batches of {BATCH_SIZE}",
        lambda: _in_batches(models["bfloat16"], examples),
        f"generate, one image at a time; {TIMED_ALONE} timed",
        lambda: _one_at_a_time(models["bfloat16"], examples[:TIMED_ALONE]),
        samples=ROWS,
    )
    yield replace(measured, peer_seconds=tuple(seconds * ROWS / TIMED_ALONE for seconds in measured.peer_seconds))
    for precision, model in models.items():
        pairs = zip(_in_batches(model, examples), _one_at_a_time(model, examples), strict=True)
        differing = sum(batched != alone for batched, alone in pairs)
        yield Counted(f"captions that batches of {BATCH_SIZE} change in {precision}", f"{differing} of {ROWS}")


def _model(precision: str) -> FamilyModel:
    return load_model(BUILD, weights_cache=Path("unused"), seed=SEED, precision=precision)


def _in_batches(model: FamilyModel, examples: Sequence[Example]) -> list[str]:
    """As inference does it."""
    batches = [examples[start : start + BATCH_SIZE] for start in range(0, len(examples), BATCH_SIZE)]
    with torch.inference_mode():
        return [answer.text for batch in batches for answer in model.generate(model.collate(batch), NEW_TOKENS)]


def _one_at_a_time(model: FamilyModel, examples: Sequence[Example]) -> list[str]:
    """The library's own greedy generation, with the same tokens forbidden."""
    from transformers import GenerationConfig

    settings = untyped(GenerationConfig)(
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=model.end_id,
        pad_token_id=model.pad_id,
        suppress_tokens=[model.token_id(token) for token in ("<image>", "<fake_token_around_image>", "<global-img>")],
    )
    texts = []
    for example in examples:
        batch = model.on_device(model.collate([example]))
        ids = untyped(model.network).generate(**batch, generation_config=settings)
        texts.append(model.tokenizer.decode(ids[0, batch["input_ids"].shape[1] :], skip_special_tokens=True).strip())
    return texts
