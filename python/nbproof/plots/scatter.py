"""One thing against another, a dot for each run.

Numbers first (`dots_of`), then the picture (`plot_dots`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbproof.plots.axis import Axis, axis_of, categories_of, numbers_only
from nbproof.plots.figure import Figure, Frame, colour_of, dot_svg, text_svg

__all__ = ["Dot", "Dots", "dots_of", "plot_dots"]


@dataclass(frozen=True, slots=True)
class Dot:
    """A run and where it lies: places between 0 and 1."""

    name: str
    number: int
    x: float
    y: float
    said: str


@dataclass(frozen=True, slots=True)
class Dots:
    """All dots on their axes; `left_out` runs lack one of the two values."""

    title: str
    x: Axis
    y: Axis
    dots: tuple[Dot, ...]
    left_out: int


def dots_of(
    names: Sequence[str],
    x: Sequence[float | str | None],
    y: Sequence[float | None],
    *,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
) -> Dots:
    """Where the dots lie; `x` may be numbers, or names, which then share the axis evenly.

    Examples
    --------
    >>> found = dots_of(["a", "b", "c"], [1, 2, None], [0.5, 0.7, 0.9], x_label="depth", y_label="auc")
    >>> [dot.name for dot in found.dots], found.left_out
    (['a', 'b'], 1)
    """
    if numbers_only(x):
        across = axis_of([each for each in x if isinstance(each, (int, float))], x_label, log=log_x)
        places = list(x)
    else:
        texts = [None if each is None else str(each) for each in x]
        across = categories_of(texts, x_label)
        places = list(texts)
    up = axis_of([each for each in y if each is not None], y_label, log=log_y)
    dots = []
    for number, (name, at, value) in enumerate(zip(names, places, y, strict=True)):
        place = (across.at(at), up.at(value))
        if place[0] is not None and place[1] is not None:
            said = f"{name}: {x_label} {_word(at)}, {y_label} {_word(value)}"
            dots.append(Dot(name, number, round(place[0], 5), round(place[1], 5), said))
    return Dots(f"{y_label} by {x_label}", across, up, tuple(dots), len(names) - len(dots))


def _word(value: float | str | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def plot_dots(dots: Dots, *, frame: Frame | None = None) -> Figure:
    """The picture."""
    frame = frame or Frame()
    shapes = [*frame.across(dots.x), *frame.up(dots.y)]
    shapes += [dot_svg(frame.x(dot.x), frame.y(dot.y), colour_of(dot.number), dot.said) for dot in dots.dots]
    words = [dots.title, *(f"  {dot.said}" for dot in dots.dots)]
    if dots.left_out:
        note = f"{dots.left_out} without a place"
        shapes.append(text_svg(frame.width - frame.right, 15, note, anchor="end"))
        words.append(f"  {note}")
    return Figure(frame.svg(shapes, dots.title), "\n".join(words))
