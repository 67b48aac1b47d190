"""How values spread in each group: numbers first (`spread`, `boxes_of`), then the picture (`plot_boxes`).

The box spans the quartiles, the line in it is the median.  Whiskers reach to the last value within one and a
half box lengths; what lies beyond is drawn by itself (Tukey, Exploratory Data Analysis, 1977).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbproof.plots.axis import Axis, axis_of, categories_of
from nbproof.plots.figure import TEXT, Figure, Frame, colour_of, dot_svg, line_svg

__all__ = ["Boxes", "Spread", "boxes_of", "plot_boxes", "spread"]

_DOTS_UP_TO = 5  # values of a group that are drawn one by one: a box of three values claims too much


@dataclass(frozen=True, slots=True)
class Spread:
    """Five numbers of a group, what lies far off, and how many values there are."""

    low: float
    lower: float
    median: float
    upper: float
    high: float
    outliers: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many values."""
        return len(self.values)


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of some values; None where none is finite.  Quartiles are interpolated linearly.

    Examples
    --------
    >>> found = spread([1, 2, 3, 4, 100])
    >>> found.low, found.lower, found.median, found.upper, found.high, found.outliers
    (1.0, 2.0, 3.0, 4.0, 4.0, (100.0,))
    """
    ordered = sorted(float(value) for value in values if math.isfinite(value))
    if not ordered:
        return None
    lower, median, upper = (_quantile(ordered, part) for part in (0.25, 0.5, 0.75))
    reach = 1.5 * (upper - lower)
    within = [value for value in ordered if lower - reach <= value <= upper + reach]
    outliers = tuple(value for value in ordered if not lower - reach <= value <= upper + reach)
    return Spread(within[0], lower, median, upper, within[-1], outliers, tuple(ordered))


def _quantile(ordered: Sequence[float], part: float) -> float:
    place = (len(ordered) - 1) * part
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(frozen=True, slots=True)
class Boxes:
    """The spread of each group, on common axes."""

    title: str
    x: Axis
    y: Axis
    groups: tuple[tuple[str, Spread], ...]


def boxes_of(
    groups: Mapping[str, Sequence[float]], *, x_label: str = "", y_label: str = "", log: bool = False
) -> Boxes:
    """The spreads of groups by name; groups without a finite value are left out."""
    found = {name: made for name, values in groups.items() if (made := spread(values)) is not None}
    x = categories_of(found, x_label)
    y = axis_of([value for each in found.values() for value in each.values], y_label, log=log)
    ordered = tuple((name, found[name]) for name in x.categories)
    return Boxes(f"{y_label} by {x_label}", x, y, ordered)


def plot_boxes(boxes: Boxes, *, frame: Frame | None = None) -> Figure:
    """The picture; groups of few values show these as well."""
    frame = frame or Frame()
    shapes = [*frame.across(boxes.x), *frame.up(boxes.y)]
    words = [boxes.title]
    room = (frame.width - frame.left - frame.right) / max(len(boxes.groups), 1)
    half = min(room * 0.3, 28)
    for place, (name, found) in enumerate(boxes.groups):
        across = boxes.x.at(name)
        up = [boxes.y.at(each) for each in (found.low, found.lower, found.median, found.upper, found.high)]
        words.append(
            f"  {name}: median {found.median:.6g}, {found.lower:.6g} to {found.upper:.6g}, n {found.n}"
        )
        if across is None or None in up:
            continue
        x, colour = frame.x(across), colour_of(place)
        low, lower, median, upper, high = (frame.y(each or 0.0) for each in up)
        shapes.append(line_svg(x, low, x, lower, stroke=colour, width=1.5))
        shapes.append(line_svg(x, upper, x, high, stroke=colour, width=1.5))
        for end in (low, high):
            shapes.append(line_svg(x - half / 2, end, x + half / 2, end, stroke=colour, width=1.5))
        shapes.append(
            f'<rect x="{x - half:g}" y="{upper:g}" width="{2 * half:g}" height="{max(lower - upper, 1):g}" '
            f'fill="{colour}" fill-opacity=".25" stroke="{colour}" stroke-width="1.5">'
            f"<title>{_said(name, found)}</title></rect>"
        )
        shapes.append(line_svg(x - half, median, x + half, median, stroke=TEXT, width=2))
        alone = found.values if found.n <= _DOTS_UP_TO else found.outliers
        for value in alone:
            at = boxes.y.at(value)
            if at is not None:
                shapes.append(dot_svg(x, frame.y(at), colour, f"{name}: {value:.6g}", 3))
    return Figure(frame.svg(shapes, boxes.title), "\n".join(words))


def _said(name: str, found: Spread) -> str:
    from html import escape

    return escape(f"{name}: median {found.median:.6g}, {found.lower:.6g} to {found.upper:.6g}, n {found.n}")
