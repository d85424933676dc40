"""One training on several processes of one machine: the ranks that `torchrun` starts, one a GPU.

Every rank holds the whole model and knows the whole data order; the forward passes of a step are dealt out among them. What
one of them learns (gradients, losses, a request to stop) is summed over all, so that all take the same decisions and keep the
same parameters. Without `torchrun` there is one rank, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from radtune.config.models import TrainingSettings
from radtune.errors import ConfigError, RadtuneError
from radtune.training.termination import stop_with_parent

PATIENCE = timedelta(hours=1)
"""How long a rank waits for the others: longer than the first rank may wait for a twin, download weights or save a state."""

BUCKET_NUMBERS = 1 << 24
"""Numbers summed over the ranks in one call: few calls for thousands of small adapters, 64 MiB of copies at most."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of its training."""

    rank: int
    """From 0."""
    count: int
    device: torch.device
    """Where this rank computes."""

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes files and talks to people."""
        return self.rank == 0

    def share(self, items: Sequence[object]) -> range:
        """Indices of those of ``items`` that are this rank's."""
        return range(self.rank, len(items), self.count)

    def sum(self, values: Sequence[float]) -> list[float]:
        """Sums over all ranks, number by number; the ranks must pass equally many."""
        if self.count == 1:
            return list(values)
        summed = torch.tensor(values, dtype=torch.float64, device=self.device)
        self._sum(summed)
        sums: list[float] = summed.tolist()
        return sums

    def any(self, value: bool) -> bool:
        """Whether ``value`` is true on any rank."""
        return self.sum([float(value)])[0] > 0

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient by its sum over all ranks. A parameter without a gradient anywhere stays without one; where
        only some ranks have one, the others count as zero."""
        if self.count == 1:
            return
        parameters = list(parameters)
        held = self.sum([float(parameter.grad is not None) for parameter in parameters])
        gradients = []
        for parameter, holders in zip(parameters, held, strict=True):
            if holders:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            self._sum(flat)
            start = 0
            for gradient in bucket:
                gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
                start += gradient.numel()

    def _sum(self, tensor: Tensor) -> None:
        """Sum ``tensor`` over all ranks, in place."""
        try:
            distributed.all_reduce(tensor)
        except RuntimeError as error:  # how gloo and NCCL say that a connection is gone
            raise RadtuneError(
                f"rank {self.rank}: another process of this training is gone: {error}",
                "look for its own message, and start again",
            ) from error


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """``tensors`` in order, in groups of at most :data:`BUCKET_NUMBERS` numbers (or one tensor)."""
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and size + tensor.numel() > BUCKET_NUMBERS:
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel()
    if bucket:
        yield bucket


@contextmanager
def joined_ranks(device: torch.device, settings: TrainingSettings) -> Iterator[Ranks]:
    """Meet the other ranks, if `torchrun` started this process; a single rank otherwise.

    Raises :class:`ConfigError` if there are more ranks than forward passes in an optimiser step.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count > settings.accumulation:
        raise ConfigError(
            f"training.accumulation: {settings.accumulation} forward passes cannot be dealt out to {count} processes",
            f"set accumulation to {count} (or a multiple) and divide batch_size by as much as accumulation grows: the product is"
            " what an optimiser step learns from",
        )
    if count == 1:
        yield Ranks(0, 1, device)
        return
    stop_with_parent()  # torchrun ends its ranks unless it is killed itself; they would go on beside the next attempt
    if device.type == "cuda":
        distributed.init_process_group("nccl", timeout=PATIENCE, device_id=device)
    else:
        distributed.init_process_group("gloo", timeout=PATIENCE)
    yield Ranks(distributed.get_rank(), count, device)
    distributed.destroy_process_group()  # not after an error: the others may still wait in it, until the launcher ends them
