"""Commands of the ``mixes`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import LeakageOption, LeakageSettingsOption, SeedOption, SettingsOption

app = typer.Typer(help="Mixes: which rows a training run sees.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps ``build`` a subcommand: typer would make the only command of a group the group itself."""


@app.command()
def build(
    captions: Annotated[
        list[Path], typer.Option(help="Image–caption pairs (captions) of one data set; repeat for each.", dir_okay=False)
    ],
    images: Annotated[list[Path], typer.Option(help="A shard of standardised images (images); repeat for each.", dir_okay=False)],
    output: Annotated[Path, typer.Option(help="Where to write the mix (mix).", dir_okay=False)],
    quarantine: Annotated[Path, typer.Option(help="Where to write the rows that did not enter it.", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    questions: Annotated[Path | None, typer.Option(help="Written questions (question_pairs).", dir_okay=False)] = None,
    known: Annotated[
        Path | None, typer.Option(help="Questions with known answers, for annealing (question_pairs).", dir_okay=False)
    ] = None,
    published: Annotated[
        list[Path] | None,
        typer.Option(help="Published questions (question_pairs) of one data set; repeat for each.", dir_okay=False),
    ] = None,
    leakage: LeakageOption = None,
    leakage_settings: LeakageSettingsOption = "{}",
) -> None:
    """Put captions, accepted questions and a share of high-quality ones together into what a training run sees."""
    from radtune.config.mixes import MixSettings
    from radtune.datasets.leakage_gate import LeakageGate
    from radtune.mixes.build import build_mix

    build_mix(
        captions, images, questions, known, published or [], output, quarantine,
        settings=MixSettings.parse(settings), seed=seed, gate=LeakageGate.parse(leakage, leakage_settings),
    )  # fmt: skip
