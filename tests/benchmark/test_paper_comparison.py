from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts import io
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.paper_comparison import compare_with_papers
from radtune.benchmark.paper_values import PAPER_VALUES
from radtune.config.metrics import BenchmarkSettings

SETTINGS = BenchmarkSettings()


def compared(
    folder: Path, means: dict[tuple[str, str, str], float | None], totals: dict[tuple[str, str, str], float]
) -> list[Any]:
    """Compare means and totals by system, arm and metric of captions."""
    origin = provenance("radtune.benchmark.systems", SETTINGS, 1, {})
    cells = [
        dict.fromkeys(SYSTEM_SCORES.schema.names)
        | {"system": system, "arm": arm, "task": "caption", "metric": metric, "mean": mean}
        for (system, arm, metric), mean in means.items()
    ]
    io.write(folder / "table.parquet", SYSTEM_SCORES, cells, origin)
    signatures = [
        dict.fromkeys(METRIC_SIGNATURES.schema.names) | {"system": system, "arm": arm, "metric": metric, "total": total}
        for (system, arm, metric), total in totals.items()
    ]
    io.write(folder / "signatures.parquet", METRIC_SIGNATURES, signatures, origin)
    output = folder / "papers.parquet"
    compare_with_papers(folder / "table.parquet", [folder / "signatures.parquet"], output, settings=SETTINGS, seed=1)
    return io.read_rows(output, PAPER_COMPARISON)


def test_every_printed_number_of_a_system_stands_beside_the_measured_one(tmp_path: Path) -> None:
    rows = compared(
        tmp_path,
        {
            ("visiongpt2", "plain", "rouge1"): 0.2,
            ("visiongpt2", "plain", "bleu1"): 0.9,
            ("visiongpt2", "plain", "bertscore"): None,
            ("unknown", "plain", "rouge1"): 0.3,
        },
        {("visiongpt2", "plain", "bleu1"): 0.1},
    )
    assert len(rows) == sum(value.system == "visiongpt2" for value in PAPER_VALUES) == 19
    assert {row["system"] for row in rows} == {"visiongpt2"}
    found = {(row["metric"], row["source"].split(",")[0]): row for row in rows}
    rouge = found["rouge1", "ICMI 2025"]
    assert (rouge["measured"], rouge["printed"], rouge["difference"]) == (0.2, 0.118446, pytest.approx(0.081554))
    assert found["rouge1", "Bioengineering 2025"]["difference"] == pytest.approx(0.082)
    assert rouge["aggregate"] == "mean"
    bleu = found["bleu1", "ICMI 2025"]
    assert (bleu["measured"], bleu["aggregate"]) == (0.1, "corpus"), "not the mean, 0.9"
    for metric in ("bertscore", "meteor"):  # unavailable; not asked for
        assert [found[metric, "ICMI 2025"][name] for name in ("measured", "difference", "aggregate")] == [None, None, ""]


def test_wrong_cells_are_kept_and_marked(tmp_path: Path) -> None:
    rows = compared(tmp_path, {("smolvlm_500m", "modality", "relevance"): 0.34}, {})
    (row,) = [row for row in rows if (row["arm"], row["metric"]) == ("modality", "relevance")]
    assert (row["printed"], row["difference"]) == (0.365, pytest.approx(-0.025))
    assert row["note"].startswith("wrong in print")


def test_systems_of_no_paper_give_an_empty_comparison(tmp_path: Path) -> None:
    assert compared(tmp_path, {("unknown", "plain", "rouge1"): 0.3}, {}) == []
