from __future__ import annotations

import torch
from torch import nn

from radtune.models.batch_norm import keep_statistics, take_statistics_of_noise


def encoder() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))


def test_statistics_are_kept_in_training() -> None:
    network = encoder().train()
    before = network[1].running_mean.clone()
    keep_statistics(network)
    network(torch.randn(2, 3, 8, 8))
    assert torch.equal(network[1].running_mean, before)
    assert network[2].training


def test_statistics_of_noise_normalise_noise() -> None:
    network = encoder()
    take_statistics_of_noise(network, 32)
    features = network[:2].eval()(torch.randn(4, 3, 32, 32))
    torch.testing.assert_close(features.mean(dim=(0, 2, 3)), torch.zeros(4), rtol=0, atol=0.1)
    torch.testing.assert_close(features.std(dim=(0, 2, 3)), torch.ones(4), rtol=0, atol=0.1)
