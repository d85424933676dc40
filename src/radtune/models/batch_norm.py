"""Running statistics of batch normalisation in image encoders."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def keep_statistics(network: nn.Module) -> None:
    """Let batch normalisation use its running statistics from now on, also in training: else a frozen encoder would drift, and an
    image's features would depend on its batch."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def take_statistics_of_noise(encoder: nn.Module, side: int) -> None:
    """Give a random encoder of images the statistics of noise: with those it is created with, the features of any two images
    would be nearly equal. Drawn from torch's generator."""
    for module in encoder.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = None  # the statistics of all batches, here of the only one
    with torch.no_grad():
        encoder.train()(torch.randn(4, 3, side, side))
