"""What every figure is made of: a picture as SVG, a legend, and words for those who see none.

Colours are in the middle between white and black, so that a line is seen on both; text and grid take
JupyterLab's ``--jp-*`` variables, with fallbacks of the same kind.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from nbproof.plots.axis import Axis

__all__ = ["COLOURS", "Entry", "Figure", "Frame", "colour_of", "dash_of", "drawn", "shortened"]

# Each has a contrast of 3 or more on white and on JupyterLab's dark grey.
COLOURS = (
    "#2f7fd6", "#d9730d", "#2e9e4f", "#dd4b5a", "#9566d6",
    "#1a98a8", "#d151a4", "#8f7a2b", "#7a8794", "#b3683f",
)  # fmt: skip
_DASHES = ("", "6 3", "2 3", "8 3 2 3")

TEXT = "var(--jp-ui-font-color1, currentColor)"
DIM = "var(--jp-ui-font-color2, #808080)"
GRID = "var(--jp-border-color2, rgba(128,128,128,.3))"
_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:11px"
_MANY = 20  # names in a legend before the rest is counted


def colour_of(place: int) -> str:
    """The colour of the series at a place; after the last colour they begin anew, with other dashes."""
    return COLOURS[place % len(COLOURS)]


def dash_of(place: int) -> str:
    """The dashes of the series at a place, as SVG writes them; none for the first ten."""
    return _DASHES[place // len(COLOURS) % len(_DASHES)]


def shortened(text: str, most: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


_SHOWN = (
    "<style>.nbproof-drawn.nbproof-drawn>img{display:none}"
    ".nbproof-drawn.nbproof-drawn>div{display:block!important}</style>"
)


def drawn(svg: str) -> str:
    """A picture as HTML that is also seen in a notebook that is not trusted.

    There JupyterLab takes styles and SVG out of an output and leaves the words of it.  So the SVG, which
    follows the theme, stands hidden beside itself as an image, and a style turns that round: where styles are
    taken out, the image is what is seen.
    """
    # A value of its own, because JupyterLab drops attributes without one.
    said = re.search('aria-label="([^"]*)"', svg)
    return (
        f'<div class="nbproof-drawn">{_SHOWN}'
        f'<img alt="{said[1] if said else ""}" style="max-width:100%" src="{_address(svg)}"/>'
        f'<div hidden="hidden">{svg}</div></div>'
    )


def _address(svg: str) -> str:
    """An SVG as a data: address; colours of the page become such as are seen on white and on black."""
    alone = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    alone = alone.replace("currentColor", "#808080").replace("Canvas)", "none)")
    return f"data:image/svg+xml;base64,{b64encode(alone.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a legend."""

    name: str
    colour: str
    dash: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture that a cell shows, with a legend and a text of the same.

    Attributes
    ----------
    svg : str
    text : str
        For terminals and screen readers.
    legend : tuple of Entry
    """

    svg: str
    text: str
    legend: tuple[Entry, ...] = ()

    def html(self, *, legend: bool = True) -> str:
        """The picture with its legend below."""
        return f'<div style="max-width:100%">{drawn(self.svg)}{self.legend_html() if legend else ""}</div>'

    def legend_html(self) -> str:
        """The legend alone, for several pictures that share one."""
        if not self.legend:
            return ""
        items = "".join(
            '<span style="white-space:nowrap;margin-right:1.2em;display:inline-block">'
            f'<img alt="" style="vertical-align:middle;margin-right:.4em" src="{_address(_sample(each))}"/>'
            f"{escape(shortened(each.name, 60))}</span>"
            for each in self.legend[:_MANY]
        )
        rest = len(self.legend) - _MANY
        if rest > 0:
            items += f'<span style="color:{DIM}">and {rest} more</span>'
        return f'<div style="{_FONT};color:{TEXT};line-height:1.7">{items}</div>'

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html()}


def _sample(entry: Entry) -> str:
    return (
        '<svg width="18" height="8"><line x1="0" y1="4" x2="18" y2="4" '
        f'stroke="{entry.colour}" stroke-width="2.5"{_dashed(entry.dash)}/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """The box that values are drawn in, and its margins, in pixels."""

    width: int = 640
    height: int = 320
    left: int = 58
    right: int = 14
    top: int = 26
    bottom: int = 40

    def x(self, place: float) -> float:
        """Across, from a place between 0 and 1."""
        return round(self.left + place * (self.width - self.left - self.right), 1)

    def y(self, place: float) -> float:
        """Down, from a place between 0 (at the bottom) and 1."""
        return round(self.height - self.bottom - place * (self.height - self.top - self.bottom), 1)

    def svg(self, shapes: Sequence[str], title: str, *, said: str = "") -> str:
        """The whole picture; `said` is what a screen reader says, by default the title."""
        head = text_svg(self.left, 15, shortened(title, self.width // 7), weight="600", fill=TEXT)
        return (
            f'<svg role="img" aria-label="{escape(said or title)}" '
            f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}" '
            f'style="max-width:100%;height:auto;display:block;{_FONT}">'
            f"{head if title else ''}{''.join(shapes)}</svg>"
        )

    def across(self, axis: Axis) -> list[str]:
        """The axis at the bottom: grid, ticks, label.  Names that would touch are written aslant."""
        bottom, top = self.y(0), self.y(1)
        shapes = []
        room = (self.width - self.left - self.right) / max(len(axis.ticks), 1)
        aslant = any(len(text) * 6.2 > room for _, text in axis.ticks)
        for place, text in axis.ticks:
            x = self.x(place)
            shapes.append(line_svg(x, bottom, x, top))
            if aslant:
                shapes.append(
                    f'<text transform="translate({x:g},{bottom + 13:g}) rotate(-25)" text-anchor="end" '
                    f'fill="{DIM}">{escape(shortened(text, 16))}</text>'
                )
            else:
                shapes.append(text_svg(x, bottom + 14, text, anchor="middle"))
        if axis.label:
            shapes.append(text_svg(self.x(0.5), self.height - 6, shortened(axis.label, 60), anchor="middle"))
        return shapes

    def up(self, axis: Axis) -> list[str]:
        """The axis on the left: grid and ticks."""
        left, right = self.x(0), self.x(1)
        shapes = []
        for place, text in axis.ticks:
            y = self.y(place)
            shapes.append(line_svg(left, y, right, y))
            shapes.append(text_svg(left - 6, y + 4, shortened(text, 9), anchor="end"))
        return shapes


def line_svg(x1: float, y1: float, x2: float, y2: float, *, stroke: str = GRID, width: float = 1) -> str:
    """A straight line; by default one of the grid."""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" stroke-width="{width:g}"/>'
    )


def text_svg(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", fill: str = DIM
) -> str:
    """Words at a place."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
        f"{escape(text)}</text>"
    )


def path_svg(
    points: Sequence[tuple[float, float]],
    colour: str,
    *,
    dash: str = "",
    width: float = 1.6,
    opacity: float = 1,
) -> str:
    """A line through points, or a dot for a single one."""
    if len(points) == 1:
        x, y = points[0]
        return f'<circle cx="{x:g}" cy="{y:g}" r="2.5" fill="{colour}" fill-opacity="{opacity:g}"/>'
    places = " ".join(f"{x:g},{y:g}" for x, y in points)
    return (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-opacity="{opacity:g}" stroke-linejoin="round"{_dashed(dash)}/>'
    )


def dot_svg(x: float, y: float, colour: str, said: str, radius: float = 4) -> str:
    """A dot that says what it is under the pointer."""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{colour}" fill-opacity=".85">'
        f"<title>{escape(said)}</title></circle>"
    )


def _dashed(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""
