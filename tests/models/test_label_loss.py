"""Our loss, which projects label positions only, against the library's own over all logits."""

from __future__ import annotations

import pytest
import torch

from radtune.models.family import Example
from radtune.models.untyped import untyped

from .conftest import picture, tiny_model


def batch_of(family: str):  # type: ignore[no-untyped-def]
    model = tiny_model(family)
    examples = [
        Example("1", picture(1), "caption", target="Axial CT."),
        Example("2", picture(2), "question", question="Which plane, and at which level?", target="Axial, at L3"),
        Example("3", picture(3), "caption", prefix="CT: ", target="Chest radiograph of an adult."),
    ]
    return model, model.collate(examples)


@pytest.mark.parametrize("family", ["smolvlm", "paligemma"])
def test_equals_the_loss_of_the_class(family: str) -> None:
    model, batch = batch_of(family)
    with torch.no_grad():
        theirs = untyped(model.network)(**batch).loss  # a mean over label tokens
        ours = model.loss(batch) / model.label_tokens(batch)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_equals_the_loss_of_the_language_model_after_soft_prompts() -> None:
    model, batch = batch_of("soft_prompt")
    network = untyped(model.network)
    with torch.no_grad():
        inputs = network.inputs(batch["input_ids"], batch["attention_mask"], batch["pixel_values"])
        ignored = torch.full((3, model.image_tokens()), -100)
        theirs = network.language(**inputs, labels=torch.cat([ignored, batch["labels"]], dim=1)).loss
        ours = model.loss(batch) / model.label_tokens(batch)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_gradients_equal_those_of_the_class() -> None:
    gradients = []
    for own in (True, False):
        model, batch = batch_of("paligemma")
        loss = model.loss(batch) / model.label_tokens(batch) if own else untyped(model.network)(**batch).loss
        loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.network.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-4, atol=1e-6, msg=name)
