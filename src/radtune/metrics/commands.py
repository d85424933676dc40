"""Commands of the ``metrics`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.options import SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Score predictions.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``score`` a command of its own while it is the only one."""


@app.command()
def score(
    predictions: Annotated[list[Path], typer.Option(help="Predictions of one system; give the option once an arm.")],
    captions: Annotated[Path, typer.Option(help="The data set's captions.")],
    concepts: Annotated[Path, typer.Option(help="The data set's concept table.")],
    labels: Annotated[Path, typer.Option(help="The modality labels.")],
    scores: Annotated[Path, typer.Option(help="Where the per-sample scores go.")],
    signatures: Annotated[Path, typer.Option(help="Where the metrics' signatures go.")],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
    images: Annotated[
        list[Path] | None, typer.Option(help="A shard of standardised images, for metrics that look at them; once a shard.")
    ] = None,
) -> None:
    """Score every prediction of one system with every metric that applies to its task.

    A metric whose weights or images cannot be had becomes unavailable, with the reason in its signature; the others are computed.
    """
    from radtune.config.metrics import MetricSettings
    from radtune.metrics.score import score as step

    step(
        predictions,
        captions,
        concepts,
        labels,
        images or [],
        scores,
        signatures,
        settings=MetricSettings.parse(settings),
        seed=seed,
        weights_cache=weights_cache,
    )


DEFAULT_WEIGHTS_CACHE = Path.home() / ".cache/radtune"
NO_CONCEPTS = "none"
NO_SETTINGS = "{}"


def score_files(
    predictions: Annotated[
        Path, typer.Option(help="CSV file of predicted captions (ID,Caption) or concepts (ID,CUIs).", dir_okay=False)
    ],
    references: Annotated[
        Path, typer.Option(help="CSV file of true captions or concepts, of the same IDs; its header says which.", dir_okay=False)
    ],
    output: Annotated[Path, typer.Option(help="Where the scores of each caption or image go (Parquet).", dir_okay=False)],
    summary: Annotated[Path | None, typer.Option(help="Where means, intervals and signatures go (JSON).", dir_okay=False)] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the images, each named by its ID, for metrics that look at them.", file_okay=False),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Edition of ImageCLEFmedical to score as, such as imageclef2025-code.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics, separated by commas; the challenge's where left out.")] = None,
    concepts: Annotated[
        str,
        typer.Option(
            help="For the UMLS F1: a concept table (a CSV file CUI,Canonical name, or an artifact) or a MedCAT 2 model pack.",
            metavar="FILE|PACK|none",
        ),
    ] = NO_CONCEPTS,
    encoder: Annotated[
        str | None, typer.Option(help="A CLIP in MedImageInsight's place for the similarity.", metavar="SOURCE")
    ] = None,
    manual_concepts: Annotated[
        Path | None,
        typer.Option(help="For files of concepts: those that people assigned (ID,CUIs), for the secondary F1.", dir_okay=False),
    ] = None,
    strict_official: Annotated[
        bool, typer.Option("--strict-official", help="Score empty captions and broken images as the published evaluator does.")
    ] = False,
    settings: Annotated[
        str, typer.Option(help="Any other keys of the configuration's block metrics, as JSON.", metavar="JSON")
    ] = NO_SETTINGS,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps scores, so that unchanged captions are not scored again.", file_okay=False),
    ] = None,
    seed: SeedOption = 1,
    weights_cache: WeightsCacheOption = DEFAULT_WEIGHTS_CACHE,
) -> None:
    """Score a CSV file of captions, or of concepts, against another, in the formats of ImageCLEFmedical. No workflow is needed.

    A metric that needs what is not there (weights, images, a concept table, a package) is unavailable, with the reason.
    """
    from radtune.metrics.score_concepts import refuse_options, score_concepts
    from radtune.metrics.score_files import parse_settings, split_concepts
    from radtune.metrics.score_files import score_files as step
    from radtune.metrics.score_summary import table
    from radtune.metrics.submission import is_concept_file

    if is_concept_file(references):
        others = {
            "--images": images,
            "--variant": variant,
            "--metrics": metrics,
            "--concepts": None if concepts == NO_CONCEPTS else concepts,
            "--encoder": encoder,
            "--settings": None if settings == NO_SETTINGS else settings,
            "--cache": cache,
            "--weights-cache": None if weights_cache == DEFAULT_WEIGHTS_CACHE else weights_cache,
        }
        refuse_options(others, "concepts")
        print(
            table(
                score_concepts(
                    predictions,
                    references,
                    output,
                    summary,
                    manual=manual_concepts,
                    strict_official=strict_official,
                    seed=seed,
                )
            )
        )
        return
    refuse_options({"--manual-concepts": manual_concepts}, "captions")
    concept_table, concept_pack = split_concepts(concepts)
    found = step(
        predictions,
        references,
        output,
        summary,
        images=images,
        concepts=concept_table,
        settings=parse_settings(settings, metrics=metrics, variant=variant, encoder=encoder, concept_pack=concept_pack),
        strict_official=strict_official,
        cache=cache,
        seed=seed,
        weights_cache=weights_cache,
    )
    print(table(found))
