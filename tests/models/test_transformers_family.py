"""Families on transformers' own classes against the library itself."""

from __future__ import annotations

import pytest
import torch

from radtune.models.family import Example
from radtune.models.sequences import IGNORED_LABEL
from radtune.models.transformers_family import TransformersFamily

from .conftest import TRANSFORMERS_FAMILIES, tiny_model

WRONG_LOSS = {"idefics"}
"""Classes whose own loss raises: it expects as many columns of logits as the vocabulary has without the added words."""


@pytest.mark.parametrize("family", TRANSFORMERS_FAMILIES)
def test_loss_is_that_of_the_library(family: str, examples: list[Example]) -> None:
    model = tiny_model(family)
    assert isinstance(model, TransformersFamily)
    batch = model.collate(examples)
    with torch.no_grad():
        ours = model.loss(batch) / model.label_tokens(batch)
        if family in WRONG_LOSS:
            logits = model.network(**model.inputs(batch)).logits[:, :-1]
            chosen = torch.log_softmax(logits.float(), -1).gather(-1, batch["labels"][:, 1:, None].clamp(min=0))[..., 0]
            learned = batch["labels"][:, 1:] != IGNORED_LABEL
            theirs = -chosen[learned].mean()
        else:
            theirs = model.network(**model.inputs(batch), labels=batch["labels"]).loss
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
