"""Settings of the ``modality`` room."""

from __future__ import annotations

from typing import Literal

from radtune.config.base import Settings


class ModalitySettings(Settings):
    """The modality classifier."""

    backbone: str = "resnet50"
    """A torchvision classification architecture by its torchvision name."""
    source: str = "hub:timm/resnet50.tv_in1k@main"
    """Where the backbone's ImageNet weights come from."""
    sha256: str | None = None
    """SHA-256 of the weight file; required for a `package:` source."""
    frozen_backbone: bool = False
    """Train the last layer only, on features computed once."""
    image_size: int = 224
    """Side of the square fed to the backbone, in pixels."""
    epochs: int = 10
    """Passes over the training images."""
    batch_size: int = 64
    """Images a step."""
    learning_rate: float = 1e-4
    """Peak learning rate of AdamW."""
    weight_decay: float = 1e-4
    """Decoupled weight decay."""
    patience: int = 3
    """Epochs without a better validation loss before training stops; the best state is kept."""
    class_weights: Literal["balanced", "none"] = "balanced"
    """Weigh classes by the inverse of their frequency, or not."""
    calibration_bins: int = 15
    """Equal-width bins of the expected calibration error."""
    threads: int = 2
    """Processor threads; fixed by the config so that results do not depend on the machine's cores."""
