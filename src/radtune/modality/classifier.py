"""The classifier: a torchvision backbone with a last layer of its own; how it is built, loaded, saved and asked."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.transforms import v2

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import atomic_path
from radtune.errors import ArtifactError, ConfigError, WeightsError
from radtune.images.store import ImageStore
from radtune.progress import progress
from radtune.weights.fetch import fetch
from radtune.weights.source import parse_source

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""Channel statistics that torchvision's ImageNet weights were trained with."""

IMAGENET_CLASSES = 1000

METADATA_KEY = "radtune"
"""Entry of the safetensors header that says what the weights belong to."""


@dataclass(frozen=True)
class Classifier:
    """A network and what it needs to be asked."""

    network: nn.Module
    """Images of shape (batch, 3, side, side) to logits of shape (batch, classes)."""
    backbone: str
    """Torchvision name of the architecture."""
    classes: tuple[str, ...]
    """Name of each logit."""
    image_size: int
    """Side of the square it was trained on, in pixels."""


def device() -> torch.device:
    """The GPU where there is one, with deterministic kernels wherever torch has them; else the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cuda")


def build_network(backbone: str, classes: int) -> nn.Module:
    """A torchvision architecture with random weights and ``classes`` outputs.

    Raises :class:`ConfigError` if torchvision has no such architecture, or its output is not that of one linear layer.
    """
    names = models.list_models(module=models)
    if backbone not in names:
        raise ConfigError(f"modality.backbone: torchvision has no {backbone!r}", f"choose one of {', '.join(names)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # GoogLeNet and Inception announce a change of their initialisation
        network: nn.Module = models.get_model(backbone, weights=None)
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not layers or layers[-1][1].out_features != IMAGENET_CLASSES or hasattr(network, "aux_logits"):
        raise ConfigError(
            f"modality.backbone: the output of {backbone!r} is not that of one linear layer",
            "choose another, such as resnet50 or mobilenet_v2",
        )
    name, layer = layers[-1]
    network.set_submodule(name, nn.Linear(layer.in_features, classes))
    return network


def head_name(network: nn.Module) -> str:
    """Name of the last linear layer of a network from :func:`build_network`."""
    names: list[str] = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return names[-1]


def without_head(network: nn.Module) -> nn.Module:
    """A copy of a network from :func:`build_network` that gives what its last layer is fed: features of shape (batch, width)."""
    copy = deepcopy(network)
    copy.set_submodule(head_name(copy), nn.Identity())
    return copy


def load_backbone(network: nn.Module, source: str, weights_cache: Path, sha256: str | None) -> None:
    """Load pretrained weights into every layer of ``network`` but the last; ``tiny:`` leaves the random ones.

    The file is a torchvision state dict (``.pth``) or safetensors with the same names; timm's ResNets use the same.
    Raises :class:`WeightsError` if it is unreadable or does not fit the network.
    """
    if parse_source(source).scheme == "tiny":
        return
    state = _read_state(fetch(source, weights_cache, sha256), source)
    head = head_name(network)
    weights = {name: tensor for name, tensor in state.items() if not name.startswith(f"{head}.")}
    try:
        missing, unexpected = network.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # shapes differ
        raise WeightsError(
            f"{source}: does not fit the network: {error}", "let modality.source match modality.backbone"
        ) from None
    missing = [name for name in missing if not name.startswith(f"{head}.") and not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise WeightsError(
            f"{source}: does not fit the network: {len(missing)} tensor(s) missing {missing[:3]}, "
            f"{len(unexpected)} unexpected {unexpected[:3]}",
            "let modality.source match modality.backbone",
        )


def _read_state(path: Path, source: str) -> dict[str, torch.Tensor]:
    """The tensors of a weight file, or of the only safetensors file of a folder; never runs code of a pickle."""
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise WeightsError(f"{source}: {len(files)} safetensors files in {path}, expected one", "name the file itself")
        path = files[0]
    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, torch.Tensor] = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{source}: {path} is not a readable weight file: {error}", "fetch the file again") from error
    return tensors


def save_classifier(classifier: Classifier, path: Path) -> None:
    """Write all weights as safetensors, with backbone, classes and image size in the header."""
    header = {"backbone": classifier.backbone, "classes": list(classifier.classes), "image_size": classifier.image_size}
    state = {name: tensor.contiguous().cpu() for name, tensor in classifier.network.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata={METADATA_KEY: canonical_json(header)})


def load_classifier(path: Path) -> Classifier:
    """Read what :func:`save_classifier` wrote, ready to be asked. Raises :class:`ArtifactError` if it is anything else."""
    fix = "make it again with `radtune modality train`"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if METADATA_KEY not in metadata:
            raise ArtifactError(f"{path}: not a modality classifier: no {METADATA_KEY!r} entry in its header", fix)
        header = json.loads(metadata[METADATA_KEY])
        network = build_network(header["backbone"], len(header["classes"]))
        network.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing", fix) from None
    except (SafetensorError, RuntimeError) as error:
        raise ArtifactError(f"{path}: not a readable modality classifier: {error}", fix) from error
    return Classifier(network.eval(), header["backbone"], tuple(header["classes"]), header["image_size"])


class NetworkInputs(Dataset[torch.Tensor]):
    """Stored images as the network takes them: float32 of shape (3, side, side), normalised as for ImageNet.

    Nothing is cropped, for the images are padded squares, and nothing is flipped, for left and right differ in a body.
    """

    def __init__(self, store: ImageStore, item_ids: Sequence[str], image_size: int) -> None:
        self._store, self._item_ids = store, list(item_ids)
        self._transform = v2.Compose(
            [
                v2.Resize((image_size, image_size), interpolation=v2.InterpolationMode.BICUBIC),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(IMAGENET_MEAN, IMAGENET_STANDARD_DEVIATION),
            ]
        )

    def __len__(self) -> int:
        return len(self._item_ids)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.tensor(self._store.image(self._item_ids[index]))

    def tensor(self, image: Image.Image) -> torch.Tensor:
        """One image as the network takes it."""
        tensor: torch.Tensor = self._transform(image)
        return tensor


@torch.inference_mode()
def outputs(network: nn.Module, inputs: NetworkInputs, workers: int, label: str) -> torch.Tensor:
    """What ``network`` gives for each input, float32 of shape (inputs, outputs), on the processor.

    One image a forward pass, so that no image's result depends, not even in its last digit, on which others are asked;
    on a processor this is no slower than batches.
    """
    here = device()
    network = network.to(here).eval()
    loader = DataLoader(inputs, batch_size=1, num_workers=workers)
    rows = [network(image.to(here)).float().cpu() for image in progress(loader, label, unit="image")]
    return torch.cat(rows) if rows else torch.empty(0, 0)
