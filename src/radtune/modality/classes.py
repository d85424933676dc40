"""The modality classes and the UMLS concepts (CUIs) that name them.

The five classes are the published ones; the CUIs are those of the ImageCLEFmedical caption task's evaluator
(``taubsity/clef-caption-evaluation``, ``concept_detection/evaluator.py``), and PET/CT.
"""

from __future__ import annotations

OTHER = "Other"

CLASSES = ("CT", "MRI", "Radiograph", "Ultrasound", OTHER)
"""Every class, in the order of the classifier's outputs."""

CLASS_OF_CUI = {
    "C0040405": "CT",  # X-ray computed tomography
    "C0024485": "MRI",  # magnetic resonance imaging
    "C1306645": "Radiograph",  # plain x-ray
    "C0041618": "Ultrasound",  # ultrasonography
    "C0002978": OTHER,  # angiogram
    "C0032743": OTHER,  # positron-emission tomography
    "C0920367": OTHER,  # optical coherence tomography
    "C1699633": OTHER,  # PET/CT
}
"""The class of each CUI that names a modality."""
