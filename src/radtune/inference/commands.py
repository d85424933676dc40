"""Commands of the ``inference`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from radtune.options import ScratchOption, SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Predict with a trained model, or a baseline.", no_args_is_help=True)

CaptionsOption = Annotated[Path, typer.Option("--captions", help="Image–caption pairs (captions artifact).", dir_okay=False)]
ImagesOption = Annotated[
    list[Path], typer.Option("--images", help="A shard of standardised images; once a shard.", dir_okay=False)
]
QuestionsOption = Annotated[
    list[Path] | None,
    typer.Option("--questions", help="Question–answer pairs; once a file. Needed for the task `question`.", dir_okay=False),
]
OutputOption = Annotated[Path, typer.Option("--output", help="Where to write the predictions.", dir_okay=False)]


class Arm(StrEnum):
    """Ways of asking."""

    plain = "plain"
    modality = "modality"


@app.command("predict")
def predict_command(
    captions: CaptionsOption,
    images: ImagesOption,
    adapter: Annotated[Path, typer.Option(help="What training changed (safetensors).", dir_okay=False)],
    output: OutputOption,
    system: Annotated[str, typer.Option(help="Name of the model in the results.")],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
    questions: QuestionsOption = None,
    arm: Annotated[Arm, typer.Option(help="The prompt as it is, or with the predicted modality before it.")] = Arm.plain,
    modality_predictions: Annotated[
        Path | None, typer.Option(help="The classifier's predictions; needed for the arm `modality`.", dir_okay=False)
    ] = None,
    shard: Annotated[
        int, typer.Option(help="Which of the settings' `generation.shards`, from 0; `gather` puts them together.")
    ] = 0,
    scratch: ScratchOption = None,
) -> None:
    """Ask a trained model about the test split, or go on where the same command was cut short.

    After SIGTERM the batches done are kept and the exit code is 75: the same command goes on from there.
    """
    from radtune.config.models import PredictStep
    from radtune.inference.predict import predict
    from radtune.training.termination import exit_when_stopped

    with exit_when_stopped("the batches done are kept"):
        predict(
            captions,
            questions or [],
            images,
            adapter,
            modality_predictions,
            output,
            system=system,
            arm=arm.value,
            shard=shard,
            settings=PredictStep.parse(settings),
            seed=seed,
            weights_cache=weights_cache,
            scratch=scratch,
        )


@app.command("gather")
def gather_command(
    captions: CaptionsOption,
    images: ImagesOption,
    shards: Annotated[
        list[Path],
        typer.Option("--predictions", help="A shard that `predict` wrote; once a shard, in any order.", dir_okay=False),
    ],
    output: OutputOption,
    settings: SettingsOption,
    seed: SeedOption,
    questions: QuestionsOption = None,
) -> None:
    """Put the shards of a prediction together and check that nothing is missing or double."""
    from radtune.config.models import PredictStep
    from radtune.inference.gather import gather

    gather(captions, questions or [], images, shards, output, settings=PredictStep.parse(settings), seed=seed)


@app.command("baseline")
def baseline_command(
    captions: CaptionsOption, images: ImagesOption, output: OutputOption, settings: SettingsOption, seed: SeedOption
) -> None:
    """Draw training captions at random for every test image: what each model must beat."""
    from radtune.config.inference import BaselineSettings
    from radtune.inference.baseline import draw_random_captions

    draw_random_captions(captions, images, output, settings=BaselineSettings.parse(settings), seed=seed)
