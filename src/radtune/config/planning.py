"""Settings of ``radtune plan``: the device that hours and memory are reckoned for."""

from __future__ import annotations

from pydantic import Field

from radtune.config.base import Settings


class PlanningSettings(Settings):
    """The device of the plan. Nothing that is computed depends on it."""

    device: str = "A100-80GB"
    """What the numbers below belong to."""
    tflops: float = Field(default=312.0, gt=0)
    """Peak of dense bfloat16 matrix products, in 10^12 floating-point operations a second (data sheet)."""
    tflops_float32: float = Field(default=19.5, gt=0)
    """Peak in float32 (data sheet, without TF32)."""
    utilisation: float = Field(default=0.35, gt=0, le=1)
    """Share of the peak that a training reaches."""
    bandwidth_gb_s: float = Field(default=2_039.0, gt=0)
    """Memory bandwidth, in 10^9 bytes a second: what bounds the writing of one token after the other."""
    memory_gib: float = Field(default=80.0, gt=0)
    """Memory, in GiB."""
