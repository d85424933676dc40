"""Token sequences of a batch: padding, and labels on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

IGNORED_LABEL = -100
"""Label of a position that is not learned: torch's and transformers' convention."""


def padded(prompts: Sequence[list[int]], answers: Sequence[list[int]] | None, pad_id: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` (rows, tokens); with answers also `labels` of the same shape.

    To learn (with answers), rows are padded on the right and labels are the answers' own ids, `IGNORED_LABEL` elsewhere. To
    generate (without), rows are padded on the left, so that every row continues at the same position.
    """
    rows = list(prompts) if answers is None else [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    length = max(len(row) for row in rows)
    input_ids = torch.full((len(rows), length), pad_id)
    attention_mask = torch.zeros((len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        place = slice(length - len(row), None) if answers is None else slice(0, len(row))
        input_ids[index, place] = torch.tensor(row, dtype=torch.long)
        attention_mask[index, place] = 1
    batch = {"input_ids": input_ids, "attention_mask": attention_mask}
    if answers is not None:
        labels = torch.full_like(input_ids, IGNORED_LABEL)
        for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            labels[index, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer, dtype=torch.long)
        batch["labels"] = labels
    return batch
