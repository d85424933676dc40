"""Where the data sets of the known layouts are published, and where that was found. Nothing is fetched unless a configuration
says so: these are what to write into ``download``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownSource:
    """How the data set of one layout is had."""

    licence: str
    """Of the release as a whole, as stated where it was found; empty where none was found."""
    found: str
    """Where this was found."""
    download: str | None = None
    """What to write into ``download``; None: to be had by hand only."""
    by_hand: str = ""
    """How it is had by hand."""


KNOWN_SOURCES = {
    "rocov2": KnownSource(
        "each image its own (CC BY, CC BY-NC …), see license_information.csv",
        "Rückert et al., Scientific Data 11, 688 (2024), data availability: doi:10.5281/zenodo.10821435",
        "zenodo:10821435",
    ),
    "imageclef": KnownSource(
        "of the task's data usage agreement",
        "www.imageclef.org, task ImageCLEFmedical Caption",
        by_hand="register for the task; its organisers hand out the archives",
    ),
    "roco_v1": KnownSource(
        "each figure its own, see licences.txt",
        "github.com/razorx89/roco-dataset",
        by_hand="clone the repository and run its script fetch.py, which has the figures from PubMed Central",
    ),
    "medpix": KnownSource(
        "none stated",
        "github.com/CHILab1/MedPix-2.0, whose README names the archive of the images",
        by_hand="follow the repository's README",
    ),
    "slake": KnownSource(
        "CC BY 4.0",
        "the authors' repository on the hub, with the commit that others pin for it",
        "hub:BoKelvin/SLAKE@a9083ce6c34ac3ffb17671a605962924d8a8f9e9",
    ),
    "vqa_rad": KnownSource(
        "CC0 1.0",
        "Lau et al., Scientific Data 5, 180251 (2018): doi:10.17605/osf.io/89kps; OSF packs the image folder when asked, so "
        "its archive has no fixed checksum",
        "https://osf.io/download/6qdas/#name=VQA_RAD%20Dataset%20Public.json"
        " https://files.osf.io/v1/resources/89kps/providers/osfstorage/5b21453986d8510011c277bc/?zip=#name=VQA_RAD%20Image%20Folder.zip",
    ),
    "vqa_med_2019": KnownSource(
        "CC BY 4.0",
        "github.com/abachaa/VQA-Med-2019, README",
        "zenodo:10499039",
    ),
    "pmc_vqa": KnownSource(
        "CC BY-SA; the articles CC0 or CC BY",
        "huggingface.co/datasets/xmcmic/PMC-VQA, named in github.com/xiaoman-zhang/PMC-VQA; its card at this commit states the "
        "licence. The images are 22 GB packed",
        "hub:xmcmic/PMC-VQA@b56ae594f794867893143b337b4118a835794647",
    ),
    "mimic_cxr": KnownSource(
        "PhysioNet Credentialed Health Data License 1.5.0",
        "physionet.org/content/mimic-cxr-jpg",
        by_hand="become a credentialed user of PhysioNet; radtune reads a local copy only",
    ),
    "iu_xray": KnownSource(
        "each report's own licenseURL; CC BY-NC-ND 4.0 by the cards of copies",
        "openi.nlm.nih.gov, the question about downloads in its FAQ",
        "https://openi.nlm.nih.gov/imgs/collections/NLMCXR_reports.tgz https://openi.nlm.nih.gov/imgs/collections/NLMCXR_png.tgz",
    ),
}
"""By layout. What cannot be checked without asking the servers themselves (that an address still answers) is not promised."""
