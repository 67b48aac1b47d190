"""Markdown that somebody wrote, as HTML that is safe in a cell's output."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["markdown_html"]


def markdown_html(text: str) -> str:
    """Notes or a Markdown artifact in HTML.

    CommonMark with tables and strikethrough, and a line end is kept as one.  HTML in the text is shown as
    typed, links go to http, https and mail only, and pictures become links: looking at notes loads nothing
    from elsewhere.

    Examples
    --------
    >>> markdown_html("**Baseline** <b>").strip()
    '<p><strong>Baseline</strong> &lt;b&gt;</p>'
    """
    html: str = _parser().render(text)
    return html


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.validateLink = _is_harmless  # type: ignore[method-assign]  # how the library wants it
    return parser


def _is_harmless(url: str) -> bool:
    scheme, colon, _ = url.strip().partition(":")
    return not colon or "/" in scheme or "#" in scheme or scheme.lower() in ("http", "https", "mailto")
