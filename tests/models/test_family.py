"""What holds for every family: batches, learning, asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from radtune.config.models import FAMILIES
from radtune.models.family import Example
from radtune.models.sequences import IGNORED_LABEL

from .conftest import CAPTIONS, RECIPES, picture, tiny_model

if TYPE_CHECKING:
    from .conftest import Taught

families = pytest.mark.parametrize("family", RECIPES)


def test_every_family_is_tested() -> None:
    assert set(RECIPES) == set(FAMILIES)


@families
def test_learns_eight_captions_and_follows_the_images(
    family: str, taught: Callable[[str], Taught], prompts: list[Example]
) -> None:
    model = taught(family).model
    captions = list(CAPTIONS.values())
    right = [made.text == caption for made, caption in zip(model.generate(model.collate(prompts), 40), captions, strict=True)]
    assert sum(right) >= 7
    order = [3, 0, 7, 5, 1, 6, 2, 4]
    moved = [replace(prompt, image=prompts[index].image) for prompt, index in zip(prompts, order, strict=True)]
    made = [item.text for item in model.generate(model.collate(moved), 40)]
    assert sum(text == captions[index] for text, index in zip(made, order, strict=True)) >= 7


@families
def test_text_does_not_depend_on_the_batch(family: str, taught: Callable[[str], Taught], prompts: list[Example]) -> None:
    model = taught(family).model
    asked = [
        replace(prompts[0], task="question", question="Which plane is shown here?"),
        replace(prompts[1], prefix="Radiograph: "),
        prompts[2],
        replace(prompts[3], task="question", question="Side?", prefix="CT: "),
    ]
    together = model.generate(model.collate(asked), 30)
    alone = [model.generate(model.collate([one]), 30)[0] for one in asked]
    assert together == alone


@families
def test_says_why_it_stopped(family: str, taught: Callable[[str], Taught], prompts: list[Example]) -> None:
    model = taught(family).model
    short, long = model.generate(model.collate(prompts[:1]), 4)[0], model.generate(model.collate(prompts[:1]), 40)[0]
    assert (short.stopped, short.tokens) == ("length", 4)
    assert long.stopped == "end"
    assert long.tokens == len(model.encode(model.answer_text(CAPTIONS[prompts[0].row_id])))


@families
def test_generation_leaves_the_mode_of_the_network(family: str, prompts: list[Example]) -> None:
    model = tiny_model(family)
    model.network.train()
    model.generate(model.collate(prompts[:1]), 2)
    assert model.network.training


@families
def test_labels_are_the_answer_and_its_end(family: str, examples: list[Example]) -> None:
    model = tiny_model(family)
    batch = model.collate(examples)
    for row, example in enumerate(examples):
        learned = batch["labels"][row] != IGNORED_LABEL
        assert torch.equal(batch["labels"][row][learned], batch["input_ids"][row][learned])
        ids = batch["labels"][row][learned].tolist()
        assert ids[-1] == model.end_id
        assert model.tokenizer.decode(ids[:-1]).strip() == example.target
        assert model.text_tokens(example) == len(model.encode(model.prompt_text(example))) + len(ids) + _framing(model, example)
    assert model.label_tokens(batch) == sum(len(model.answer_ids(caption)) for caption in CAPTIONS.values())
    inside = batch["attention_mask"].sum().item()
    outside = 0 if model.image_tokens_in_text else len(examples) * model.image_tokens()
    assert model.total_tokens(batch) == inside + outside


def _framing(model, example: Example) -> int:  # type: ignore[no-untyped-def]
    """Tokens around the image that `prompt_text` leaves out."""
    images = model.image_tokens() if model.image_tokens_in_text else 0
    return len(model.prompt_ids(example)) - images - len(model.encode(model.prompt_text(example)))


@families
def test_long_answers_are_cut_and_then_do_not_end(family: str) -> None:
    model = tiny_model(family)
    long = Example("long", picture(0), "caption", target="a" * 1000)
    batch = model.collate([long, replace(long, target="short")])
    first, second = ((batch["labels"][row] != IGNORED_LABEL).sum().item() for row in (0, 1))
    assert first == model.build.maximum_text_tokens
    assert model.end_id not in batch["labels"][0]
    assert model.end_id in batch["labels"][1]
    assert second < first
    question = replace(long, task="question", question="b" * 500, target=None)
    assert model.encode("b" * 500) == model.encode("b" * 500)[:500]
    assert model.text_tokens(question) > 500  # prompts are never cut


@families
def test_a_batch_is_learned_or_generated(family: str, examples: list[Example], prompts: list[Example]) -> None:
    with pytest.raises(ValueError, match="all of its examples"):
        tiny_model(family).collate([examples[0], prompts[1]])


@families
def test_padding_does_not_change_the_loss(family: str, examples: list[Example]) -> None:
    model = tiny_model(family)
    with torch.no_grad():
        together = model.loss(model.collate(examples))
        alone = sum(model.loss(model.collate([example])) for example in examples)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-4)


@families
def test_modality_comes_before_the_instruction(family: str) -> None:
    model = tiny_model(family)
    plain = Example("x", picture(0), "question", question="Which side?")
    text, marked = model.prompt_text(plain), model.prompt_text(replace(plain, prefix="CT: "))
    assert "Which side?" in text
    assert marked.replace("CT: ", "", 1) == text
    assert marked.index("CT: ") < marked.index("Which side?")


@families
def test_activation_checkpointing_gives_the_same_gradients(family: str, examples: list[Example]) -> None:
    gradients = []
    for recompute in (False, True):
        model = tiny_model(family)
        if recompute:
            model.enable_activation_checkpointing()
        model.network.train()
        torch.manual_seed(3)
        model.loss(model.collate(examples[:2])).backward()
        gradients.append({name: p.grad for name, p in model.network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-4, msg=name)


@families
def test_bfloat16(family: str, examples: list[Example], prompts: list[Example]) -> None:
    model = tiny_model(family, precision="bfloat16")
    norms = {id(p) for m in model.network.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()}
    assert {p.dtype for p in model.network.parameters() if id(p) not in norms} == {torch.bfloat16}
    exact = tiny_model(family).loss(tiny_model(family).collate(examples)).item()
    loss = model.loss(model.collate(examples))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact, rel=0.1)
    assert len(model.generate(model.collate(prompts[:3]), 3)) == 3
