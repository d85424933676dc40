"""Which parameters are trained: LoRA through PEFT, modules unfrozen in place, everything, or everything in stages.

Every trained parameter keeps the network's precision (adapters in bfloat16 are the fastest on a CPU). bfloat16 has eight
significant bits, so an optimiser must keep its own float32 copies: a step of 1e-4 on a weight of 0.05 rounds away.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from radtune.config.models import AdaptationSettings
from radtune.errors import ArtifactError, ConfigError
from radtune.models.family import FamilyModel, Tower
from radtune.models.quantisation import keep_differentiable, parameter_count
from radtune.models.untyped import untyped

_LORA = r"\.lora_(A|B|magnitude_vector)\."
"""What tells LoRA's own parameters from the layer's."""


@dataclass(frozen=True)
class TrainedModule:
    """A module that training changes: one row of the `trained_modules` artifact."""

    module: str
    tower: Tower
    way: Literal["lora", "unfrozen"]
    parameters: int
    """Trainable ones (in any stage)."""
    total_parameters: int
    """All of the module, with what was added."""


def adapt(model: FamilyModel, adaptation: AdaptationSettings, *, seed: int) -> list[TrainedModule]:
    """Insert LoRA and set what is trained, in place; return what training will change, in the network's order.

    ``seed`` decides LoRA's initial weights; the generators of torch are left as they were. With strategy `staged` the model is
    left in its first stage (:func:`set_stage`).
    Raises :class:`ConfigError` for a target that matches nothing and for a strategy that the family or the settings do not fit.
    """
    _check(model, adaptation)
    if model.build.quantisation != "none":
        keep_differentiable(model.network)
    lora = lora_targets(model, adaptation)
    unfrozen = unfrozen_modules(model, adaptation)
    for name in lora:
        if any(name == other or name.startswith(f"{other}.") for other in unfrozen):
            raise ConfigError(f"adaptation: {name} is both a LoRA target and unfrozen", "name it in one of the two lists")
    if lora:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            _insert_lora(model.network, lora, adaptation)
    # By identity: a tied head is trained with the embeddings, whichever of the two is named.
    in_place = {id(parameter) for name in unfrozen for parameter in model.network.get_submodule(name).parameters()}
    for parameter_name, parameter in model.network.named_parameters():
        wanted = (
            adaptation.strategy == "full"
            or _is_lora(parameter_name)
            or id(parameter) in in_place
            or (adaptation.strategy == "staged" and _in_stages(model, parameter_name, last_epoch=None))
        )
        if wanted and not parameter.is_floating_point():
            raise ConfigError(
                f"adaptation: {parameter_name} is to be trained in place, and 4-bit weights cannot be",
                "train LoRA alone (targeted, extended), or set build.quantisation to none",
            )
        parameter.requires_grad_(wanted)
    # A tied tensor has one name in named_parameters, so it is counted and saved once.
    model.trained_names = tuple(name for name, parameter in model.network.named_parameters() if parameter.requires_grad)
    left_out = [
        name
        for name, parameter in model.network.named_parameters()
        if not parameter.requires_grad and model.new_parameters and re.fullmatch(model.new_parameters, name)
    ]
    if left_out:
        raise ConfigError(
            f"adaptation: {model.build.family} would keep new, random parameters as they are: {_some('', set(left_out))}",
            "choose strategy hybrid with connector:* unfrozen, staged, or full",
        )
    rows = _trained_modules(model)
    set_stage(model, adaptation, epoch=0)
    return rows


def set_stage(model: FamilyModel, adaptation: AdaptationSettings, epoch: int) -> bool:
    """With strategy `staged`, train what ``epoch`` (from 0) trains. Returns whether anything changed, so that an optimiser must
    be told; always False with other strategies."""
    if adaptation.strategy != "staged":
        return False
    changed = False
    for name, parameter in model.network.named_parameters():
        wanted = _is_lora(name) or _in_stages(model, name, last_epoch=epoch)
        changed = changed or parameter.requires_grad != wanted
        parameter.requires_grad_(wanted)
    return changed


def trained_state(model: FamilyModel) -> dict[str, Tensor]:
    """A copy of every tensor that training may change in any stage, by name, on the CPU."""
    parameters = dict(model.network.named_parameters())
    return {name: parameters[name].detach().to("cpu", copy=True).contiguous() for name in model.trained_names}


def load_trained_state(model: FamilyModel, path: Path) -> None:
    """Put what :func:`trained_state` gave, from a safetensors file, into an adapted model.

    Raises :class:`ArtifactError` unless the file holds exactly the tensors that the model trains, in their shapes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing", "run the training of this model") from None
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: not a readable safetensors file: {error}", "train the model again") from error
    fix = "train the model again with its present settings"
    missing, unexpected = set(model.trained_names) - set(tensors), set(tensors) - set(model.trained_names)
    if missing or unexpected:
        raise ArtifactError(f"{path}: does not fit the model: {_some('lacks', missing)}{_some('has also', unexpected)}", fix)
    parameters = dict(model.network.named_parameters())
    for name, tensor in tensors.items():
        if tensor.shape != parameters[name].shape:
            raise ArtifactError(f"{path}: {name} has shape {list(tensor.shape)}, not {list(parameters[name].shape)}", fix)
    with torch.no_grad():
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)


