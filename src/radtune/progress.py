"""Progress for people: a live bar on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import NoReturn, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

SECONDS_BETWEEN_LOG_LINES = 10.0


def progress_bar(
    label: str, total: int | None = None, unit: str = "row", initial: int = 0, shown: bool = True, scaled: bool = False
) -> tqdm[NoReturn]:
    """A bar to move by hand (``update``, ``set_postfix``), for loops that show more than how far they are; nothing unless
    ``shown``. ``scaled`` shows counts in thousands, millions …, as one reads bytes."""
    on_terminal = sys.stderr.isatty()
    return tqdm(
        desc=label,
        total=total,
        initial=initial,
        unit=unit,
        unit_scale=scaled,
        disable=not shown,
        file=sys.stderr,
        mininterval=0.1 if on_terminal else SECONDS_BETWEEN_LOG_LINES,
        ascii=None if on_terminal else True,
        dynamic_ncols=on_terminal,
    )


def progress(items: Iterable[Item], label: str, total: int | None = None, unit: str = "row") -> Iterator[Item]:
    """Yield ``items`` unchanged while showing how far one is (``total`` is taken from ``len`` where there is one)."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress_bar(label, total, unit) as bar:
        for item in items:
            yield item
            bar.update()
