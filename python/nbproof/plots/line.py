"""Courses of several series over one axis: numbers first (`lines_of`), then the picture (`plot_lines`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nbproof.plots.axis import Axis, Kind, axis_of
from nbproof.plots.figure import Entry, Figure, Frame, colour_of, dash_of, path_svg
from nbproof.plots.smoothing import smoothed
from nbproof.plots.sparkline import sparkline_text

__all__ = ["Line", "Lines", "Series", "lines_of", "plot_lines"]

_WORDS_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Series:
    """Values over something.

    Attributes
    ----------
    name : str
    x, y : sequence of float
        Of equal length, in the order logged.
    smooth : sequence of float, optional
        The smoothed values, where somebody who had all of them made them already.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    smooth: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Where a series lies: stretches of places between 0 and 1, broken where a value has none."""

    name: str
    raw: tuple[tuple[tuple[float, float], ...], ...]
    smooth: tuple[tuple[tuple[float, float], ...], ...]
    last: float | None
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Several series over one axis, ready to be drawn; `left_out` values have no place on a log axis."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    left_out: int


def lines_of(
    series: Sequence[Series],
    *,
    title: str = "",
    x_label: str = "step",
    x_kind: Kind = "number",
    log: bool = False,
    smoothing: float = 0.0,
) -> Lines:
    """Where the values of several series lie, on common axes.

    Points are joined in the order of x, those of one x in the order logged.  NaN breaks a line; an infinity
    is drawn at the edge; on a log axis 0 and less have no place and are counted.  With `smoothing` (see
    `nbproof.plots.smoothing`) the smoothed line is the line, and the raw one stays behind it.

    Examples
    --------
    >>> found = lines_of([Series("a", [0, 1, 2], [1.0, float("nan"), 3.0])])
    >>> [len(stretch) for stretch in found.lines[0].raw]
    [1, 1]
    """
    left_out = 0
    lines: list[tuple[Series, list[tuple[float, float, float]]]] = []
    for each in series:
        soft = each.smooth if each.smooth is not None else smoothed(each.y, smoothing)
        points = sorted(zip(each.x, each.y, soft, strict=True), key=lambda point: point[0])
        if log:
            left_out += sum(1 for _, y, _ in points if not math.isnan(y) and y <= 0)
        lines.append((each, points))
    x = axis_of([x for _, points in lines for x, _, _ in points], x_label, kind=x_kind, slack=False)
    y = axis_of([y for _, points in lines for _, y, _ in points], log=log)
    made = []
    for each, points in lines:
        raw = _stretches(x, y, [(at, value) for at, value, _ in points])
        soft_line: tuple[tuple[tuple[float, float], ...], ...] = ()
        if smoothing > 0 or each.smooth is not None:
            soft_line = _stretches(x, y, [(at, value) for at, _, value in points])
        values = tuple(value for _, value, _ in points)
        made.append(Line(each.name, raw, soft_line, values[-1] if values else None, values))
    return Lines(title, x, y, tuple(made), left_out)


def _stretches(
    x: Axis, y: Axis, points: Sequence[tuple[float, float]]
) -> tuple[tuple[tuple[float, float], ...], ...]:
    stretches: list[list[tuple[float, float]]] = []
    gap = True
    for across, up in points:
        place = (x.at(across), y.at(up))
        if place[0] is None or place[1] is None:
            gap = True
            continue
        if gap:
            stretches.append([])
            gap = False
        stretches[-1].append((round(place[0], 5), round(place[1], 5)))
    return tuple(tuple(stretch) for stretch in stretches)


def plot_lines(lines: Lines, *, frame: Frame | None = None, colours: Sequence[int] | None = None) -> Figure:
    """The picture; `colours` are the places of the series in a larger set, so that pictures agree on them."""
    frame = frame or Frame()
    shapes = [*frame.across(lines.x), *frame.up(lines.y)]
    legend = []
    words = [lines.title] if lines.title else []
    for place, line in enumerate(lines.lines):
        number = place if colours is None else colours[place]
        colour, dash = colour_of(number), dash_of(number)
        said = line.name if line.last is None else f"{line.name}: {line.last:.6g}"
        drawn = []
        for stretch in line.raw:
            points = [(frame.x(x), frame.y(y)) for x, y in stretch]
            behind = 0.28 if line.smooth else 1
            drawn.append(path_svg(points, colour, dash="" if line.smooth else dash, opacity=behind))
        for stretch in line.smooth:
            drawn.append(path_svg([(frame.x(x), frame.y(y)) for x, y in stretch], colour, dash=dash, width=2))
        shapes.append(f"<g><title>{escape(said)}</title>{''.join(drawn)}</g>")
        legend.append(Entry(line.name, colour, dash))
        words.append(f"  {sparkline_text(line.values, _WORDS_WIDTH):<{_WORDS_WIDTH}}  {said}")
    if lines.left_out:
        words.append(f"  {lines.left_out} values of 0 or less have no place on a log axis")
    said = f"{lines.title} by {lines.x.label}: {len(lines.lines)} lines"
    return Figure(frame.svg(shapes, lines.title, said=said), "\n".join(words), tuple(legend))
