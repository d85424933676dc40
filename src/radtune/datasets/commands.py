"""Commands of the ``datasets`` room. Steps are imported inside the commands, so that help appears at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtune.errors import EXIT_ERROR
from radtune.options import SeedOption, SettingsOption, WeightsCacheOption

app = typer.Typer(help="Image–caption pairs: fetch, read, check, and make the embedded sample.", no_args_is_help=True)


@app.command()
def make_sample(
    folder: Annotated[Path, typer.Option(help="Folder to make, in ROCOv2's layout; replaced as a whole.", file_okay=False)],
    sources: Annotated[Path, typer.Option(help="Write here how every image was made.")],
    quarantine: Annotated[Path, typer.Option(help="Write here what was left out and why.")],
    settings: SettingsOption,
    seed: SeedOption,
    weights_cache: WeightsCacheOption,
) -> None:
    """Make the embedded sample: real CT, MR, X-ray, ultrasound and scintigraphy images from pip packages, with true captions."""
    from radtune.config.datasets import SampleSettings
    from radtune.datasets import sample as step

    step.make_sample(folder, sources, quarantine, settings=SampleSettings.parse(settings), seed=seed, weights_cache=weights_cache)


@app.command()
def leakage(
    captions: Annotated[
        list[Path],
        typer.Option(help="Pairs of the data set that is tested on; repeat for each further one, after it.", dir_okay=False),
    ],
    images: Annotated[list[Path], typer.Option(help="A shard of standardised images (images); repeat for each.", dir_okay=False)],
    output: Annotated[Path, typer.Option(help="Write the pairs that overlap here (leakage).", dir_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
) -> None:
    """Find what training shares with testing: near-duplicate images, shared articles or cases, near-duplicate captions."""
    from radtune.config.datasets import LeakageSettings
    from radtune.datasets.leakage import find_leakage

    find_leakage(captions, images, output, settings=LeakageSettings.parse(settings), seed=seed)


@app.command("read")
def read_command(
    folder: Annotated[Path, typer.Option(help="Folder of the data set, in the layout that the settings name.", file_okay=False)],
    name: Annotated[str, typer.Option(help="Name of the data set, carried in every row.")],
    captions: Annotated[Path, typer.Option(help="Write the image–caption pairs here.")],
    concepts: Annotated[Path, typer.Option(help="Write the concept table here.")],
    questions: Annotated[Path, typer.Option(help="Write the published questions here.")],
    quarantine: Annotated[Path, typer.Option(help="Write here what was left out and why.")],
    unpacked: Annotated[Path, typer.Option(help="Put images here that are no files of their own.", file_okay=False)],
    settings: SettingsOption,
    seed: SeedOption,
    prefix: Annotated[str, typer.Option(help="Put this before every item id.")] = "",
) -> None:
    """Read a data set into image–caption pairs, published questions and a concept table."""
    from radtune.config.datasets import SourceSettings
    from radtune.datasets.read import read_dataset

    read_dataset(
        folder, captions, concepts, questions, quarantine, unpacked,
        name=name, settings=SourceSettings.parse(settings), seed=seed, prefix=prefix,
    )  # fmt: skip


@app.command("fetch")
def fetch_command(
    config: Annotated[
        list[Path] | None,
        typer.Option(help="config.yaml (the default), then overlays; later ones win.", exists=True, dir_okay=False),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only the data set of this name; may be repeated.")] = None,
    checksums: Annotated[bool, typer.Option("--checksums", help="Read every file of what is there, not only its size.")] = False,
) -> None:
    """Fetch every data set of a run that has a `download`, and prove what is there. Folders filled by hand are left alone.

    Interrupted, it goes on where it was. With RADTUNE_OFFLINE=1 or HF_HUB_OFFLINE=1 nothing is fetched: it says what is missing.
    """
    from radtune.config.load import load_config
    from radtune.datasets.fetch import fetch
    from radtune.datasets.status import folder_state, is_fetched, sets_of
    from radtune.errors import ConfigError, DownloadError

    sets = sets_of(load_config(config or [Path("config.yaml")]))
    if unknown := set(only or ()) - sets.keys():
        raise ConfigError(f"--only: no data set {', '.join(sorted(unknown))}", f"choose from {', '.join(sets) or 'none'}")
    problems: list[DownloadError] = []
    for name, source in sets.items():
        if only and name not in only:
            continue
        if is_fetched(source):
            try:
                receipt = fetch(source, checksums=checksums)
            except DownloadError as error:  # the other sets are wanted all the same
                problems.append(error)
                continue
            files = sum(len(part.files) for part in receipt.parts)
            print(f"{name}: {source.folder}: whole, {files:,} files, {receipt.size / 1e9:.2f} GB")
        else:
            found = folder_state(source)
            print(f"{name}: {source.folder}: {found.state}, {found.detail}; left alone")
    if problems:
        raise DownloadError("\n".join(error.problem for error in problems), problems[0].fix)


@app.command("status")
def status_command(
    config: Annotated[
        list[Path] | None,
        typer.Option(
            help="Look at this run only: config.yaml, then overlays. By default all of workflow/runs.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    checksums: Annotated[
        bool, typer.Option("--checksums", help="Read every file of what was fetched, not only its size.")
    ] = False,
) -> None:
    """Show each data set that the runs need: where it lies, whether it is whole, its size and licence.

    Exit code 1 if something is missing or incomplete. Downloads nothing.
    """
    from radtune.config.load import load_config
    from radtune.datasets.status import described, status

    base = Path("config.yaml")
    runs = [config] if config else [[base], *([base, overlay] for overlay in sorted(Path("workflow/runs").glob("*.yaml")))]
    found = status({files[-1].name: load_config(files) for files in runs}, checksums=checksums)
    for one in found:
        print(described(one))
    lacking = [one.name for one in found if not one.folder.there]
    print(f"{len(found)} data set(s), {len(lacking)} not there{': ' if lacking else ''}{', '.join(lacking)}")
    if lacking:
        raise typer.Exit(EXIT_ERROR)
