"""Where a model runs and what about that place can change a result."""

from __future__ import annotations

import os
import resource
import sys

import torch
from torch import nn

from radtune.errors import ConfigError


def choose_device(threads: int) -> torch.device:
    """The GPU if there is one, else the processor with ``threads`` threads; deterministic kernels wherever torch has them.

    Each process that `torchrun` starts takes a GPU of its own. Raises :class:`ConfigError` if there are too few.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A guard against bugs that costs time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if not torch.cuda.is_available():
        return torch.device("cpu")
    index = int(os.environ.get("LOCAL_RANK", "0"))
    if index >= torch.cuda.device_count():
        raise ConfigError(
            f"process {index + 1} of this training finds only {torch.cuda.device_count()} GPUs",
            "start as many processes as there are GPUs (resources.gpu)",
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def attention_implementation(network: nn.Module) -> str:
    """How the network's transformers compute attention (`sdpa`, `eager`, ...); several joined by `+`; `none` if it has no say."""
    found = {getattr(getattr(module, "config", None), "_attn_implementation", None) for module in network.modules()}
    return "+".join(sorted(name for name in found if name)) or "none"


def peak_memory_mb(device: torch.device) -> float:
    """Most memory in use so far, in MiB: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
