"""What an MR image is weighted by, as far as the acquisition parameters tell."""

from __future__ import annotations

from collections.abc import Collection

SHORT_TR_MS, LONG_TR_MS = 800.0, 2000.0
SHORT_TE_MS, LONG_TE_MS = 30.0, 80.0
SHORT_GRADIENT_TE_MS = 10.0


def weighting(sequences: Collection[str], variants: Collection[str], repetition_ms: float, echo_ms: float) -> str | None:
    """``T1-weighted``, ``T2-weighted`` or ``proton-density-weighted``, or None where the parameters leave it open.

    ``sequences`` and ``variants`` are DICOM's Scanning Sequence and Sequence Variant; times in milliseconds.
    Spin echo: short TR and short TE give T1, long TR and long TE give T2, long TR and short TE give proton density (the usual
    ranges: TR below 800 or above 2000 ms, TE below 30 or above 80 ms; Bushberg et al., The Essential Physics of Medical
    Imaging, 3rd ed., 2012, chapter 12). A spoiled gradient echo (SP) has its transverse magnetisation destroyed before
    each pulse, so with a short TE it is T1-weighted. Anything else, such as an inversion or an echo-planar readout, needs
    more than these numbers.
    """
    if set(sequences) == {"SE"}:
        if repetition_ms < SHORT_TR_MS and echo_ms < SHORT_TE_MS:
            return "T1-weighted"
        if repetition_ms > LONG_TR_MS and echo_ms > LONG_TE_MS:
            return "T2-weighted"
        if repetition_ms > LONG_TR_MS and echo_ms < SHORT_TE_MS:
            return "proton-density-weighted"
    if set(sequences) == {"GR"} and "SP" in variants and echo_ms < SHORT_GRADIENT_TE_MS:
        return "T1-weighted"
    return None
