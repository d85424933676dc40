from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from radtune.config.models import AdaptationSettings, TrainStep
from radtune.errors import ArtifactError, ConfigError
from radtune.models.adaptation import adapt, trained_state
from radtune.models.family import Example
from radtune.models.load import load_model
from radtune.training.adapter_file import AdapterMetadata, write_adapter
from radtune.training.export import ORIGIN, export
from training.tiny_world import ADAPTATION, BUILD, SEED, SIDE, TRAINING, recipe


def adapter_of(folder, settings=None):
    """A model whose adapter is far from nothing, and the adapter's file."""
    settings = settings or recipe()
    model = load_model(settings.build, weights_cache=folder, seed=SEED, precision=settings.training.precision)
    adapt(model, settings.adaptation, seed=SEED)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if name in model.trained_names:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.5)
    path = folder / "adapter.safetensors"
    write_adapter(path, trained_state(model), AdapterMetadata("f" * 64, SEED, settings))
    return model, path


def losses(model):
    examples = [
        Example(str(grey), Image.new("RGB", (SIDE, SIDE), (grey,) * 3), "caption", target=f"Image {grey}.") for grey in (10, 90)
    ]
    with torch.no_grad():
        return [model.loss(model.collate([example])).item() for example in examples]


@pytest.mark.parametrize("dora", [False, True])
def test_the_folder_is_a_source_that_says_what_the_adapted_model_says(tmp_path, dora):
    settings = recipe().model_copy(update={"adaptation": ADAPTATION.model_copy(update={"dora": dora})})
    model, adapter = adapter_of(tmp_path, settings)
    export(adapter, tmp_path / "exported", weights_cache=tmp_path)
    build = BUILD.model_copy(update={"sources": {"model": f"path:{tmp_path / 'exported'}"}, "options": {}})
    loaded = load_model(build, weights_cache=tmp_path, seed=0, precision="float32")
    plain = load_model(BUILD, weights_cache=tmp_path, seed=SEED, precision="float32")
    assert losses(loaded) == pytest.approx(losses(model), rel=1e-5)
    assert losses(plain) != pytest.approx(losses(model), rel=1e-3)
    origin = json.loads((tmp_path / "exported" / ORIGIN).read_text())
    assert TrainStep.parse(json.dumps(origin["settings"])) == settings
    assert (origin["fingerprint"], origin["seed"]) == ("f" * 64, SEED)


def test_what_exists_is_left_alone(tmp_path):
    _, adapter = adapter_of(tmp_path)
    (tmp_path / "exported").mkdir()
    with pytest.raises(ArtifactError, match="exported: exists"):
        export(adapter, tmp_path / "exported", weights_cache=tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path, limited_file_size):
    _, adapter = adapter_of(tmp_path)
    with limited_file_size(10_000), pytest.raises(ArtifactError, match="cannot be written"):
        export(adapter, tmp_path / "exported", weights_cache=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter.safetensors"]


def test_families_of_our_own_are_refused(tmp_path):
    build = BUILD.model_copy(
        update={"family": "visiongpt2", "sources": {"vision": "tiny:", "language": "tiny:"}, "options": {"width": 32, "heads": 2}}
    )
    settings = TrainStep(build=build, adaptation=AdaptationSettings(strategy="staged"), training=TRAINING)
    _, adapter = adapter_of(tmp_path, settings)
    with pytest.raises(ConfigError, match="visiongpt2 is not one of transformers' own classes"):
        export(adapter, tmp_path / "exported", weights_cache=tmp_path)
    assert not (tmp_path / "exported").exists()
