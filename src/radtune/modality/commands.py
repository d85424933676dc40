"""Commands of the ``modality`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import LeakageOption, LeakageSettingsOption, SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Modality labels, classifier and predictions.", no_args_is_help=True)

LabelsOption = Annotated[Path, typer.Option(help="Modality labels (modality_labels artifact).", dir_okay=False)]
ImagesOption = Annotated[list[Path], typer.Option(help="One shard of images; give the option once a shard.", dir_okay=False)]


@app.command("label")
def label_command(
    captions: Annotated[Path, typer.Option(help="Image–caption pairs (captions artifact).", dir_okay=False)],
    output: Annotated[Path, typer.Option(help="Where to write the labels.", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Label every image CT, MRI, Radiograph, Ultrasound or Other by its concepts (CUIs)."""
    from radtune.config.modality import LabelSettings
    from radtune.modality.labels import label_modalities

    label_modalities(captions, output, settings=LabelSettings.parse(settings), seed=seed)


@app.command("train")
def train_command(
    labels: LabelsOption,
    images: ImagesOption,
    classifier: Annotated[Path, typer.Option(help="Where to write the classifier (safetensors).", dir_okay=False)],
    training_log: Annotated[Path, typer.Option(help="Where to write the training log.", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
    leakage: LeakageOption = None,
    leakage_settings: LeakageSettingsOption = "{}",
) -> None:
    """Train the classifier on the train split; the valid split decides when to stop."""
    from radtune.config.modality import ModalitySettings
    from radtune.datasets.leakage_gate import LeakageGate
    from radtune.modality.train import train_classifier

    train_classifier(
        labels, images, classifier, training_log,
        settings=ModalitySettings.parse(settings), seed=seed, weights_cache=weights_cache,
        gate=LeakageGate.parse(leakage, leakage_settings),
    )  # fmt: skip


@app.command("predict")
def predict_command(
    labels: LabelsOption,
    images: ImagesOption,
    classifier: Annotated[Path, typer.Option(help="Trained classifier (safetensors).", dir_okay=False)],
    predictions: Annotated[Path, typer.Option(help="Where to write the predicted modality of every image.", dir_okay=False)],
    report: Annotated[Path, typer.Option(help="Where to write precision, recall and F1 of each class.", dir_okay=False)],
    confusion: Annotated[Path, typer.Option(help="Where to write the confusion matrix.", dir_okay=False)],
    calibration: Annotated[Path, typer.Option(help="Where to write the reliability table.", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Predict every image's modality with calibrated probabilities, and measure it on each split."""
    from radtune.config.modality import ModalitySettings
    from radtune.modality.predict import predict_modalities

    predict_modalities(
        labels, images, classifier, predictions, report, confusion, calibration,
        settings=ModalitySettings.parse(settings), seed=seed,
    )  # fmt: skip
