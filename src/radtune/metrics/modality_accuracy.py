"""Modality accuracy: does the caption name the modality that the image truly has?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.errors import ArtifactError, UnavailableError
from radtune.metrics.contract import Resources, Result, Sample

ANGIOGRAPHY: Final = "angiography"
"""Words of angiography name a modality of their own (Other) only where no other modality is named: CT angiography is CT."""

TERMS: Final[Mapping[str, tuple[str, ...]]] = {
    "CT": (
        "ct", "cta", "cbct", "cect", "hrct", "mdct", "msct", "ncct", "cat scan", "x ray computed tomography", "x ray ct",
        "computed tomography", "computed tomographic", "computed axial tomography", "computer tomography", "computer tomographic",
        "computerized tomography", "computerised tomography",
    ),
    "MRI": (
        "mri", "MR", "mra", "mrcp", "mrv", "fmri", "magnetic resonance", "t1 weighted", "t2 weighted", "pd weighted",
        "proton density", "diffusion weighted", "susceptibility weighted", "t1w", "t2w", "t1wi", "t2wi", "dwi", "FLAIR", "STIR",
        "spin echo", "gradient echo", "echo planar",
    ),
    "Radiograph": (
        "radiograph", "radiography", "radiographic", "radiogram", "x ray", "xray", "cxr", "roentgenogram", "roentgenography",
        "plain film", "mammogram", "mammography", "mammographic", "tomosynthesis", "orthopantomogram", "OPG", "panoramic view",
        "fluoroscopy", "fluoroscopic", "barium swallow", "barium meal", "barium enema",
    ),
    "Ultrasound": (
        "ultrasound", "ultrasonography", "ultrasonographic", "ultrasonogram", "sonogram", "sonography", "sonographic", "US",
        "doppler", "echocardiography", "echocardiogram", "echocardiographic", "echography", "TTE", "TEE", "ivus", "pocus",
    ),
    "Other": (
        "PET", "PET CT", "PET MRI", "PET MR", "positron emission tomography",
        "positron emission tomography computed tomography", "positron emission tomography ct", "spect", "spect ct",
        "scintigraphy", "scintigraphic", "scintigram", "radionuclide", "bone scan",
        "nuclear medicine", "fdg", "gamma camera", "OCT", "optical coherence tomography",
    ),
    ANGIOGRAPHY: (
        "angiogram", "angiography", "angiographic", "arteriogram", "arteriography", "venogram", "venography", "dsa",
    ),
}  # fmt: skip
"""Words that name each modality, hyphens and slashes read as spaces. Terms in capitals count in capitals only (``MR`` is no
``Mr``, ``US`` no ``us``, ``PET`` no ``pet``). Of overlapping terms the longest counts, so PET/CT is Other and not CT."""


def modality_accuracy(samples: Sequence[Sample], resources: Resources) -> Result:
    """1 where the caption names exactly the image's true modality, else 0 (none named, another one, or several).

    None where the item's CUIs clash: its true modality is not known. Raises :class:`ArtifactError` for an unlabelled item, and
    :class:`UnavailableError` without labels.
    """
    if resources.labels is None:
        raise UnavailableError("no modality labels were given", "score in a workflow, which makes them")
    truth = {
        row["item_id"]: None if row["clash"] else row["label"]
        for row in read_rows(resources.labels, MODALITY_LABELS, ["item_id", "label", "clash"])
    }
    if unknown := {sample.item_id for sample in samples} - truth.keys():
        raise ArtifactError(
            f"{resources.labels}: no modality label for {len(unknown)} item(s), such as {min(unknown)}",
            "score predictions and labels of the same data set",
        )
    signature = {"metric": "modality accuracy", "terms": TERMS, "clashing items": "null"}
    values: list[float | None] = []
    for sample in samples:
        label = truth[sample.item_id]
        values.append(None if label is None else float(named_modality(sample.prediction) == label))
    return Result({"modality_accuracy": values}, signature)


def named_modality(text: str) -> str | None:
    """The one modality that ``text`` names; None where it names none or several."""
    words = re.sub(r"[\W_]+", " ", text)
    named = {_GROUPS[match.lastgroup] for match in _PATTERN.finditer(words) if match.lastgroup}
    if named == {ANGIOGRAPHY}:
        return "Other"
    named.discard(ANGIOGRAPHY)
    return named.pop() if len(named) == 1 else None


def _compile(terms: Mapping[str, tuple[str, ...]]) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern of all terms, longest first, and the modality of each of its groups."""
    ordered = sorted(((term, modality) for modality, group in terms.items() for term in group), key=lambda pair: -len(pair[0]))
    alternatives = []
    for index, (term, _) in enumerate(ordered):
        capitals = term.isupper()
        alternatives.append(f"(?P<t{index}>{term}s?)" if capitals else f"(?P<t{index}>(?i:{term}s?))")
    groups = {f"t{index}": modality for index, (_, modality) in enumerate(ordered)}
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b"), groups


_PATTERN, _GROUPS = _compile(TERMS)
