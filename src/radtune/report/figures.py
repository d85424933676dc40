"""Figures of the report: SVG files that follow the reader's light or dark scheme, byte for byte the same for the same data."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from radtune.report.modality import Reliability
from radtune.report.ranking import Ranking, Relation
from radtune.report.results import metric_title
from radtune.report.strategies import StrategyGroup
from radtune.report.training import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAXIMUM_POINTS = 400
"""Points of one curve: longer logs are averaged over windows of equal numbers of steps."""

# Matplotlib writes colours as numbers. These stand for the named roles, which the style sheet in the file resolves for the
# light and the dark scheme; the two series colours are of Okabe and Ito's palette for colour-blind readers.
INK, FAINT, FIRST, SECOND = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", FIRST: "var(--first)", SECOND: "var(--second)"}
_STYLE = """<style>
:root { --ink: #24292f; --faint: #c9ced4; --first: #0072b2; --second: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #d5dae0; --faint: #444c56; --first: #56b4e9; --second: #f0a050; } }
</style>"""

_RC: dict[Any, Any] = {
    "svg.hashsalt": "radtune",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
}


def _svg(draw: Callable[[Figure], None], size: tuple[float, float]) -> str:
    """Let ``draw(figure)`` draw on a transparent figure of ``size`` inches and return it as SVG text."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
        matplotlib.rcParams.update(_RC)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = text.replace("'DejaVu Sans'", "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans'")
    head, body = text.split("<defs>", 1)
    return f"{head}{_STYLE}<defs>{body}"


def thin(points: Sequence[tuple[int, float]], maximum: int = MAXIMUM_POINTS) -> list[tuple[float, float]]:
    """At most ``maximum`` points: means of step and value over consecutive windows of equal length."""
    width = math.ceil(len(points) / maximum) if points else 1
    windows = [points[start : start + width] for start in range(0, len(points), width)]
    return [(sum(step for step, _ in w) / len(w), sum(value for _, value in w) / len(w)) for w in windows]


def draw_training_curves(curves: Sequence[Curve], columns: int = 3) -> str:
    """Small multiples as SVG: for each training its training and validation loss by optimiser step, the best step marked,
    and the learning rate below."""
    columns = min(columns, len(curves))
    bands = math.ceil(len(curves) / columns)

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots(2 * bands, columns, squeeze=False, height_ratios=[3, 1] * bands)
        for axis in axes.flat:
            axis.set_visible(False)
        for place, curve in enumerate(curves):
            top, bottom = (axes[2 * (place // columns) + row][place % columns] for row in (0, 1))
            for axis in (top, bottom):
                axis.set_visible(True)
                axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            top.set_title(curve.title)
            if curve.loss:
                top.plot(*zip(*thin(curve.loss), strict=True), color=FIRST, linewidth=1.1, label="training loss")
            if curve.validation_loss:
                top.plot(
                    *zip(*curve.validation_loss, strict=True),
                    color=SECOND,
                    linewidth=1.3,
                    marker="o",
                    markersize=3.5,
                    label="validation loss",
                )
            if curve.best:
                top.axvline(curve.best[0], color=SECOND, linewidth=0.8, linestyle=(0, (3, 3)), label="best step")
            if curve.learning_rate:
                bottom.plot(*zip(*thin(curve.learning_rate), strict=True), color=INK, linewidth=1.0)
            bottom.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
            bottom.yaxis.set_major_locator(MaxNLocator(2))
            bottom.set_xlabel("optimiser step")
            top.tick_params(labelbottom=False)
            if place % columns == 0:
                top.set_ylabel("loss")
                bottom.set_ylabel("learning rate")
        handles = {label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(list(handles.values()), list(handles), loc="outside upper left", ncols=3)

    return _svg(draw, (3.4 * columns if columns > 1 else 5.0, 3.3 * bands + 0.3))


def draw_reliability(stages: Sequence[Reliability]) -> str:
    """Reliability diagrams as SVG, one panel a stage: accuracy against mean confidence of each bin, the area of a point
    growing with its images."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(stages), squeeze=False)[0]
        for axis, stage in zip(axes, stages, strict=True):
            bins = [row for row in stage.bins if row["images"]]
            total = sum(row["images"] for row in bins)
            axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
            for row in bins:
                axis.plot([row["mean_confidence"]] * 2, [row["mean_confidence"], row["accuracy"]], color=SECOND, linewidth=1.0)
            axis.scatter(
                [row["mean_confidence"] for row in bins],
                [row["accuracy"] for row in bins],
                s=[20 + 220 * row["images"] / total for row in bins],
                color=FIRST,
                zorder=3,
            )
            axis.set(
                xlim=(-0.03, 1.03), ylim=(-0.05, 1.05), xlabel="mean confidence", title=f"{stage.stage}, ECE {stage.error:.3f}"
            )
            axis.set_aspect("equal")
        axes[0].set_ylabel("accuracy")

    return _svg(draw, (3.3 * len(stages), 3.4))


def draw_ranking(ranking: Ranking) -> str:
    """Bar chart as SVG: the mean of each system with its interval, the best at the top; the random baseline hatched, its mean a
    dashed line."""
    bars = ranking.bars[::-1]

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for place, bar in enumerate(bars):
            look: dict[str, Any] = {"facecolor": FAINT, "edgecolor": INK, "hatch": "///"} if bar.is_baseline else {"color": FIRST}
            axis.barh(place, bar.mean, height=0.62, linewidth=0.6, **look)
            if bar.low is not None and bar.high is not None:
                axis.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.4)
            axis.annotate(
                f"{bar.mean:.3f}",
                (max(bar.mean, bar.high or bar.mean), place),
                xytext=(5, 0),
                textcoords="offset points",
                verticalalignment="center",
            )
            if bar.is_baseline:
                axis.axvline(bar.mean, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
        axis.set_yticks(range(len(bars)), [bar.system for bar in bars])
        axis.tick_params(axis="y", length=0)
        axis.grid(visible=False, axis="y")
        axis.margins(x=0.12, y=0.02)
        axis.set_xlabel(metric_title(ranking.metric))

    return _svg(draw, (7.2, 0.8 + 0.27 * len(bars)))


def draw_relation(relation: Relation) -> str:
    """Scatter plot as SVG: factuality against relevance, one numbered point a system, with the least-squares line; the random
    baseline is a square outside the fit."""

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        shown = [*relation.points, *([relation.baseline] if relation.baseline else [])]
        if line := relation.association.line:
            ends = [min(point.relevance for point in relation.points), max(point.relevance for point in relation.points)]
            axis.plot(ends, [line.slope * x + line.intercept for x in ends], color=SECOND, linewidth=1.2)
        for number, point in enumerate(shown, start=1):
            is_baseline = point is relation.baseline
            axis.plot(
                point.relevance,
                point.factuality,
                marker="s" if is_baseline else "o",
                markersize=6,
                color=INK if is_baseline else FIRST,
                markerfacecolor="none" if is_baseline else FIRST,
                linestyle="none",
                label=f"{number}  {point.system}",
            )
            axis.annotate(str(number), (point.relevance, point.factuality), xytext=(5, 4), textcoords="offset points", fontsize=8)
        axis.margins(0.08)
        axis.set(xlabel=metric_title(relation.relevance), ylabel=metric_title(relation.factuality))
        figure.legend(loc="outside right upper", handlelength=1.0, fontsize=8)

    return _svg(draw, (7.6, 4.0))


def draw_strategies(group: StrategyGroup) -> str:
    """One panel a metric as SVG: mean with interval of each adaptation of one base model against its trained parameters."""
    markers = ("o", "s", "^", "D", "v", "P", "X")
    strategies = list(dict.fromkeys(adapted.strategy for adapted in group.systems))

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import NullLocator

        axes = figure.subplots(1, len(group.drawn), squeeze=False)[0]
        for axis, metric in zip(axes, group.drawn, strict=True):
            place = group.metrics.index(metric)
            for adapted in group.systems:
                cell = adapted.cells[place].score
                if cell.mean is None:
                    continue
                if cell.low is not None and cell.high is not None:
                    axis.plot([adapted.parameters] * 2, [cell.low, cell.high], color=FIRST, linewidth=1.2)
                marker = markers[strategies.index(adapted.strategy) % len(markers)]
                axis.plot(adapted.parameters, cell.mean, marker=marker, color=FIRST, linestyle="none", label=adapted.strategy)
            counts = sorted({adapted.parameters for adapted in group.systems})
            axis.set_xscale("log")
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xticks(counts, [f"{count / 1e6:.3g} M" for count in counts], rotation=30)
            axis.margins(x=0.2, y=0.15)
            axis.set(title=metric_title(metric), xlabel="trained parameters")
        handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(list(handles.values()), list(handles), loc="outside upper left", ncols=len(handles))

    return _svg(draw, (3.0 * len(group.drawn) if len(group.drawn) > 1 else 4.0, 3.2))
