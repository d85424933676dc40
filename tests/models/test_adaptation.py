"""What is trained, saved and loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file

from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.config.models import AdaptationSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ArtifactError, ConfigError
from radtune.models.adaptation import (
    TrainedModule,
    adapt,
    load_trained_state,
    merge_adapters,
    set_stage,
    trainable_parameters,
    trained_state,
)
from radtune.models.family import Example, FamilyModel
from radtune.models.load import load_skeleton

from .conftest import LINEAR, LORA_FAMILIES, RECIPES, learn, tiny_build, tiny_model

if TYPE_CHECKING:
    from .conftest import Taught

families = pytest.mark.parametrize("family", RECIPES)


@families
def test_what_was_trained_makes_a_fresh_model_say_the_same(
    family: str, taught: Callable[[str], Taught], prompts: list[Example], tmp_path: Path
) -> None:
    old = taught(family)
    save_file(trained_state(old.model), tmp_path / "adapter.safetensors")
    fresh = tiny_model(family)
    adapt(fresh, old.adaptation, seed=99)  # other initial LoRA weights: all of them must come from the file
    load_trained_state(fresh, tmp_path / "adapter.safetensors")
    assert fresh.generate(fresh.collate(prompts), 40) == old.model.generate(old.model.collate(prompts), 40)


@pytest.mark.parametrize("family", LORA_FAMILIES)
def test_lora_learned_something(family: str, taught: Callable[[str], Taught]) -> None:
    second = {name: tensor for name, tensor in trained_state(taught(family).model).items() if ".lora_B." in name}
    assert second
    assert all(tensor.abs().max() > 0 for tensor in second.values())


def logits(model: FamilyModel, examples: list[Example]) -> torch.Tensor:
    """What the output head says at every label."""
    seen: list[torch.Tensor] = []
    head = model.network.get_submodule(model.output_head())
    handle = head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        model.loss(model.collate(examples))
    handle.remove()
    return torch.cat([output.reshape(-1, output.shape[-1]) for output in seen])


@contextmanager
def adapters_off(model: FamilyModel) -> Iterator[None]:
    layers = [module for module in model.network.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    yield
    for layer in layers:
        layer.enable_adapters(True)


def reloaded(family: str, adaptation: AdaptationSettings, state: dict[str, torch.Tensor], path: Path) -> FamilyModel:
    """A fresh model with ``state``, by way of a file."""
    save_file(state, path)
    model = tiny_model(family)
    adapt(model, adaptation, seed=99)
    load_trained_state(model, path)
    return model


@pytest.mark.parametrize("family", LORA_FAMILIES)
def test_merged_adapters_give_the_same_logits(
    family: str, taught: Callable[[str], Taught], examples: list[Example], tmp_path: Path
) -> None:
    old = taught(family)
    model = reloaded(family, old.adaptation, trained_state(old.model), tmp_path / "adapter.safetensors")
    expected = logits(model, examples)
    with adapters_off(model):
        assert (logits(model, examples) - expected).abs().max() > 0.1
    merge_adapters(model)
    assert not any("lora" in name for name, _ in model.network.named_modules())
    assert {name for name, _ in model.network.named_parameters()} == {
        name for name, _ in tiny_model(family).network.named_parameters()
    }
    torch.testing.assert_close(logits(model, examples), expected, rtol=1e-4, atol=1e-4)


IN_A_NEW_PROCESS = """
import json, sys
from pathlib import Path
from PIL import Image
from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.models.adaptation import adapt, load_trained_state
from radtune.models.family import Example
from radtune.models.load import load_model

folder, families = Path(sys.argv[1]), json.loads(sys.argv[2])
images = [Image.open(path) for path in sorted(folder.glob("*.png"))]
for family, (build, adaptation) in families.items():
    model = load_model(BuildSettings.parse(build), weights_cache=folder, seed=1, precision="float32")
    adapt(model, AdaptationSettings.parse(adaptation), seed=99)
    load_trained_state(model, folder / f"{family}.safetensors")
    made = model.generate(model.collate([Example(str(number), image, "caption") for number, image in enumerate(images)]), 40)
    print(json.dumps([family, [one.text for one in made]]))
