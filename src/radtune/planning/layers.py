"""The layers of a skeleton, with the number of positions that one row sends through each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from radtune.models.adaptation import tower_of
from radtune.models.family import Example, FamilyModel, Tower

CHARACTERS_A_TOKEN = 4
"""A skeleton has no tokenizer: English instructions take about one token for four characters."""


@dataclass(frozen=True)
class RowSize:
    """What one row takes, at most."""

    image_tokens: int
    """Tokens of one standardised image in what the language model attends to."""
    prompt_tokens: int
    """Tokens of the captioning prompt without the image's; those of a skeleton are reckoned from its characters."""
    answer_tokens: int
    """`build.maximum_text_tokens`."""
    sequence: int
    """Positions of the decoder: prompt and answer, and the image's tokens unless they are reached by cross-attention."""
    patches: int
    """Positions of the vision tower, all tiles together; 0 for a convolutional one."""
    tiles: int
    """Sequences that the patches form."""


@dataclass(frozen=True)
class Layer:
    """A matrix product with weights: linear layer, convolution, or the projection of an attention."""

    name: str
    tower: Tower
    weights: int
    """Elements of its weight."""
    products: int
    """Multiplications one row takes in the forward pass."""
    values: int
    """Numbers that go into it and come out of it for one row."""
    trained: bool
    """Whether its weight gets a gradient."""
    block: str
    """Name of the repeated block it belongs to; empty outside of blocks."""


@dataclass(frozen=True)
class Block:
    """One of several alike transformer layers: what attention and activation checkpointing are counted by."""

    tower: Tower
    width: int
    positions: int
    """Of one row, all sequences together."""
    sequences: int


@dataclass(frozen=True)
class Work:
    """What one row sends through a network."""

    size: RowSize
    layers: tuple[Layer, ...]
    blocks: dict[str, Block]
    vocabulary: int
    head_weights: int
    """Elements of the output head's weight."""
    head_trained: bool


def row_size(model: FamilyModel) -> RowSize:
    """Positions that one row of ``model`` takes. ``model`` may be a skeleton."""
    pixels = _pixels(model)
    example = Example("", _square(model), "caption")
    if model.tokenizer is None:
        prompt = math.ceil(len(model.prompt_text(example)) / CHARACTERS_A_TOKEN)
    else:
        prompt = model.text_tokens(example)
    answer = model.build.maximum_text_tokens
    image = model.image_tokens()
    sequence = prompt + answer + (image if model.image_in_sequence else 0)
    patches = 0 if _is_convolutional(model) else pixels.numel() // _patch_values(model)
    return RowSize(image, prompt, answer, sequence, patches, pixels.shape[1] if pixels.ndim == 5 else 1)


def work_of_a_row(model: FamilyModel) -> Work:
    """Every layer of an adapted skeleton with what one row sends through it. Runs no weights; on the meta device."""
    size = row_size(model)
    positions: dict[Tower, int] = {
        "vision": size.patches,
        # Cross-attention reads the image's states and writes to those of the text.
        "connector": size.image_tokens if model.image_in_sequence else max(size.image_tokens, size.sequence),
        "language": size.sequence,
    }
    modules = dict(model.network.named_modules())
    block_names = list(_block_names(model.network))
    outputs = _convolution_outputs(model) if size.patches == 0 else {}
    head = model.output_head()
    layers: list[Layer] = []
    blocks: dict[str, Block] = {}
    for name, module in modules.items():
        weight = _weight(module)
        if weight is None or (head and (name == head or name.startswith(f"{head}."))):
            continue
        tower = tower_of(model, name)
        block = next((block for block in block_names if name.startswith(f"{block}.")), "")
        inward, outward = _ends(module, weight)
        if name in outputs:
            pixels_in, pixels_out = outputs[name]
            products, values = weight.numel() * pixels_out, pixels_in * module.in_channels + pixels_out * module.out_channels  # type: ignore[operator]
        else:
            products, values = weight.numel() * positions[tower], (inward + outward) * positions[tower]
        layers.append(Layer(name, tower, weight.numel(), products, values, weight.requires_grad, block))
        if block and block not in blocks:
            blocks[block] = Block(tower, inward, positions[tower], size.tiles if tower == "vision" else 1)
    head_weight = _head_weight(model, modules)
    return Work(size, tuple(layers), blocks, len(head_weight), head_weight.numel(), head_weight.requires_grad)


