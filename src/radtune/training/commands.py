"""Commands of the ``training`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import ScratchOption, SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Train a model.", no_args_is_help=True)


@app.command("train")
def train_command(
    mix: Annotated[Path, typer.Option(help="The mix to train on.")],
    images: Annotated[list[Path], typer.Option(help="A shard of standardised images; once a shard.")],
    adapter: Annotated[Path, typer.Option(help="Where every trained tensor goes (safetensors).")],
    training_log: Annotated[Path, typer.Option(help="Where losses, rates and speeds go.")],
    trained_modules: Annotated[Path, typer.Option(help="Where the list of trained modules goes.")],
    checkpoints: Annotated[Path, typer.Option(help="Folder of resumable states; emptied at the end.", file_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
    scratch: ScratchOption = None,
) -> None:
    """Train one model on one mix, or go on where the same training was cut short.

    After SIGTERM the state is saved and the exit code is 75: the same command goes on from there. On several GPUs, start it with
    `python -m torch.distributed.run --standalone --nproc-per-node <GPUs> -m -- radtune training train ...`.
    """
    from radtune.config.models import TrainStep
    from radtune.training.termination import exit_when_stopped
    from radtune.training.train import train

    with exit_when_stopped("the state is saved"):
        train(
            mix,
            images,
            adapter,
            training_log,
            trained_modules,
            checkpoints,
            settings=TrainStep.parse(settings),
            seed=seed,
            weights_cache=weights_cache,
            scratch=scratch,
        )


@app.command("export")
def export_command(
    adapter: Annotated[Path, typer.Option(help="The adapter that `radtune training train` wrote.")],
    output: Annotated[Path, typer.Option(help="The folder to make.", file_okay=False)],
    weights_cache: WeightsCacheOption,
) -> None:
    """Fold an adapter into its model and write that as a checkpoint folder, which a `path:` source or transformers can load."""
    from radtune.training.export import export

    export(adapter, output, weights_cache=weights_cache)