"""


def test_adapters_say_the_same_in_a_new_process(taught: Callable[[str], Taught], prompts: list[Example], tmp_path: Path) -> None:
    families = {}
    for family in LORA_FAMILIES:
        old = taught(family)
        save_file(trained_state(old.model), tmp_path / f"{family}.safetensors")
        families[family] = tiny_build(family).canonical(), old.adaptation.canonical()
    for number, prompt in enumerate(prompts):
        prompt.image.save(tmp_path / f"{number}.png")
    result = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS, str(tmp_path), json.dumps(families)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    said = dict(json.loads(line) for line in result.stdout.splitlines())
    plain = [replace(prompt, row_id=str(number)) for number, prompt in enumerate(prompts)]
    for family in LORA_FAMILIES:
        model = taught(family).model
        assert said[family] == [made.text for made in model.generate(model.collate(plain), 40)], family


class TestDora:
    settings = AdaptationSettings(strategy="targeted", rank=4, alpha=8, dropout=0.0, dora=True, targets=LINEAR)

    def test_one_magnitude_an_output_is_added_and_counted(self) -> None:
        plain, dora = tiny_model("smolvlm"), tiny_model("smolvlm")
        lora = adapt(plain, self.settings.model_copy(update={"dora": False}), seed=1)
        rows = adapt(dora, self.settings, seed=1)
        assert [row.module for row in rows] == [row.module for row in lora]
        for row, without in zip(rows, lora, strict=True):
            outputs = dora.network.get_submodule(row.module).out_features
            assert row.parameters == without.parameters + outputs
            assert row.total_parameters == without.total_parameters + outputs
        assert trainable_parameters(dora) == sum(row.parameters for row in rows)

    def test_starts_as_nothing_learns_reloads_and_merges(self, examples: list[Example], tmp_path: Path) -> None:
        model = tiny_model("smolvlm")
        before = logits(model, examples)
        adapt(model, self.settings, seed=1)
        torch.testing.assert_close(logits(model, examples), before, rtol=1e-4, atol=1e-4)
        start = trained_state(model)
        first = learn(model, examples, 1, 1e-2)
        assert learn(model, examples, 30, 1e-2) < 0.9 * first
        state = trained_state(model)
        magnitudes = [name for name in state if "lora_magnitude_vector" in name]
        assert len(magnitudes) == len({name.split(".lora_")[0] for name in state})
        assert not any(torch.equal(state[name], start[name]) for name in magnitudes)

        fresh = reloaded("smolvlm", self.settings, state, tmp_path / "adapter.safetensors")
        expected = logits(model, examples)
        torch.testing.assert_close(logits(fresh, examples), expected, rtol=0, atol=0)
        merge_adapters(fresh)
        torch.testing.assert_close(logits(fresh, examples), expected, rtol=1e-4, atol=1e-4)


@families
def test_nothing_else_changed(family: str, taught: Callable[[str], Taught]) -> None:
    old = taught(family)
    before = tiny_model(family)
    adapt(before, old.adaptation, seed=1)
    trained = set(old.model.trained_names)
    state = before.network.state_dict()
    tied = {"lm_head.weight", "language.lm_head.weight"}  # second names of the embeddings
    for name, tensor in old.model.network.state_dict().items():
        if name not in trained | tied:
            assert torch.equal(tensor, state[name]), name


@families
def test_rows_count_every_trained_parameter_once(family: str, taught: Callable[[str], Taught]) -> None:
    rows = taught(family).rows
    assert {field.name for field in TRAINED_MODULES.schema} == set(TrainedModule.__dataclass_fields__)
    assert len({row.module for row in rows}) == len(rows)
    assert sum(row.parameters for row in rows) == sum(tensor.numel() for tensor in trained_state(taught(family).model).values())
    assert all(0 < row.parameters <= row.total_parameters for row in rows)
    assert all((row.way == "unfrozen") or row.parameters < row.total_parameters for row in rows)


@pytest.mark.parametrize(
    ("name", "trainable", "total"),
    [
        ("smolvlm_500m", 46_198_784, 507_482_304),
        ("paligemma_3b", 12_966_912, 2_924_351_216),
        # LoRA on c_attn, mapper with its projection and 49 queries; the encoder is added in the second stage
        ("soft_prompt_gpt2", 1_474_560 + 18_371_328 + 2_622_720 + 49 * 1280, 23_508_032 + 774_030_080 + 21_056_768),
    ],
)
def test_published_sizes(name: str, trainable: int, total: int) -> None:
    settings = PUBLISHED_MODELS[name]
    model = load_skeleton(settings.build)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == total
    rows = adapt(model, settings.adaptation, seed=1)
    assert trainable_parameters(model) == trainable
    if settings.adaptation.strategy != "staged":
        assert sum(row.parameters for row in rows) == trainable


def test_published_stages_of_visiongpt2() -> None:
    settings = PUBLISHED_MODELS["visiongpt2"]
    model = load_skeleton(settings.build)
    rows = adapt(model, settings.adaptation, seed=1)
    sizes = [trainable_parameters(model)]
    for epoch, changes in ((0, False), (1, True), (1, False), (2, True), (3, False)):
        assert set_stage(model, settings.adaptation, epoch) is changes
        sizes.append(trainable_parameters(model))
    assert sizes == [28_366_848, 28_366_848, 113_421_312, 113_421_312, 238_603_776, 238_603_776]
    assert sum(row.parameters for row in rows) == 238_603_776


def test_two_stages_of_soft_prompt() -> None:
    settings = PUBLISHED_MODELS["soft_prompt_gpt2"]
    model = load_skeleton(settings.build)
    adapt(model, settings.adaptation, seed=1)
    first = trainable_parameters(model)
    assert set_stage(model, settings.adaptation, 1)
    assert trainable_parameters(model) == first + 23_508_032
    assert any(name.startswith("vision.") for name in model.trained_names)


def test_extended_leaves_only_the_head() -> None:
    model = tiny_model("smolvlm")
    rows = adapt(model, AdaptationSettings(strategy="extended"), seed=1)
    linear = {
        name.removesuffix(".base_layer")
        for name, module in model.network.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" not in name
    }
    assert {row.module for row in rows} == linear - {"lm_head"}
    assert {row.tower for row in rows} == {"vision", "connector", "language"}


@families
def test_full_trains_everything_once(family: str) -> None:
    model = tiny_model(family)
    adapt(model, AdaptationSettings(strategy="full"), seed=1)
    assert trainable_parameters(model) == sum(parameter.numel() for parameter in model.network.parameters())


def test_lora_starts_as_nothing_and_by_the_seed(examples: list[Example]) -> None:
    settings = AdaptationSettings(strategy="targeted", targets=("language:q_proj", "vision:*"))
    states, losses = [], []
    for seed in (5, 5, 6):
        model = tiny_model("smolvlm")
        before = model.loss(model.collate(examples)).item()
        torch.manual_seed(seed + 100)  # the generator outside must not matter
        adapt(model, settings, seed=seed)
        losses.append(model.loss(model.collate(examples)).item() - before)
        states.append(trained_state(model))
    assert losses == [0.0, 0.0, 0.0]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_alpha_over_rank_scales_the_update(examples: list[Example]) -> None:
    batch = tiny_model("smolvlm").collate(examples)
    losses = []
    for alpha, factor in ((8, 2.0), (16, 1.0)):
        model = tiny_model("smolvlm")
        adapt(model, AdaptationSettings(rank=8, alpha=alpha, targets=("language:v_proj",)), seed=1)
        with torch.no_grad():
            for name, parameter in model.network.named_parameters():
                if ".lora_B." in name:
                    parameter.fill_(0.01 * factor)
        losses.append(model.loss(batch).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_no_adapter_inside_torch_attention() -> None:
    model = tiny_model("soft_prompt")
    with pytest.raises(ConfigError, match="'connector:out_proj' matches no linear layer"):
        adapt(model, AdaptationSettings(targets=("connector:out_proj",)), seed=1)


@pytest.mark.parametrize(
    ("family", "settings", "message"),
    [
        ("smolvlm", {"targets": ("language:q_proj", "connector:mm_proj")}, r"'connector:mm_proj' matches no linear layer"),
        ("smolvlm", {"targets": ("q_proj",)}, "not tower:name"),
        ("smolvlm", {"targets": ("decoder:q_proj",)}, "not tower:name"),
        ("smolvlm", {"strategy": "hybrid", "targets": ("language:q_proj",), "unfrozen": ("vision:nothing",)}, "no module"),
        ("smolvlm", {"strategy": "hybrid", "targets": ("connector:proj",), "unfrozen": ("connector:*",)}, "both a LoRA target"),
        ("smolvlm", {"strategy": "staged"}, "has no stages"),
        ("smolvlm", {}, "targeted needs them"),
        ("smolvlm", {"strategy": "full", "targets": ("language:q_proj",)}, "chooses its modules itself"),
        ("smolvlm", {"strategy": "hybrid", "targets": ("language:q_proj",)}, "hybrid needs it"),
        ("smolvlm", {"targets": ("language:q_proj",), "unfrozen": ("connector:*",)}, "does not use it"),
        ("soft_prompt", {"targets": ("language:q_proj",)}, "new, random parameters"),
        ("visiongpt2", {"targets": ("language:c_attn",)}, "new, random parameters"),
    ],
)  # fmt: skip
def test_refused(family: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        adapt(tiny_model(family), AdaptationSettings(**settings), seed=1)  # type: ignore[arg-type]


class TestStrictLoading:
    settings = AdaptationSettings(targets=("language:q_proj",))

    def model(self):  # type: ignore[no-untyped-def]
        model = tiny_model("smolvlm")
        adapt(model, self.settings, seed=1)
        return model

    def test_missing_and_unexpected_names(self, tmp_path: Path) -> None:
        model = self.model()
        state = trained_state(model)
        first = next(iter(state))
        state["other"] = state.pop(first)
        save_file(state, tmp_path / "a.safetensors")
        with pytest.raises(ArtifactError, match=rf"lacks {first}. has also other"):
            load_trained_state(model, tmp_path / "a.safetensors")

    def test_other_rank(self, tmp_path: Path) -> None:
        save_file(trained_state(self.model()), tmp_path / "a.safetensors")
        model = tiny_model("smolvlm")
        adapt(model, self.settings.model_copy(update={"rank": 4}), seed=1)
        before = trained_state(model)
        with pytest.raises(ArtifactError, match="has shape"):
            load_trained_state(model, tmp_path / "a.safetensors")
        assert all(torch.equal(tensor, before[name]) for name, tensor in trained_state(model).items())

    def test_no_file_and_half_a_file(self, tmp_path: Path) -> None:
        model = self.model()
        with pytest.raises(ArtifactError, match="missing"):
            load_trained_state(model, tmp_path / "a.safetensors")
        save_file(trained_state(model), tmp_path / "a.safetensors")
        whole = (tmp_path / "a.safetensors").read_bytes()
        (tmp_path / "a.safetensors").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ArtifactError, match="not a readable safetensors file"):
            load_trained_state(model, tmp_path / "a.safetensors")

    def test_state_is_a_copy(self, examples: list[Example], tmp_path: Path) -> None:
        model = self.model()
        state = trained_state(model)
        save_file(state, tmp_path / "a.safetensors")
        learn(model, examples[:1], steps=2, rate=1e-2)
        saved = load_file(tmp_path / "a.safetensors")
        assert all(torch.equal(state[name], saved[name]) for name in saved)
        assert any(not torch.equal(tensor, saved[name]) for name, tensor in trained_state(model).items())
