"""Where a model runs and what about that place can change a result."""

from __future__ import annotations

import os
import resource
import sys

import torch
from torch import nn


def choose_device(threads: int) -> torch.device:
    """The GPU if there is one, else the processor with ``threads`` threads; deterministic kernels wherever torch has them."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A guard against bugs that costs time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
