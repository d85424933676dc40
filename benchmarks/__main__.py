"""``make bench``: run every benchmark and print one table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks import workflow
from benchmarks.measure import Comparison, median

MODULES = (workflow,)


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
                    f"{median(result.ours_seconds):.2f} s",
                    f"{median(result.peer_seconds):.2f} s ({result.peer})",
                    f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                )
            else:
                table.add_row(result.work, "–", "–", f"not measured: {result.reason}")
    console.print(table)


if __name__ == "__main__":
    main()
