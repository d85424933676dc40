"""Settings of the ``modality`` room."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from radtune.config.base import Settings


class LabelSettings(Settings):
    """How modality labels are read off concepts."""

    prefer_manual_concepts: bool = True
    """Let the concepts that a person assigned decide, and those of the caption only where they name no modality; false: take
    both together, so that more images clash."""


class ModalitySettings(Settings):
    """The modality classifier."""

    labels: LabelSettings = LabelSettings()
    """The labels it learns."""

    backbone: str = "resnet50"
    """A torchvision classification architecture by its torchvision name; its last layer must be linear."""
    source: str = "hub:timm/resnet50.tv_in1k@main"
    """Where the backbone's ImageNet weights come from: a torchvision state dict (`.pth`) or safetensors with the same names;
    `tiny:` for random weights."""
    sha256: str | None = None
    """SHA-256 of the weight file; required for a `package:` source."""
    frozen_backbone: bool = False
    """Train the last layer only, on features computed once."""
    image_size: int = Field(224, gt=0)
    """Side of the square fed to the backbone, in pixels."""
    epochs: int = Field(10, gt=0)
    """Most passes over the training images."""
    batch_size: int = Field(64, gt=0)
    """Images a training step."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of AdamW; it falls to 0 along a half cosine over all epochs."""
    weight_decay: float = Field(1e-4, ge=0)
    """Decoupled weight decay."""
    patience: int = Field(3, gt=0)
    """Epochs without a better validation loss before training stops; the best state is kept."""
    class_weights: Literal["balanced", "none"] = "balanced"
    """Weigh classes by the inverse of their frequency, or not."""
    calibration_bins: int = Field(15, gt=0)
    """Equal-width bins of the expected calibration error."""
    threads: int = Field(2, gt=0)
    """Processor threads; fixed by the config so that results do not depend on the machine's cores."""
    workers: int = Field(0, ge=0)
    """Processes that decode images beside the training process; 0 decodes in the training process itself."""

    def classifier_canonical(self) -> str:
        """What the classifier depends on besides its labels, as canonical JSON: so that labels are not made again, and with them
        all that follows, when its recipe changes."""
        return self.model_copy(update={"labels": LabelSettings()}).canonical()
