"""Peak memory of the metrics of texts on 100,000 pairs: run as a module it scores them."""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Counted, NotMeasured, run_for_memory
from radtune.config.metrics import MetricSettings
from radtune.metrics.contract import Resources
from radtune.metrics.score import score_predictions
from radtune.metrics.score_files import prediction_rows

PAIRS = 100_000
REAL_DATA = Path(os.environ.get("RADTUNE_REAL_DATA", Path(__file__).resolve().parents[2] / "shared/data"))
"""That of benchmarks.captioner, which imports networks and would raise the peak."""
SEED = 4
METRICS = {"caption": ("rouge", "bleu", "cider"), "question": ("token_f1", "exact_match")}
"""By task: the pairs are scored once as captions and once as answers."""


def benchmarks() -> Iterator[Counted | NotMeasured]:
    """In a process of its own, so that what other benchmarks have loaded does not count."""
    work = f"peak memory of {', '.join(name for names in METRICS.values() for name in names)} on {PAIRS:,} pairs"
    file = REAL_DATA / "rocov2-mini/train_captions.csv"
    if not file.is_file():
        yield NotMeasured(work, f"{file} is absent")
        return
    _, _, gigabytes = run_for_memory([sys.executable, "-m", __name__, str(file)], Path(__file__).resolve().parents[1])
    yield Counted(work, f"{gigabytes:.2f} GB")


def texts(file: Path) -> Iterator[str]:
    """Endless texts, each the first half of a real caption and the second half of another."""
    with file.open(encoding="utf-8", newline="") as rows:
        captions = [row["Caption"] for row in csv.DictReader(rows)]
    draw = random.Random(SEED)
    while True:
        first, second = draw.choices(captions, k=2)
        yield first[: len(first) // 2] + second[len(second) // 2 :]


def main(file: Path) -> None:
    """Score as the scoring step does."""
    drawn = texts(file)
    predicted, true = ({f"{index:06}": next(drawn) for index in range(PAIRS)} for _ in range(2))
    unused = Path("unused")
    for task, names in METRICS.items():
        resources = Resources(MetricSettings(metrics=names, relevance=(), factuality=()), unused, None, None, unused)
        score_predictions(prediction_rows("ours", predicted, true, task), resources)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
