from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.load import load_model, load_skeleton

from .conftest import RECIPES, TRANSFORMERS_FAMILIES, tiny_build, tiny_model


@pytest.mark.parametrize("family", RECIPES)
def test_weights_follow_the_seed_alone(family: str) -> None:
    torch.manual_seed(1)
    first = tiny_model(family, seed=7).network.state_dict()
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    second = tiny_model(family, seed=7)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not second.network.training
    assert all(torch.equal(tensor, first[name]) for name, tensor in second.network.state_dict().items())
    other = tiny_model(family, seed=8).network.state_dict()
    assert any(not torch.equal(tensor, first[name]) for name, tensor in other.items())


def build(family: str, **changes: object) -> BuildSettings:
    return tiny_build(family).model_copy(update=changes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (build("smolvlm", sources={"vision": "tiny:", "language": "tiny:"}), "smolvlm takes model, not language, vision"),
        (build("soft_prompt", sources={"vision": "tiny:"}), "soft_prompt takes vision, language, not vision"),
        (build("smolvlm", options={"visual_prompts": 3}), "smolvlm has no visual_prompts"),
        (build("smolvlm", image_size=72), "not a multiple of patch_size x scale_factor"),
        (build("paligemma", image_size=72), "not a multiple of patch_size"),
        (build("visiongpt2", image_size=72), "not a multiple of patch_size"),
        (build("soft_prompt", options={"mapper_heads": 7}), "does not divide"),
        (build("visiongpt2", sources={"vision": "tiny:", "language": "path:/gpt2"}), "cannot be tiny"),
    ],
)
def test_settings_that_do_not_fit(settings: BuildSettings, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load_model(settings, weights_cache=tmp_path, seed=1, precision="float32")


@pytest.mark.parametrize("family", TRANSFORMERS_FAMILIES)
def test_a_saved_checkpoint_loads_as_a_pretrained_one(family: str, tmp_path: Path) -> None:
    tiny = tiny_model(family)
    tiny.network.save_pretrained(tmp_path)  # type: ignore[operator]
    tiny.tokenizer.save_pretrained(tmp_path)
    source = {"model": f"path:{tmp_path}"}  # it brings its sizes itself
    loaded = load_model(build(family, sources=source, options={}), weights_cache=tmp_path, seed=5, precision="float32")
    state = tiny.network.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.network.state_dict().items())
    assert loaded.encode("CT: ok<image>") == tiny.encode("CT: ok<image>")
    with pytest.raises(ConfigError, match="image_size: 65"):
        load_model(build(family, sources=source, options={}, image_size=65), weights_cache=tmp_path, seed=5, precision="float32")
    with pytest.raises(ConfigError, match="has no language_width"):
        load_model(
            build(family, sources=source, options={"language_width": 8}), weights_cache=tmp_path, seed=5, precision="float32"
        )
    skeleton = load_skeleton(build(family, sources=source, options={}))
    assert {name: parameter.shape for name, parameter in skeleton.network.named_parameters()} == {
        name: parameter.shape for name, parameter in tiny.network.named_parameters()
    }


@pytest.mark.parametrize(
    ("family", "option", "value"),
    [
        ("visiongpt2", "quantisation", "nf4"),
        ("soft_prompt", "quantisation", "nf4"),
        ("cnn_transformer", "architecture", {"text_config": {}}),
        ("moondream2", "attention", "flash_attention_2"),
        ("smolvlm", "vision_backbone", "mobilenet_v2"),
    ],
)
def test_no_setting_is_ignored(family: str, option: str, value: object, tmp_path: Path) -> None:
    settings = build(family, **{option: value})
    with pytest.raises(ConfigError, match=f"build.{option}: {family} does not follow it"):
        load_model(settings, weights_cache=tmp_path, seed=1, precision="float32")
    with pytest.raises(ConfigError, match=f"build.{option}: {family} does not follow it"):
        load_skeleton(settings)


@pytest.mark.parametrize("family", RECIPES)
def test_skeleton_of_a_tiny_model(family: str) -> None:
    skeleton = load_skeleton(tiny_build(family))
    assert {parameter.device.type for parameter in skeleton.network.parameters()} == {"meta"}
    assert {name: parameter.shape for name, parameter in skeleton.network.named_parameters()} == {
        name: parameter.shape for name, parameter in tiny_model(family).network.named_parameters()
    }


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file or folder"):
        load_model(
            build("smolvlm", sources={"model": f"path:{tmp_path}/no"}), weights_cache=tmp_path, seed=1, precision="float32"
        )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    tiny = tiny_model("smolvlm")
    tiny.network.save_pretrained(folder)  # type: ignore[operator]
    tiny.tokenizer.save_pretrained(folder)
    return folder


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def with_code(folder: Path) -> None:
    change_config(folder, auto_map={"AutoModel": "modeling.Model"})
    (folder / "modeling.py").write_text("raise SystemExit('remote code ran')\n")


def other_architecture(folder: Path) -> None:
    change_config(folder, model_type="paligemma")


def truncated(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def lacking(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.connector.modality_projection.proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def other_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    change_config(folder, text_config=config["text_config"] | {"intermediate_size": 12})


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pickled, r"only pytorch_model.bin, a pickle"),
        (without_weights, "holds no weights"),
        (with_code, r"code of the checkpoint's own \(auto_map\), which is never run"),
        (other_architecture, "names the architecture paligemma, not idefics3"),
        (truncated, "cannot be loaded"),
        (lacking, r"lacks 1 tensors of the network, such as model.connector.modality_projection.proj.weight"),
        (other_size, "cannot be loaded"),
        (without_tokenizer, "cannot be loaded"),
        (broken_config, "not JSON"),
        (without_config, "no config.json"),
    ],
)
def test_a_folder_that_is_no_checkpoint_of_the_family_is_one_clear_line(
    saved: Path, spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(saved, folder)
    spoil(folder)
    build = tiny_build("smolvlm").model_copy(update={"sources": {"model": f"path:{folder}"}})
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(build, weights_cache=tmp_path, seed=1, precision="float32")
    assert str(folder) in caught.value.problem
    assert len(caught.value.problem.splitlines()) == 1
