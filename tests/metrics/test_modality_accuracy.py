import pytest

from radtune.metrics.modality_accuracy import ANGIOGRAPHY, TERMS, named_modality
from radtune.modality.classes import CLASSES


def test_terms_are_listed_for_every_class() -> None:
    assert set(TERMS) == {*CLASSES, ANGIOGRAPHY}


@pytest.mark.parametrize(
    ("caption", "modality"),
    [
        ("Axial CT scan of the chest", "CT"),
        ("Contrast-enhanced computed tomography (CT) of the abdomen", "CT"),
        ("X-ray computed tomography of the skull", "CT"),
        ("CT angiography of the aorta", "CT"),
        ("CBCT, coronal", "CT"),
        ("axial ct of the brain", "CT"),
        ("Sagittal T2-weighted image", "MRI"),
        ("Axial T2*-weighted MR image", "MRI"),
        ("Magnetic resonance angiogram", "MRI"),
        ("Gradient-echo sequence", "MRI"),
        ("Chest X-ray, PA view", "Radiograph"),
        ("Radiographs of both ankles", "Radiograph"),
        ("CXR showing cardiomegaly", "Radiograph"),
        ("Mammogram", "Radiograph"),
        ("Transthoracic echocardiogram with color Doppler", "Ultrasound"),
        ("US of the liver", "Ultrasound"),
        ("Renal ultrasonography", "Ultrasound"),
        ("FDG PET/CT, maximum intensity projection", "Other"),
        ("PET-CT of the thorax", "Other"),
        ("Coronary angiogram", "Other"),
        ("Bone scan, posterior view", "Other"),
        ("OCT of the retina", "Other"),
        # none named, or several
        ("Image demonstrates a horseshoe kidney.", None),
        ("a scan of us and our pet, taken by Mr Smith with flair", None),
        ("CT and MRI of the brain", None),
        ("Chest X-ray followed by CT", None),
        ("ultrasound-guided biopsy on CT", None),
        ("effect of the octopus", None),
        ("", None),
    ],
)
def test_modality_named_by_a_caption(caption: str, modality: str | None) -> None:
    assert named_modality(caption) == modality
