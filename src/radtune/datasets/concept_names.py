"""The UMLS concepts that the sample's images and captions use: CUI and canonical name.

Modality, region and projection CUIs are those of ROCOv2's manual annotation; the others are the concepts of the UMLS
Metathesaurus with these names.
"""

from __future__ import annotations

from typing import Final

CT: Final = "C0040405"
MRI: Final = "C0024485"
RADIOGRAPH: Final = "C1306645"
ULTRASOUND: Final = "C0041618"
SCINTIGRAPHY: Final = "C0034606"

AXIAL: Final = "C0205131"
CORONAL: Final = "C0205123"
SAGITTAL: Final = "C0205129"
POSTERO_ANTERIOR: Final = "C1996865"
ANTERO_POSTERIOR: Final = "C1999039"

ABDOMEN: Final = "C0000726"
ANKLE: Final = "C0003086"
AORTA: Final = "C0003483"
BRAIN: Final = "C0006104"
CHEST: Final = "C0817096"
DIAPHRAGM: Final = "C0011980"
FIBULA: Final = "C0016068"
HEART: Final = "C0018787"
KIDNEY: Final = "C0022646"
LIVER: Final = "C0023884"
LOWER_EXTREMITY: Final = "C0023216"
LUNG: Final = "C0024109"
LYMPH_NODE: Final = "C0024204"
MEDIASTINUM: Final = "C0025066"
ORBIT: Final = "C0029180"
PELVIS: Final = "C0030797"
RIB: Final = "C0035561"
SHOULDER: Final = "C0037004"
SKELETON: Final = "C0262950"
SKULL: Final = "C0037303"
THORACIC_SPINE: Final = "C0581269"
TIBIA: Final = "C0040184"
UPPER_EXTREMITY: Final = "C1140618"
VERTEBRAL_COLUMN: Final = "C0037949"

NAMES: Final[dict[str, str]] = {
    CT: "X-Ray Computed Tomography",
    MRI: "Magnetic Resonance Imaging",
    RADIOGRAPH: "Plain x-ray",
    ULTRASOUND: "Ultrasonography",
    SCINTIGRAPHY: "Radionuclide Imaging",
    AXIAL: "Axial",
    CORONAL: "Coronal",
    SAGITTAL: "Sagittal",
    POSTERO_ANTERIOR: "Postero-Anterior",
    ANTERO_POSTERIOR: "Anterior-Posterior",
    ABDOMEN: "Abdomen",
    ANKLE: "Ankle",
    AORTA: "Aorta",
    BRAIN: "Brain",
    CHEST: "Chest",
    DIAPHRAGM: "Respiratory Diaphragm",
    FIBULA: "Bone structure of fibula",
    HEART: "Heart",
    KIDNEY: "Kidney",
    LIVER: "Liver",
    LOWER_EXTREMITY: "Lower Extremity",
    LUNG: "Lung",
    LYMPH_NODE: "lymph nodes",
    MEDIASTINUM: "Mediastinum",
    ORBIT: "Ocular orbit",
    PELVIS: "Pelvis",
    RIB: "Bone structure of rib",
    SHOULDER: "Shoulder",
    SKELETON: "Skeletal bone",
    SKULL: "Bone structure of cranium",
    THORACIC_SPINE: "Thoracic spine structure",
    TIBIA: "Bone structure of tibia",
    UPPER_EXTREMITY: "Upper Extremity",
    VERTEBRAL_COLUMN: "Vertebral column",
}
"""Canonical name of each CUI, as ``cui_mapping.csv`` gives it."""
