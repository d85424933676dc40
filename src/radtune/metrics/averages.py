"""Relevance, factuality and overall: the averages by which ImageCLEFmedical ranks captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from radtune.config.metrics import MetricSettings
from radtune.metrics.contract import Result

Values = Sequence[float | None]


def average_captions(values: Mapping[str, Values], settings: MetricSettings) -> list[tuple[Result, str]]:
    """Every average that ``settings`` define, from ``values``: those of one arm's captions by the name of the metric.

    An average is taken caption by caption, so that it has an interval too; its mean is the average of the metrics' means. It is
    null where one of its parts is, never the average of the rest. With each result comes the reason why it has no value at all,
    empty if it has.
    """
    definitions: dict[str, tuple[str, ...]] = {"relevance": settings.relevance, "factuality": settings.factuality}
    if all(definitions.values()):
        definitions["overall"] = ("relevance", "factuality")
    known = dict(values)
    captions = len(next(iter(values.values()), ()))
    averages = []
    for name, parts in definitions.items():
        if not parts:
            continue
        missing = [part for part in parts if all(value is None for value in known.get(part, ()))]
        known[name] = [None] * captions if missing else mean_by_caption([known[part] for part in parts])
        reason = f"{name} is the mean of {', '.join(parts)}, and there is no {', no '.join(missing)}" if missing else ""
        signature = {"metric": f"mean of {', '.join(parts)}", "variant": settings.variant}
        averages.append((Result({name: known[name]}, signature), reason))
    return averages


def mean_by_caption(parts: Sequence[Values]) -> list[float | None]:
    """Mean of the parts' values, caption by caption; None where one is."""
    means: list[float | None] = []
    for of_caption in zip(*parts, strict=True):
        present = [value for value in of_caption if value is not None]
        means.append(sum(present) / len(parts) if len(present) == len(parts) else None)
    return means
