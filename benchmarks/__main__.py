"""``make bench``: run every benchmark, or those that are named (``python -m benchmarks images leakage``), and print one table."""

from __future__ import annotations

import sys
from importlib import import_module

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Comparison, Counted, NotMeasured, median

MODULES = (
    "datasets", "images", "leakage", "training", "generation", "metrics", "bertscore", "challenge", "text_metrics", "workflow",
)  # fmt: skip


def main(names: list[str]) -> None:
    """Print work, ours, peer and ratio (median, least, most); each line also as soon as it is measured, since all take long."""
    if unknown := set(names) - set(MODULES):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; choose from {', '.join(MODULES)}")
    table = Table("work", "ours", "peer", "ratio: median (least to most)", title="radtune benchmarks: peer's time over ours")
    console = Console(width=160)
    for name in names or MODULES:
        for result in import_module(f"benchmarks.{name}").benchmarks():
            row = _row(result)
            console.print(" | ".join(row), highlight=False, markup=False)
            table.add_row(*row)
    console.print(table)


def _row(result: Comparison | Counted | NotMeasured) -> tuple[str, str, str, str]:
    if isinstance(result, Comparison):
        ratios = result.ratios
        return (
            result.work,
            _amount(result.ours_seconds, result.samples),
            f"{_amount(result.peer_seconds, result.samples)} ({result.peer})",
            f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        )
    return result.work, "–", "–", result.found if isinstance(result, Counted) else f"not measured: {result.reason}"


def _amount(seconds: tuple[float, ...], samples: int | None) -> str:
    """Median time, or the speed that it makes."""
    return f"{median(seconds):.2f} s" if samples is None else f"{samples / median(seconds):.1f} samples/s"


if __name__ == "__main__":
    main(sys.argv[1:])
