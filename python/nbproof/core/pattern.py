r"""Regular expressions that no text can make slow: a documented subset, with one meaning on every database.

Python's own `re` may need longer than anybody lives for ``(a+)+$``; and each database has a dialect of its
own.  Here a pattern is read into a tree.  From it come an automaton that takes one step a character (SQLite
calls it) and a spelling for PostgreSQL, whose automaton is of the same kind.

==================  ===========================================================================
``.``               any character
``[a-z_]``          one of these; ``[^...]`` none of these
``\d \w \s``        a digit 0 to 9; a letter a to z, digit or ``_``; white space; ``\D \W \S``: not so
``^ $``             the start, the end of the text; ``\A`` and ``\Z``, ``\z`` as well
``\b \B``           between a ``\w`` and something else, or not there
``* + ? {2} {2,5}`` so many times; ``{2,}`` two or more
``a|b``             one or the other
``(...)``           a group
``\.``              the sign itself; ``\n``, ``\t``, ``\r``, ``\f``, ``\v``; ``\x41``, ``\u00e9``
``(?i)``            at the start: the case of a to z does not matter
==================  ===========================================================================

There are no back references and nothing that looks ahead or behind.

>>> Pattern("^v[0-9]+$").matches("v12"), Pattern("(?i)forest").matches("Random Forest")
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

__all__ = ["Pattern", "PatternError", "matches"]

_MOST_REPEATS = 100
_MOST_STATES = 1_000
_MOST_GROUPS = 50
_KEPT = 2_000  # steps that are remembered, in all

Ranges: TypeAlias = tuple[tuple[int, int], ...]

_CLASSES: dict[str, Ranges] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_EDGES = {"b": "b", "B": "B", "A": "^", "Z": "$", "z": "$"}
_DIGITS = {"x": 2, "u": 4, "U": 8}  # of a character by its number


class PatternError(ValueError):
    """A pattern that cannot be read.

    Parameters
    ----------
    position : int
        Where, from 0.
    expected : str
        What would have been right there.
    """

    def __init__(self, position: int, expected: str) -> None:
        super().__init__(f"position {position + 1} of the pattern: expected {expected}")
        self.position = position
        self.expected = expected


# -- the tree ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Signs:
    """One character out of some, or out of all others."""

    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Edge:
    """The start or the end of the text (``^``, ``$``), of a word (``b``), or none of a word (``B``)."""

    sign: str


@dataclass(frozen=True, slots=True)
class _Row:
    items: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    items: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    item: _Node
    least: int
    most: int | None


_Node: TypeAlias = _Signs | _Edge | _Row | _Either | _Repeat
_ANY = _Signs((), True)
_WORD = _Signs(_CLASSES["w"])


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._folds = text.startswith("(?i)")
        if self._folds:
            self._at = 4

    def read(self) -> _Node:
        node = self._either()
        if self._at < len(self._text):
            raise PatternError(self._at, r"an opening parenthesis before; the sign itself is written \)")
        return node

    def _either(self) -> _Node:
        items = [self._row()]
        while self._peek() == "|":
            self._at += 1
            items.append(self._row())
        return items[0] if len(items) == 1 else _Either(tuple(items))

    def _row(self) -> _Node:
        items: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._repeated(self._one()))
        return items[0] if len(items) == 1 else _Row(tuple(items))

    def _repeated(self, item: _Node) -> _Node:
        start = self._at
        sign = self._peek()
        if sign not in ("*", "+", "?", "{"):
            return item
        if isinstance(item, _Edge):
            raise PatternError(start, "something else: the start or end of a text or word is there once")
        self._at += 1
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign) or self._counted(start)
        if self._peek() == "?":
            self._at += 1  # as few as possible: whether there is a match does not depend on it
        if self._peek() in ("*", "+", "{"):
            raise PatternError(
                self._at, "one number of times; put a group into parentheses to repeat it again"
            )
        return _Repeat(item, least, most)

    def _counted(self, start: int) -> tuple[int, int | None]:
        expected = rf"a number of times up to {_MOST_REPEATS}, like {{2}} or {{2,5}}; the sign itself is \{{"
        end = self._text.find("}", start)
        least, comma, most = self._text[start + 1 : max(end, start)].partition(",")
        numbers = [each for each in (least, most) if each]
        if not least or not all(each.isascii() and each.isdigit() and len(each) <= 3 for each in numbers):
            raise PatternError(start, expected)
        low = int(least)
        high = low if not comma else int(most) if most else None
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise PatternError(start, expected)
        self._at = end + 1
        return low, high

    def _one(self) -> _Node:
        start, sign = self._at, self._text[self._at]
        self._at += 1
        match sign:
            case ".":
                return _ANY
            case "^" | "$":
                return _Edge(sign)
            case "(":
                return self._group(start)
            case "[":
                return self._set(start)
            case "*" | "+" | "?" | "{":
                raise PatternError(start, rf"something to repeat before {sign}; the sign itself is \{sign}")
            case "\\" if self._peek() in _EDGES:
                self._at += 1
                return _Edge(_EDGES[self._text[start + 1]])
            case "\\":
                return self._folded(self._escaped(start))
        return self._folded(_Signs(((ord(sign), ord(sign)),)))

    def _group(self, start: int) -> _Node:
        self._depth += 1
        if self._depth > _MOST_GROUPS:
            raise PatternError(start, f"at most {_MOST_GROUPS} groups inside each other")
        if self._peek() == "?":
            if self._text[self._at : self._at + 2] != "?:":
                raise PatternError(start, "a plain group: nothing here looks ahead or behind")
            self._at += 2
        inside = self._either()
        if self._peek() != ")":
            raise PatternError(self._at, f"the closing parenthesis of position {start + 1}")
        self._at += 1
        self._depth -= 1
        return inside

    def _escaped(self, start: int) -> _Signs:
        sign = self._peek()
        self._at += 1
        if sign.lower() in _CLASSES:
            return _Signs(_CLASSES[sign.lower()], sign.isupper())
        if sign in _CONTROLS:
            sign = _CONTROLS[sign]
        elif sign in _DIGITS:
            sign = self._numbered(start, _DIGITS[sign])
        elif sign == "" or (sign.isascii() and sign.isalnum()):
            raise PatternError(start, r"one of \d \w \s \b \n \t \xhh \uhhhh, or \ before a sign")
        return _Signs(((ord(sign), ord(sign)),))

    def _numbered(self, start: int, count: int) -> str:
        digits = self._text[self._at : self._at + count]
        self._at += count
        if len(digits) == count and set(digits.lower()) <= set("0123456789abcdef"):
            code = int(digits, 16)
            if 0 < code < 0xD800 or 0xE000 <= code <= 0x10FFFF:
                return chr(code)
        raise PatternError(start, f"{count} hex digits that name a character")

    def _set(self, start: int) -> _Node:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while True:
            at, sign = self._at, self._peek()
            if sign == "":
                raise PatternError(at, f"the ] that closes the [ of position {start + 1}")
            if sign == "]" and not first:
                self._at += 1
                break
            first = False
            low = self._in_set()
            if len(low.ranges) > 1 or low.negated or low.ranges[0][0] != low.ranges[0][1]:
                if low.negated:
                    raise PatternError(at, r"\d, \w or \s: inside [ ] there is no not, but [^ ]")
                ranges += low.ranges
                continue
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                high = self._in_set()
                if high.ranges[0][0] != high.ranges[-1][1] or high.ranges[0][0] < low.ranges[0][0]:
                    raise PatternError(at, "a range from the smaller to the greater, like a-z")
                ranges.append((low.ranges[0][0], high.ranges[0][0]))
            else:
                ranges += low.ranges
        return self._folded(_Signs(_joined(ranges), negated))

    def _in_set(self) -> _Signs:
        start, sign = self._at, self._text[self._at]
        self._at += 1
        return self._escaped(start) if sign == "\\" else _Signs(((ord(sign), ord(sign)),))

    def _folded(self, signs: _Signs) -> _Signs:
        if not self._folds:
            return signs
        more = list(signs.ranges)
        for low, high in signs.ranges:
            for first, last, shift in ((65, 90, 32), (97, 122, -32)):
                if max(low, first) <= min(high, last):
                    more.append((max(low, first) + shift, min(high, last) + shift))
        return _Signs(_joined(more), signs.negated)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


# -- the automaton ----------------------------------------------------------------------------------


class _States:
    """Every state has signs that lead on to one other, or leads on to some others by itself."""

    def __init__(self) -> None:
        self.signs: list[tuple[_Signs, int] | None] = []
        self.free: list[list[tuple[str, int]]] = []  # "", or the edge of the text that must be there

    def new(self) -> int:
        if len(self.signs) >= _MOST_STATES:
            raise PatternError(0, "a shorter pattern: it repeats too much")
        self.signs.append(None)
        self.free.append([])
        return len(self.signs) - 1

    def add(self, node: _Node, start: int) -> int:
        """Add what a node needs after a state; gives the state behind it."""
        match node:
            case _Signs():
                end = self.new()
                if self.signs[start] is not None or self.free[start]:
                    fresh = self.new()
                    self.free[start].append(("", fresh))
                    start = fresh
                self.signs[start] = (node, end)
                return end
            case _Edge(sign):
                end = self.new()
                self.free[start].append((sign, end))
                return end
            case _Row(items):
                for item in items:
                    start = self.add(item, start)
                return start
            case _Either(items):
                end = self.new()
                for item in items:
                    first = self.new()
                    self.free[start].append(("", first))
                    self.free[self.add(item, first)].append(("", end))
                return end
            case _Repeat(item, least, most):
                for _ in range(least):
                    start = self.add(item, start)
                if most is None:
                    first, end = self.new(), self.new()
                    self.free[start] += [("", first), ("", end)]
                    self.free[self.add(item, first)] += [("", first), ("", end)]
                    return end
                end = self.new()
                for _ in range(most - least):
                    self.free[start].append(("", end))
                    first = self.new()
                    self.free[start].append(("", first))
                    start = self.add(item, first)
                self.free[start].append(("", end))
                return end


class _Step:
    """All states the automaton may be in at once, and where each character leads from there."""

    __slots__ = ("at_end", "done", "edges", "next", "states", "word")

    def __init__(self, states: frozenset[int], edges: str, word: bool, done: bool, at_end: bool) -> None:
        self.states = states
        self.edges = edges  # the start of the text, or none
        self.word = word  # whether a sign of a word stands before
        self.done = done
        self.at_end = at_end
        self.next: dict[str, _Step] = {}


class Pattern:
    """A pattern that was read.

    Parameters
    ----------
    text : str

    Raises
    ------
    PatternError
        What cannot be read, with its position.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _Reader(text).read()
        self._states = _States()
        self._first = self._states.new()
        self._last = self._states.add(self._tree, self._first)
        self._bounded = any(edge in "bB" for free in self._states.free for edge, _ in free if edge)
        self._steps: dict[tuple[frozenset[int], bool], _Step] = {}
        self._begin = self._step({self._first}, "^", False)
        self._again = self._reached({self._first}, "")

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in a text; one step a character, whatever both are."""
        step = self._begin
        for sign in text:
            if step.done:
                return True
            following = step.next.get(sign)
            step = self._onward(step, sign) if following is None else following
        return step.done or step.at_end

    @property
    def postgresql(self) -> str:
        """The same pattern for the operator ``~`` of PostgreSQL."""
        return _spelled(self._tree)

    def _onward(self, step: _Step, sign: str) -> _Step:
        code = ord(sign)
        states, word = step.states, False
        if self._bounded:
            word = _holds(_WORD, code)
            # Whether a word begins or ends here is known only now.
            states = frozenset(self._reached(set(states), step.edges + ("B" if word is step.word else "b")))
        if self._last in states:
            reached = {self._last}
        else:
            reached = set(self._again)
            for state in states:
                found = self._states.signs[state]
                if found is not None and _holds(found[0], code):
                    reached.add(found[1])
        following = step.next[sign] = self._step(reached, "", word)
        return following

    def _step(self, states: set[int], edges: str, word: bool) -> _Step:
        reached = frozenset(self._reached(states, edges))
        # The first step is unlike all others: there, and only there, the text starts.
        found = None if edges else self._steps.get((reached, word))
        if found is None:
            if len(self._steps) >= _KEPT:
                # All steps hang from the first.
                self._steps, self._begin.next = {}, {}
            end = self._reached(set(reached), f"{edges}${'b' if word else 'B'}")
            found = _Step(reached, edges, word, self._last in reached, self._last in end)
            if not edges:
                self._steps[reached, word] = found
        elif len(found.next) > _KEPT:
            found.next = {}
        return found

    def _reached(self, states: set[int], edges: str) -> set[int]:
        reached, open_ = set(states), list(states)
        while open_:
            for edge, target in self._states.free[open_.pop()]:
                if target not in reached and (edge == "" or edge in edges):
                    reached.add(target)
                    open_.append(target)
        return reached


def _holds(signs: _Signs, code: int) -> bool:
    return any(low <= code <= high for low, high in signs.ranges) is not signs.negated


# -- PostgreSQL -------------------------------------------------------------------------------------


def _spelled(node: _Node) -> str:
    match node:
        case _Signs(ranges, negated):
            if node == _ANY:
                return "."
            if not negated and len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
                return _character(ranges[0][0])
            inside = "".join(
                _character(low) if low == high else f"{_character(low)}-{_character(high)}"
                for low, high in ranges
            )
            return f"[{'^' if negated else ''}{inside}]"
        case _Edge(sign):
            return {"b": r"\y", "B": r"\Y"}.get(sign, sign)
        case _Row(items):
            return "(?:" + "".join(map(_spelled, items)) + ")"
        case _Either(items):
            return "(?:" + "|".join(map(_spelled, items)) + ")"
        case _Repeat(item, least, most):
            return f"(?:{_spelled(item)}){{{least},{'' if most is None else most}}}"


def _character(code: int) -> str:
    if code < 128 and chr(code).isalnum():
        return chr(code)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


@lru_cache(maxsize=100)
def _compiled(pattern: str) -> Callable[[str], bool]:
    return Pattern(pattern).matches


def matches(pattern: str, text: object) -> bool | None:
    """What SQLite calls; unknown where either is NULL."""
    if pattern is None or text is None:
        return None
    return _compiled(str(pattern))(text if isinstance(text, str) else str(text))
