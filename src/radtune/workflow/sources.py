"""Every pretrained weight and package that a run loads: one list for the preflight and for the prefetch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from radtune.config.metrics import MetricName, MetricSettings
from radtune.config.run import RadtuneConfig
from radtune.weights.fetch import fetch, find_fetched
from radtune.weights.source import parse_source

_METRIC_SOURCES: dict[MetricName, tuple[str, ...]] = {
    "bertscore": ("bertscore_source",),
    "medbertscore": ("bertscore_source", "concept_pack_source"),
    "meteor": ("meteor_source",),
    "bleurt": ("bleurt_source",),
    "clinical_bleurt": ("clinical_bleurt_source",),
    "alignscore": ("alignscore_source", "alignscore_encoder"),
    "concept_f1": ("concept_pack_source",),
    "similarity": ("similarity_source",),
    "clipscore": ("clipscore_source",),
    "chexbert": ("chexbert_source", "chexbert_tokenizer"),
}
"""Settings that name what each metric loads."""


@dataclass(frozen=True)
class WeightSource:
    """One source of weights of a run, or one package of the embedded sample."""

    key: str
    """The key of the configuration that names it."""
    text: str
    """As the configuration spells it (:mod:`radtune.weights.source`)."""
    sha256: str | None = None
    """Digest that the configuration states: of the file, or of the weight file in a folder."""
    files: tuple[str, ...] = ()
    """What is read of it, where that is not all."""
    pickled: str = ""
    """Weight file that is read where the source has no ``model.safetensors``."""

    @property
    def optional(self) -> bool:
        """Whether the run goes on without it: a metric without its weights is unavailable, with the reason."""
        return self.key.startswith("metrics.")


def weight_sources(config: RadtuneConfig) -> Iterator[WeightSource]:
    """Everything that the jobs of ``config`` fetch, in the order of the rooms. One source may be named by several keys."""
    if config.datasets.folder is None:
        from radtune.datasets.catalogue import PACKAGES

        for package in PACKAGES:
            yield WeightSource("datasets.sample", package.source)
    yield WeightSource("modality.source", config.modality.source, config.modality.sha256)
    if config.questions.backend == "local":
        yield WeightSource("questions.model", config.questions.model, config.questions.sha256)
    for system in config.systems:
        build = config.models[system].build
        for part, source in build.sources.items():
            yield WeightSource(f"models.{system}.build.sources.{part}", source, build.sha256.get(part))
    yield from _metric_sources(config.metrics)


def _metric_sources(asked: MetricSettings) -> Iterator[WeightSource]:
    from radtune.metrics.variants import with_variant

    settings = with_variant(asked)
    named: set[str] = set()  # two metrics may share an encoder
    for metric, keys in _METRIC_SOURCES.items():
        for key in keys if metric in settings.metrics else ():
            if (source := getattr(settings, key)) and key not in named:
                named.add(key)
                sha256 = getattr(settings, key.replace("_source", "_sha256"), None) if key.endswith("_source") else None
                pickled = "pytorch_model.bin" if metric in ("bleurt", "clinical_bleurt") else ""
                yield WeightSource(f"metrics.{key}", source, sha256, _files_read(key, settings), pickled)


def _files_read(key: str, settings: MetricSettings) -> tuple[str, ...]:
    """The files that a metric reads of a repository of which it does not read all."""
    if key == "alignscore_encoder":
        from radtune.metrics.alignscore import ENCODER_FILES

        return ENCODER_FILES
    if key == "similarity_source" and settings.similarity_encoder == "medimageinsight":
        from radtune.metrics.medimageinsight import CONFIG, MERGES, VOCABULARY, WEIGHTS

        return (CONFIG, VOCABULARY, MERGES, WEIGHTS)
    return ()


def fetch_source(one: WeightSource, cache: Path) -> list[Path]:
    """Bring everything that is read of ``one`` into ``cache``; the files or the folder, none for ``tiny:``.

    Raises :class:`radtune.errors.WeightsError` as :func:`radtune.weights.fetch.fetch`.
    """
    return _bring(one, lambda text, sha256: fetch(text, cache, sha256))


def find_source(one: WeightSource, cache: Path) -> list[Path]:
    """The same, from ``cache`` alone and unproved. Raises :class:`radtune.errors.WeightsError` if something is not there."""
    return _bring(one, lambda text, sha256: find_fetched(text, cache))


def _bring(one: WeightSource, bring: Callable[[str, str | None], Path]) -> list[Path]:
    source = parse_source(one.text)
    if source.scheme == "tiny":
        return []
    if one.files:
        # A digest is that of the weights, the last of the files.
        return [bring(f"{one.text}/{name}", one.sha256 if name == one.files[-1] else None) for name in one.files]
    names_a_file = source.member or (source.scheme == "path" and Path(source.name).expanduser().is_file())
    path = bring(one.text, one.sha256 if names_a_file else None)
    if one.pickled and not (path / "model.safetensors").is_file():
        return [path, bring(f"{one.text}/{one.pickled}", one.sha256)]
    return [path]
