"""A metric's course in the height of a line of text.

The numbers come first (`sparkline_points`), then two pictures of them: SVG that takes its colour from the
text around it, and block characters for terminals.

NaN is a gap; +inf and -inf are drawn at the upper and lower edge; a course without any range lies in the
middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["sparkline_points", "sparkline_svg", "sparkline_text"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = " "

Point = tuple[float, float]


def sparkline_points(
    values: Sequence[float], width: float = 100.0, height: float = 20.0, margin: float = 2.0
) -> list[list[Point]]:
    """Where the values lie in a box: one list of ``(x, y)`` for each stretch without a gap.

    The first value lies at the left margin and the last at the right one; y grows downwards.

    Examples
    --------
    >>> sparkline_points([0.0, 1.0, float("nan"), 0.5], width=100, height=20, margin=0)
    [[(0.0, 20.0), (33.33, 0.0)], [(100.0, 10.0)]]
    >>> sparkline_points([7.0], width=100, height=20)
    [[(50.0, 10.0)]]
    """
    heights = _heights(values)
    across, down = width - 2 * margin, height - 2 * margin
    stretches: list[list[Point]] = []
    gap = True
    for place, level in enumerate(heights):
        if level is None:
            gap = True
            continue
        x = width / 2 if len(heights) == 1 else margin + across * place / (len(heights) - 1)
        point = (round(x, 2), round(margin + down * (1 - level), 2))
        if gap:
            stretches.append([])
            gap = False
        stretches[-1].append(point)
    return stretches


def sparkline_svg(
    values: Sequence[float],
    *,
    width: int = 100,
    height: int = 20,
    label: str = "",
    colour: str = "currentColor",
) -> str:
    """The values as an inline SVG: a line, and a dot at the last value.

    Parameters
    ----------
    values : sequence of float
    width, height : int
        In pixels.
    label : str
        What a screen reader says; without it the picture is decoration and is passed over.
    colour : str
        Any CSS colour.
    """
    stretches = sparkline_points(values, width, height)
    shapes = []
    for points in stretches:
        if len(points) == 1:
            x, y = points[0]
            shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="1.5" fill="{escape(colour)}"/>')
        else:
            path = " ".join(f"{x:g},{y:g}" for x, y in points)
            shapes.append(
                f'<polyline points="{path}" fill="none" stroke="{escape(colour)}" stroke-width="1.5" '
                'stroke-linejoin="round" stroke-linecap="round"/>'
            )
    if stretches and len(stretches[-1]) > 1:
        x, y = stretches[-1][-1]
        shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="2" fill="{escape(colour)}"/>')
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return (
        f'<svg {said} width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="vertical-align:middle;overflow:visible">{"".join(shapes)}</svg>'
    )


def sparkline_text(values: Sequence[float], width: int | None = None) -> str:
    """The values as block characters, one each, or thinned to `width` of them.

    Examples
    --------
    >>> sparkline_text([0, 1, 2, 3, float("nan"), 7])
    '▁▂▃▄ █'
    """
    if width is not None and len(values) > width:
        if width < 2:
            values = values[-width:] if width else []
        else:
            values = [values[round(place * (len(values) - 1) / (width - 1))] for place in range(width)]
    top = len(_BLOCKS) - 1
    return "".join(
        _GAP if level is None else _BLOCKS[math.floor(level * top + 0.5)] for level in _heights(values)
    )


def _heights(values: Sequence[float]) -> list[float | None]:
    """Each value between 0 (the least) and 1 (the greatest); None for NaN."""
    numbers = [float(value) for value in values]
    finite = [number for number in numbers if math.isfinite(number)]
    # Halves, because the difference of two floats may be beyond the greatest.
    low, high = (min(finite) / 2, max(finite) / 2) if finite else (0.0, 0.0)

    def level(number: float) -> float | None:
        if math.isnan(number):
            return None
        if math.isinf(number):
            return 1.0 if number > 0 else 0.0
        return (number / 2 - low) / (high - low) if high > low else 0.5

    return [level(number) for number in numbers]
