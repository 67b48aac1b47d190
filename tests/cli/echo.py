"""A room of one operation."""

from __future__ import annotations

from typing import Annotated

from nbproof.core.operation import Ask, Positional, View, operation


class Echo:
    """Repeats."""


class Say(Ask):
    """A word."""

    word: Annotated[str, Positional]
    times: int = 1


class Said(View):
    """The word, repeated."""

    word: str
    length: int


@operation("echo.say", "GET /echo/{word}", action="read", cli="echo say", magic="say")
def say(echo: Echo, ask: Say) -> Said:
    """Say a word back."""
    said = " ".join([ask.word] * ask.times)
    return Said(word=said, length=len(said))
