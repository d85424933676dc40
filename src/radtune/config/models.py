"""Settings of one model: what it is, how it is adapted, trained and asked, and what its jobs need."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from radtune.config.base import Settings

Task = Literal["caption", "question"]

FAMILIES = tuple(sorted(path.stem for path in (Path(__file__).parents[1] / "models/families").glob("[a-z]*.py")))
"""The architectures: one module of `radtune.models.families` each, found by its file so that a new one is one file."""


class BuildSettings(Settings):
    """An architecture and where its weights come from."""

    family: str = Field(json_schema_extra={"enum": list(FAMILIES)})
    """The architecture: a module of `radtune.models.families`."""
    sources: dict[str, str]
    """Weight source of each part: `model` for whole checkpoints; `vision` and `language` for models put together from two."""
    sha256: dict[str, str] = {}
    """SHA-256 of those parts that are single files."""
    vision_backbone: Literal["resnet50", "mobilenet_v2"] = "resnet50"
    """torchvision network of `soft_prompt`'s image encoder (a `tiny:` one is a small MobileNetV2 whatever this says)."""
    image_size: int = 512
    """Side of the square image the model sees, in pixels."""
    instruction: str = "Describe this medical image."
    """Instruction of the captioning task (the papers give none)."""
    maximum_text_tokens: int = 128
    """Captions and answers are cut to this many tokens; image tokens never."""
    options: dict[str, int] = {}
    """Sizes of the family's own parts, such as `visual_prompts`; also the sizes of a `tiny:` build."""
    architecture: dict[str, Any] = {}
    """Where this model's published configuration differs from the family's, in the spelling of its `config.json`: what `radtune
    plan` needs for another size of a known family. A nested block that names a `model_type` replaces the family's block, any
    other is merged into it. A `path:` source brings its own `config.json`; a `tiny:` one has its sizes from `options`."""
    attention: Literal["auto", "flash_attention_2", "sdpa", "eager"] = "auto"
    """How attention is computed. `auto`: FlashAttention-2 where it is installed, on a GPU, in bfloat16; else torch's own."""
    quantisation: Literal["none", "nf4"] = "none"
    """`nf4`: the frozen weights in 4 bits (QLoRA; needs bitsandbytes)."""

    @field_validator("family")
    @classmethod
    def _family_exists(cls, family: str) -> str:
        if family not in FAMILIES:
            raise ValueError(f"no such family; choose from {', '.join(FAMILIES)}")
        return family


class AdaptationSettings(Settings):
    """Which parameters are trained, and how."""

    strategy: Literal["targeted", "extended", "hybrid", "full", "staged"] = "targeted"
    """`targeted`: LoRA on named modules. `extended`: LoRA on every linear layer. `hybrid`: LoRA plus modules unfrozen in
    place. `full`: everything. `staged`: everything, unfrozen in stages."""
    rank: int = 16
    """LoRA rank."""
    alpha: int = 32
    """LoRA alpha; the update is scaled by alpha / rank."""
    dropout: float = 0.05
    """LoRA dropout."""
    dora: bool = False
    """Weight-decomposed LoRA: a trained magnitude for each output beside the low-rank direction (arXiv 2402.09353)."""
    targets: tuple[str, ...] = ()
    """Modules that get LoRA, as `tower:name`, such as `language:q_proj`. One that matches nothing is an error."""
    unfrozen: tuple[str, ...] = ()
    """Modules trained in place, as `tower:name`; `connector:*` for a whole tower."""


