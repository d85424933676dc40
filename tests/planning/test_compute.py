"""The operations that the plan reckons with are those that torch counts while a real model runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.models.adaptation import adapt
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_model
from radtune.planning.compute import reached, row_operations
from radtune.planning.layers import work_of_a_row

EXTENDED = AdaptationSettings(strategy="extended", rank=8, dropout=0.0)


def tiny(family: str, adaptation: AdaptationSettings, parts: tuple[str, ...] = ("model",)) -> FamilyModel:
    # torch counts eager attention alone on a processor
    build = BuildSettings(
        family=family,
        sources=dict.fromkeys(parts, "tiny:"),
        image_size=112,
        maximum_text_tokens=64,
        attention="eager",
    )
    model = load_model(build, weights_cache=Path("unused"), seed=1, precision="float32")
    adapt(model, adaptation, seed=1)
    return model


@pytest.mark.parametrize("family", ["llava", "qwen2_vl", "paligemma"])
def test_operations_of_a_training_row(family: str) -> None:
    model = tiny(family, EXTENDED)
    side = model.build.image_size
    batch = model.collate([Example("one", Image.new("RGB", (side, side)), "caption", target="a long caption " * 20)])
    assert model.label_tokens(batch) == model.build.maximum_text_tokens
    expected = row_operations(work_of_a_row(model))
    with FlopCounterMode(display=False) as forward:
        loss = model.loss(batch)
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    assert expected.forward == pytest.approx(forward.get_total_flops(), rel=0.005)
    assert expected.backward == pytest.approx(backward.get_total_flops(), rel=0.1)


def test_backward_pass_ends_at_the_first_trained_tower() -> None:
    everywhere = work_of_a_row(tiny("llava", EXTENDED))
    decoder = work_of_a_row(tiny("llava", AdaptationSettings(targets=("language:q_proj",))))
    assert reached(everywhere) == {"vision", "connector", "language"}
    assert reached(decoder) == {"language"}
    assert row_operations(decoder).backward < row_operations(everywhere).backward