def merge_adapters(model: FamilyModel) -> None:
    """Fold LoRA and DoRA into the weights that they adapt, in place; nothing of PEFT is left in the network.

    In bfloat16 the folded weights are rounded to 8 significant bits, so logits change a little; in float32 they do not.
    Raises :class:`ConfigError` for quantised weights, which cannot hold the sum.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    if model.build.quantisation != "none":
        raise ConfigError("build.quantisation: adapters cannot be folded into 4-bit weights", "load the model with none")
    adapted = {name: module for name, module in model.network.named_modules() if isinstance(module, BaseTunerLayer)}
    with torch.no_grad():
        for name, layer in adapted.items():
            untyped(layer).merge()
            model.network.set_submodule(name, untyped(layer).get_base_layer())
    model.trained_names = ()


def trainable_parameters(model: FamilyModel) -> int:
    """Number of parameters that are trained now."""
    return sum(parameter.numel() for parameter in model.network.parameters() if parameter.requires_grad)


def lora_targets(model: FamilyModel, adaptation: AdaptationSettings) -> list[str]:
    """Names of the linear layers that get LoRA."""
    linear = [(name, module) for name, module in model.network.named_modules() if _takes_lora(module)]
    # MultiheadAttention reads its projection's weight directly, past any adapter around it.
    attentions = [name for name, module in model.network.named_modules() if isinstance(module, nn.MultiheadAttention)]
    names = [name for name, _ in linear if not any(name.startswith(f"{attention}.") for attention in attentions)]
    if adaptation.strategy == "extended":
        head = model.output_head()
        return [name for name in names if name != head and not (head and name.startswith(f"{head}."))]
    return _matching(model, names, adaptation.targets, "targets", "linear layer")


def unfrozen_modules(model: FamilyModel, adaptation: AdaptationSettings) -> list[str]:
    """Names of the modules trained in place by `adaptation.unfrozen`."""
    names = [name for name, module in model.network.named_modules() if name and next(module.parameters(), None) is not None]
    return _matching(model, names, adaptation.unfrozen, "unfrozen", "module")


def tower_of(model: FamilyModel, name: str) -> Tower:
    """The tower a module or parameter belongs to."""
    for tower, pattern in model.towers.items():
        if re.match(rf"({pattern})(\.|$)", name):
            return tower
    raise ValueError(f"{name} belongs to no tower of {model.build.family}")


def _check(model: FamilyModel, adaptation: AdaptationSettings) -> None:
    """Refuse settings that the strategy would silently ignore, or that would train nothing."""
    strategy = adaptation.strategy
    if strategy == "staged" and not model.stages:
        raise ConfigError(f"adaptation.strategy: {model.build.family} has no stages", "choose another strategy")
    if strategy in ("targeted", "hybrid") and not adaptation.targets:
        raise ConfigError(f"adaptation.targets: empty, and {strategy} needs them", "name modules, such as language:q_proj")
    if strategy in ("extended", "full") and adaptation.targets:
        raise ConfigError(f"adaptation.targets: {strategy} chooses its modules itself", "remove targets, or choose targeted")
    if strategy == "hybrid" and not adaptation.unfrozen:
        raise ConfigError("adaptation.unfrozen: empty, and hybrid needs it", "name modules, or choose targeted")
    if strategy != "hybrid" and adaptation.unfrozen:
        raise ConfigError(f"adaptation.unfrozen: {strategy} does not use it", "remove it, or choose hybrid")


def _takes_lora(module: nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D  # GPT-2's transposed linear layer

    # A linear layer with another inside (IDEFICS's head holds that of the added words) has more outputs than an adapter knows of.
    return isinstance(module, nn.Linear | Conv1D) and next(module.children(), None) is None


def _matching(model: FamilyModel, names: list[str], targets: Iterable[str], key: str, what: str) -> list[str]:
    """Those of ``names`` that some target (`tower:name`) means, in their order. Every target must mean at least one."""
    matched: set[str] = set()
    for target in targets:
        tower, _, wanted = target.partition(":")
        if tower not in model.towers or not wanted:
            raise ConfigError(
                f"adaptation.{key}: {target!r} is not tower:name", f"write {', '.join(f'{tower}:…' for tower in model.towers)}"
            )
        found = {
            name
            for name in names
            if _inside(model, name, tower) and (wanted == "*" or name == wanted or name.endswith(f".{wanted}"))
        }
        if not found:
            here = sorted({name.rsplit(".", 1)[-1] for name in names if _inside(model, name, tower)} - set("0123456789"))
            raise ConfigError(
                f"adaptation.{key}: {target!r} matches no {what} of {model.build.family}", f"{tower} has {', '.join(here)}"
            )
        matched |= found
    return [name for name in names if name in matched]


def _inside(model: FamilyModel, name: str, tower: str) -> bool:
    """Whether a module belongs to ``tower`` (a container around towers, such as `model`, belongs to none)."""
    return any(re.match(rf"({pattern})(\.|$)", name) for pattern in model.towers.values()) and tower_of(model, name) == tower


def _insert_lora(network: nn.Module, names: list[str], adaptation: AdaptationSettings) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    settings = LoraConfig(
        r=adaptation.rank,
        lora_alpha=adaptation.alpha,
        lora_dropout=adaptation.dropout,
        use_dora=adaptation.dora,
        target_modules="|".join(re.escape(name) for name in names),  # a text is matched against the whole name
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="fan_in_fan_out")  # PEFT sets it right for GPT-2's Conv1D by itself
        untyped(inject_adapter_in_model)(settings, network)
    network.train(network.training)  # new layers are born in training mode: their dropout would act in evaluation


def _is_lora(parameter_name: str) -> bool:
    return re.search(_LORA, parameter_name) is not None


def _in_stages(model: FamilyModel, name: str, last_epoch: int | None) -> bool:
    """Whether a stage that has begun by ``last_epoch`` (None: any stage) trains the parameter."""
    return any(
        re.fullmatch(pattern, name)
        for stage in model.stages
        if last_epoch is None or stage.epoch <= last_epoch
        for pattern in stage.parameters
    )


def _trained_modules(model: FamilyModel) -> list[TrainedModule]:
    """One row for each layer with LoRA and for each module that itself owns an unfrozen parameter."""
    modules = dict(model.network.named_modules())
    parameters = dict(model.network.named_parameters())
    trained: dict[tuple[str, Literal["lora", "unfrozen"]], int] = {}
    towers: dict[str, Tower] = {}
    for name in model.trained_names:
        way: Literal["lora", "unfrozen"] = "lora" if _is_lora(name) else "unfrozen"
        owner = re.split(_LORA, name, maxsplit=1)[0] if way == "lora" else name.rpartition(".")[0]
        trained[owner, way] = trained.get((owner, way), 0) + parameters[name].numel()
        towers.setdefault(owner, tower_of(model, name))  # a container of towers, itself in none, may own a parameter
    return [
        TrainedModule(
            module=owner,
            tower=towers[owner],
            way=way,
            parameters=count,
            total_parameters=sum(parameter_count(parameter) for parameter in modules[owner].parameters(recurse=way == "lora")),
        )
        for (owner, way), count in trained.items()
    ]


def _some(verb: str, names: set[str]) -> str:
    """A few of ``names`` in words; nothing if there are none."""
    if not names:
        return ""
    shown = ", ".join(sorted(names)[:3])
    return f"{verb} {shown}{f' and {len(names) - 3} more' if len(names) > 3 else ''}. "