class TrainingSettings(Settings):
    """The recipe."""

    mix: str = "captions"
    """Name of the mix it trains on."""
    epochs: int = Field(default=10, ge=1)
    """Most passes over the mix."""
    batch_size: int = Field(default=4, ge=1)
    """Rows a forward pass."""
    accumulation: int = Field(default=4, ge=1)
    """Forward passes an optimiser step."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of AdamW."""
    schedule: Literal["linear", "cosine", "constant", "onecycle", "plateau"] = "linear"
    """Learning-rate schedule: linear or cosine decay to zero, constant, one cycle, or cuts where the validation loss stalls."""
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    """Share of all steps over which the learning rate rises."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """`plateau` only: what the learning rate is multiplied by."""
    plateau_patience: int = Field(default=2, ge=0)
    """`plateau` only: evaluations without a better validation loss before the learning rate is cut."""
    maximum_gradient_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Precision of weights and activations; the optimiser always works on float32 copies."""
    evaluations: int = Field(default=20, ge=1)
    """Evaluations on the validation split over the whole run, evenly spaced."""
    patience: int = Field(default=5, ge=1)
    """Evaluations without a better validation loss before training stops; the best state is kept."""
    checkpoint_steps: int = Field(default=200, ge=1)
    """Optimiser steps between two resumable states: the most that a kill can cost."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    threads: int = Field(default=2, ge=1)
    """Processor threads; fixed by the config so that results do not depend on the machine's cores."""


class GenerationSettings(Settings):
    """How a trained model is asked."""

    tasks: tuple[Task, ...] = ("caption",)
    """What it is asked for on the test split."""
    arms: tuple[Literal["plain", "modality"], ...] = ("plain", "modality")
    """`plain`: the prompt as it is. `modality`: with the predicted modality before it."""
    maximum_new_tokens: int = Field(default=128, ge=1)
    """Length limit, in tokens."""
    batch_size: int = Field(default=16, ge=1)
    """Rows a batch; the batches depend on the row ids alone."""
    shards: int = Field(default=1, ge=1)
    """Jobs that share an arm's predictions. Each takes whole batches, so the captions are the same for any number."""
    merged: bool = False
    """Fold LoRA into the weights first: faster, but in bfloat16 the folded weights are rounded, so captions can differ."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Precision of weights and activations."""
    threads: int = Field(default=2, ge=1)
    """Processor threads."""


class ResourceSettings(Settings):
    """What the model's jobs ask of a cluster."""

    gpu: int = 1
    """GPUs of the training job."""
    train_memory_mb: int = 64_000
    """Memory of the training job."""
    train_minutes: int = 1_440
    """Time limit of the training job; it resumes when it is hit."""
    predict_memory_mb: int = 48_000
    """Memory of a prediction job."""
    predict_minutes: int = 240
    """Time limit of a prediction job."""
    threads: int = 8
    """Processor cores of either job."""


class PrintedCount(Settings):
    """What a paper prints about the size of this training, for `radtune plan` to show beside the real count."""

    source: str
    """Where it is printed."""
    millions: float
    """Trainable parameters, in millions."""
    percent: float
    """Share of all parameters, in percent."""
    note: str = ""
    """Why the real count differs, where it does."""


class ModelSettings(Settings):
    """One model of the benchmark."""

    build: BuildSettings
    """What it is."""
    licence: str = ""
    """Licence of the weights it starts from, as their owner states it; the report adds it to those of the images."""
    adaptation: AdaptationSettings = AdaptationSettings()
    """What is trained."""
    training: TrainingSettings = TrainingSettings()
    """The recipe."""
    generation: GenerationSettings = GenerationSettings()
    """How it is asked."""
    resources: ResourceSettings = ResourceSettings()
    """What its jobs need."""
    printed: PrintedCount | None = None
    """The paper's own count of trainable parameters."""


class TrainStep(Settings):
    """The settings a training result depends on (a change elsewhere in the model's block retrains nothing)."""

    build: BuildSettings
    """What the model is."""
    adaptation: AdaptationSettings
    """What is trained."""
    training: TrainingSettings
    """The recipe."""


class PredictStep(Settings):
    """The settings a prediction depends on, besides the adapter."""

    build: BuildSettings
    """What the model is."""
    adaptation: AdaptationSettings
    """What was trained."""
    generation: GenerationSettings
    """How it is asked."""
