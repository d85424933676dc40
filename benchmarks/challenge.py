"""All six metrics of ImageCLEFmedical of a second system on references already seen, against the first system's."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.metrics.tiny_checkpoints import (
    medimageinsight_config,
    write_alignscore,
    write_bleurt,
    write_medimageinsight,
)

from benchmarks.bertscore import SETTINGS as BERTSCORE
from benchmarks.captioner import REAL_DATA, SEED, THREADS
from benchmarks.measure import Comparison, Counted, NotMeasured, seconds
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.bertscore import checkpoint
from radtune.metrics.score_files import CHALLENGE, score_files

WORK = "six ImageCLEF metrics, second system (peer: the first)"
WEIGHTS = "MiniLM for BERTScore; random: MedImageInsight a quarter as wide as published, BLEURT and AlignScore of 12 layers"
"""The networks must be large enough that their passes, and not the reading of files, take the time."""
BLEURT_SIZES = {
    "embedding_size": 32, "hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_hidden_layers": 12,
}  # fmt: skip
ALIGNSCORE_SIZES = {
    "hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3, "num_hidden_layers": 12,
    "max_position_embeddings": 514,
}  # fmt: skip
REPEATS = 3
"""Of both systems, after one that is not counted."""


def benchmarks() -> Iterator[Comparison | Counted | NotMeasured]:
    """The first system finds an empty cache, and the second what the first left there. Both run in this process."""
    folder = REAL_DATA / "rocov2-mini"
    if not folder.is_dir():
        yield NotMeasured(WORK, f"{folder} is absent")
        return
    try:
        minilm, _ = checkpoint(BERTSCORE, Path("resources/weights"))
    except WeightsError as error:
        yield NotMeasured(WORK, str(error))
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        align, encoder = write_alignscore(place / "align", ALIGNSCORE_SIZES)
        insight = write_medimageinsight(place / "insight", medimageinsight_config(4))
        settings = MetricSettings(
            metrics=CHALLENGE,
            bertscore_source=f"path:{minilm}",
            bertscore_layer=BERTSCORE.bertscore_layer,
            similarity_source=f"path:{insight}",
            bleurt_source=f"path:{write_bleurt(place / 'bleurt', BLEURT_SIZES)}",
            alignscore_source=f"path:{align}",
            alignscore_encoder=f"path:{encoder}",
            threads=THREADS,
        )
        systems = _write_systems(folder / "test_captions.csv", place)
        times = [_first_and_second(folder, systems, place / f"cache{run}", settings) for run in range(REPEATS + 1)][1:]
    yield Comparison(WORK, f"first; {WEIGHTS}", tuple(time[1] for time in times), tuple(time[0] for time in times))


def _write_systems(captions: Path, folder: Path) -> list[Path]:
    """Two files of captions, each caption the first half of its reference and the second half of another one."""
    with captions.open(encoding="utf-8", newline="") as file:
        true = {row["ID"]: row["Caption"] for row in csv.DictReader(file)}
    draw = random.Random(SEED)
    paths = [folder / "first.csv", folder / "second.csv"]
    for path in paths:
        others = draw.sample(list(true.values()), len(true))
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = [
                (item, f"{own[: len(own) // 2]} {other[len(other) // 2 :]}")
                for (item, own), other in zip(true.items(), others, strict=True)
            ]
            csv.writer(file).writerows([("ID", "Caption"), *rows])
    return paths


def _first_and_second(data: Path, systems: list[Path], cache: Path, settings: MetricSettings) -> list[float]:
    """Seconds of each system, as ``radtune score`` scores it."""

    def score(predictions: Path) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            found = score_files(
                predictions,
                data / "test_captions.csv",
                predictions.with_suffix(".parquet"),
                images=data / "test_images",
                concepts=data / "cui_mapping.csv",
                settings=settings,
                seed=SEED,
                weights_cache=cache,
            )
        if missing := [name for name, metric in found.metrics.items() if metric.reason]:
            raise WeightsError(f"unavailable: {', '.join(missing)}: {found.metrics[missing[0]].reason}")

    return [seconds(lambda predictions=predictions: score(predictions)) for predictions in systems]  # type: ignore[misc]
