"""Parallel coordinates: an axis for each param and a metric at the end, a line for each run.

Numbers first (`strands_of`), then the picture (`plot_strands`).  Lines take their colour from where they end,
so that what leads to good values can be followed back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nbproof.plots.axis import Axis, axis_of, categories_of, numbers_only, spans_ratios
from nbproof.plots.figure import DIM, TEXT, Figure, Frame, line_svg, path_svg, shortened, text_svg

__all__ = ["Strand", "Strands", "plot_strands", "strands_of"]

_MOST_AXES = 12
# From low to high: seen on white and on dark grey, and told apart by those who don't tell red from green.
_LOW, _HIGH = (47, 127, 214), (226, 110, 20)


@dataclass(frozen=True, slots=True)
class Strand:
    """A run: its place on each axis, None where it has no value there."""

    name: str
    places: tuple[float | None, ...]
    said: str


@dataclass(frozen=True, slots=True)
class Strands:
    """All runs on all axes; `left_out` axes were too many."""

    axes: tuple[Axis, ...]
    strands: tuple[Strand, ...]
    left_out: int


def strands_of(names: Sequence[str], columns: Mapping[str, Sequence[object]]) -> Strands:
    """Where each run lies on each axis, in the order of the columns; the last one gives the colour.

    A column of positive numbers that spans a factor of a hundred (a learning rate) is drawn by ratios.

    Examples
    --------
    >>> found = strands_of(["a", "b"], {"depth": [2, 4], "model": ["xgb", "forest"], "auc": [0.5, 0.9]})
    >>> [axis.label for axis in found.axes], found.axes[1].categories
    (['depth', 'model', 'auc'], ('forest', 'xgb'))
    """
    labels = list(columns)
    if len(labels) > _MOST_AXES:
        labels = [*labels[: _MOST_AXES - 1], labels[-1]]
    axes: list[Axis] = []
    places: list[list[float | None]] = [[] for _ in names]
    for label in labels:
        values = columns[label]
        if numbers_only(values):
            numbers = [each for each in values if isinstance(each, (int, float))]
            axis = axis_of(numbers, label, log=spans_ratios(values), most=4)
            found = [axis.at(each) if isinstance(each, (int, float)) else None for each in values]
        else:
            texts = [None if each is None else str(each) for each in values]
            axis = categories_of(texts, label)
            found = [axis.at(each) for each in texts]
        axes.append(axis)
        for strand, place in zip(places, found, strict=True):
            strand.append(None if place is None else round(place, 5))
    strands = [
        Strand(
            name,
            tuple(strand),
            f"{name}: " + ", ".join(f"{label} {_word(columns[label][number])}" for label in labels),
        )
        for number, (name, strand) in enumerate(zip(names, places, strict=True))
    ]
    return Strands(tuple(axes), tuple(strands), len(columns) - len(labels))


def _word(value: object) -> str:
    return "—" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def plot_strands(strands: Strands, *, frame: Frame | None = None) -> Figure:
    """The picture."""
    count = len(strands.axes)
    frame = frame or Frame(width=max(480, min(160 * count, 1200)), left=44, right=56, top=34, bottom=14)
    # No label runs into the next one; the end of a dotted name says more than its beginning.
    letters = min(20, int((frame.width - frame.left - frame.right) / max(count - 1, 1) / 7.5))
    shapes = []
    for strand in strands.strands:
        end = strand.places[-1] if strand.places else None
        colour = DIM if end is None else _mixed(end)
        drawn = [
            path_svg(part, colour, width=1.8, opacity=0.8)
            for part in _parts(frame, strand.places)
            if len(part) > 1
        ]
        shapes.append(f"<g><title>{escape(strand.said)}</title>{''.join(drawn)}</g>")
    for number, axis in enumerate(strands.axes):
        x = frame.x(number / max(count - 1, 1))
        shapes.append(line_svg(x, frame.y(0), x, frame.y(1), stroke=DIM, width=1.2))
        anchor = "start" if number == 0 else "end" if number == count - 1 else "middle"
        offset = -30 if number == 0 else 40 if number == count - 1 else 0
        shapes.append(
            text_svg(x + offset, 16, _ending(axis.label, letters), anchor=anchor, weight="600", fill=TEXT)
        )
        for place, text in axis.ticks:
            shapes.append(_halo(x + 5, frame.y(place) + 4, shortened(text, 14)))
    words = ["  ".join(axis.label for axis in strands.axes), *(f"  {each.said}" for each in strands.strands)]
    if strands.left_out:
        words.append(f"  {strands.left_out} more columns are not drawn")
    labels = ", ".join(axis.label for axis in strands.axes)
    said = f"parallel coordinates of {len(strands.strands)} runs: {labels}"
    return Figure(frame.svg(shapes, "", said=said), "\n".join(words))


def _ending(label: str, letters: int) -> str:
    return label if len(label) <= letters else f"…{label[1 - letters :]}"


def _parts(frame: Frame, places: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for number, place in enumerate(places):
        if place is None:
            parts.append([])
        else:
            parts[-1].append((frame.x(number / max(len(places) - 1, 1)), frame.y(place)))
    return parts


def _mixed(place: float) -> str:
    return "#" + "".join(
        f"{round(low + (high - low) * place):02x}" for low, high in zip(_LOW, _HIGH, strict=True)
    )


def _halo(x: float, y: float, text: str) -> str:
    """Text with an edge in the colour of the page, so that lines behind it don't make it unreadable."""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{DIM}" '
        'style="paint-order:stroke;stroke:var(--jp-layout-color0,Canvas);'
        f'stroke-width:3px;stroke-linejoin:round">{escape(text)}</text>'
    )
