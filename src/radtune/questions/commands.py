"""Commands of the ``questions`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Questions: written by an LLM, filtered, and known by construction.", no_args_is_help=True)

CaptionsOption = Annotated[Path, typer.Option(help="Image–caption pairs (captions).", dir_okay=False)]
PairsOption = Annotated[Path, typer.Option(help="Where to write the pairs (question_pairs).", dir_okay=False)]


@app.command()
def write(
    context: typer.Context,
    captions: CaptionsOption,
    output: Annotated[Path, typer.Option(help="Where to write the raw replies (llm_replies).", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
) -> None:
    """Ask a language model for question–answer pairs about every caption; keep its raw replies.

    Interrupted, it goes on where it stopped when it is started again with the same options.
    """
    from radtune.config.questions import QuestionSettings
    from radtune.questions.write import write_questions

    log: Path | None = context.find_root().params.get("log")
    write_questions(
        captions,
        output,
        settings=QuestionSettings.parse(settings),
        seed=seed,
        weights_cache=weights_cache,
        server_log=(log or output).with_suffix(".server.log"),
    )


@app.command()
def filter(
    captions: CaptionsOption,
    replies: Annotated[Path, typer.Option(help="Raw replies of the language model (llm_replies).", dir_okay=False)],
    output: PairsOption,
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Find the pairs in the raw replies and judge each; rejected pairs stay, with their reasons."""
    from radtune.config.questions import FilterSettings
    from radtune.questions.filter import filter_questions

    filter_questions(captions, replies, output, settings=FilterSettings.parse(settings), seed=seed)


@app.command()
def known(
    captions: CaptionsOption,
    concepts: Annotated[Path, typer.Option(help="Concept table of the data set (concepts).", dir_okay=False)],
    labels: Annotated[Path, typer.Option(help="Modality labels (modality_labels).", dir_okay=False)],
    output: PairsOption,
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Make questions whose answers are known from modality labels and manual concepts."""
    from radtune.config.questions import KnownSettings
    from radtune.questions.known import make_known_questions

    make_known_questions(captions, concepts, labels, output, settings=KnownSettings.parse(settings), seed=seed)