def _square(model: FamilyModel) -> Image.Image:
    return Image.new("RGB", (model.build.image_size, model.build.image_size))


def _pixels(model: FamilyModel) -> Tensor:
    """Pixel values of one standardised image, as the vision tower takes them."""
    return model.pixel_values([_square(model)])


def _in_vision(model: FamilyModel, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> list[tuple[str, nn.Module]]:
    found = [(name, module) for name, module in model.network.named_modules() if isinstance(module, kind)]
    return [(name, module) for name, module in found if tower_of(model, name) == "vision"]


def _is_convolutional(model: FamilyModel) -> bool:
    """Whether the vision tower convolves with overlapping windows; a patch embedding's do not overlap."""
    return any(module.kernel_size != module.stride for _, module in _in_vision(model, nn.Conv2d))


def _patch_values(model: FamilyModel) -> int:
    """Numbers of one patch, from the first layer of the vision tower."""
    _, first = _in_vision(model, (nn.modules.conv._ConvNd, nn.Linear))[0]
    weight = first.weight
    assert isinstance(weight, Tensor)
    return weight[0].numel()


def _convolution_outputs(model: FamilyModel) -> dict[str, tuple[int, int]]:
    """Pixels into and out of every convolution of a convolutional vision tower, from a forward pass."""
    found: dict[str, tuple[int, int]] = {}
    convolutions = _in_vision(model, nn.Conv2d)

    def remember(name: str) -> object:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = (inputs[0].shape[2:].numel(), output.shape[2:].numel())

        return hook

    handles = [module.register_forward_hook(remember(name)) for name, module in convolutions]  # type: ignore[arg-type]
    tower = model.network.get_submodule(model.towers["vision"])
    with torch.no_grad():
        tower(_pixels(model).to(model.device, model.dtype))
    for handle in handles:
        handle.remove()
    return found


def _block_names(network: nn.Module) -> Iterable[str]:
    """Names of the repeated transformer layers, outermost first, those inside another left out."""
    seen: list[str] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) > 1 and not any(name.startswith(f"{block}.") for block in seen):
            for number, child in enumerate(module):
                if any(_weight(inner) is not None for inner in child.modules()):
                    seen.append(f"{name}.{number}")
    return seen


def _weight(module: nn.Module) -> Tensor | None:
    """The matrix that ``module`` itself multiplies with, or None."""
    from transformers.pytorch_utils import Conv1D  # GPT-2's transposed linear layer

    if isinstance(module, nn.MultiheadAttention):
        return module.in_proj_weight
    return module.weight if isinstance(module, nn.Linear | nn.modules.conv._ConvNd | Conv1D) else None


def _ends(module: nn.Module, weight: Tensor) -> tuple[int, int]:
    """Numbers one position brings into a layer, and gets out of it."""
    inward, outward = weight[0].numel(), weight.shape[0]
    transposed = type(module).__name__ == "Conv1D"
    return (outward, inward) if transposed else (inward, outward)


def _head_weight(model: FamilyModel, modules: dict[str, nn.Module]) -> Tensor:
    """Weight of the output head; where it is no module of its own, the word embeddings, which then give the logits."""
    if name := model.output_head():
        weight = modules[name].weight
    else:
        embeddings = [module.weight for module in modules.values() if isinstance(module, nn.Embedding)]
        weight = max(embeddings, key=len)
    assert isinstance(weight, Tensor)
    return weight
