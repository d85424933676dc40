"""``make bench``: run every benchmark and print one table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks import bertscore, challenge, datasets, generation, images, metrics, text_metrics, training, workflow
from benchmarks.measure import Comparison, Counted, median

MODULES = (datasets, images, training, generation, metrics, bertscore, challenge, text_metrics, workflow)


def main() -> None:
    """Print work, ours, peer and ratio (median, least, most)."""
    table = Table("work", "ours", "peer", "ratio: median (least to most)", title="radtune benchmarks: peer's time over ours")
    console = Console(width=160)
    for module in MODULES:
        for result in module.benchmarks():
            if isinstance(result, Comparison):
                ratios = result.ratios
                table.add_row(
                    result.work,
                    _amount(result.ours_seconds, result.samples),
                    f"{_amount(result.peer_seconds, result.samples)} ({result.peer})",
                    f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                )
            elif isinstance(result, Counted):
                table.add_row(result.work, "–", "–", result.found)
            else:
                table.add_row(result.work, "–", "–", f"not measured: {result.reason}")
    console.print(table)


def _amount(seconds: tuple[float, ...], samples: int | None) -> str:
    """Median time, or the speed that it makes."""
    return f"{median(seconds):.2f} s" if samples is None else f"{samples / median(seconds):.1f} samples/s"


if __name__ == "__main__":
    main()
