"""Markdown pages taken apart: fenced blocks with what is said about them, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^ {0,3}```(\w*)\s*$")
_REMARK = re.compile(r"^<!-- (.*) -->$")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]*?\b(?:src|srcset)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block.  `remark` is the HTML comment on the line above the fence."""

    line: int
    language: str
    text: str
    remark: str


@dataclass(frozen=True)
class Page:
    """A Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        return list(_blocks(self.text))

    @property
    def prose(self) -> str:
        """The text without its fenced blocks and code spans."""
        lines, inside = [], False
        for line in self.text.splitlines():
            if _FENCE.match(line):
                inside = not inside
            elif not inside:
                lines.append(line)
        return re.sub(r"`[^`\n]*`", "``", "\n".join(lines))

    @property
    def links(self) -> list[str]:
        return [first or second for first, second in _LINK.findall(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """Where a link may lead inside the page, as GitHub names it."""
        plain = "\n".join(line for line in _outside_fences(self.text))
        found = [_HEADING.match(line) for line in plain.splitlines()]
        return {_slug(each[1]) for each in found if each}


def pages() -> list[Page]:
    """README, everything in `docs` and `examples`, and what else a reader finds at the root."""
    found = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]
    return [Page(path) for path in [*found, *sorted((REPOSITORY / "examples").rglob("*.md"))]]


def _outside_fences(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield line


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def _blocks(text: str) -> Iterator[Block]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if fence is None:
            number += 1
            continue
        end = next(at for at in range(number + 1, len(lines)) if lines[at].strip() == "```")
        remark = _REMARK.match(lines[number - 1]) if number else None
        inner = "\n".join(lines[number + 1 : end]) + "\n"
        yield Block(number + 1, fence[1], inner, remark[1] if remark else "")
        number = end + 1
