"""The language in which runs are searched: text in, a frozen tree out.

Grammar
-------
::

    query       = [ condition ] [ "order" "by" order { "," order } ]
    condition   = term { "or" term }
    term        = factor { "and" factor }
    factor      = "not" factor | "(" condition ")" | comparison
    comparison  = field ( "=" | "!=" | ">" | ">=" | "<" | "<=" ) value
                | field [ "not" ] ( "like" | "ilike" ) string
                | field [ "not" ] "in" "(" value { "," value } ")"
                | field "is" [ "not" ] "null"
    order       = field [ "asc" | "desc" ]
    field       = "metrics." name | "params." name | "tags." name | attribute
    attribute   = name | status | experiment | id | parent | user | host | notes | started | ended | duration
                | group | deleted
                | python | os | gpu | entry | command | environment
    name        = letters, digits, "_", "-", ".", "/"  |  `anything`  |  "anything"
    value       = number | "nan" | "inf" | string | "true" | "false" | date | ago | seconds
    string      = "anything" | 'anything'          (the quote itself is written twice)
    date        = 2026-01-31 | 2026-01-31T12:00:00Z | the same as a string; UTC where no zone is given
    ago         = -7d | -3h | -30m | -10s | -2w    (before now)
    seconds     = number | 90s | 5m | 2h | 1d | 1w (for duration)

Words may be in either case.  A comparison with something that a run does not have is false; so
``params.depth != 3`` leaves out runs without ``depth``, and ``not params.depth = 3`` brings them.  ``like``
knows ``%`` (any text) and ``_`` (any one character) and minds case, ``ilike`` does not mind that of a to z.
A date without a time is the whole day.  Params compare by type: a number with numbers, text with text (any
value has a text: ``params.depth = "3"`` finds the number too).  Without ``order by`` the newest run is first;
runs that lack what is ordered by come last.  Runs in the trash are found only where ``deleted`` is named.

Examples
--------
>>> query = parse('metrics.auc > 0.9 and params.model = "xgb" order by metrics.auc desc')
>>> query.where.items[0].field
Field(group='metrics', name='auc')
>>> query.order
(Order(field=Field(group='metrics', name='auc'), descending=True),)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn, TypeAlias, cast

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Invalid, near_names
from nbproof.tracking.domain import STATUSES

__all__ = [
    "ATTRIBUTES",
    "Ago",
    "And",
    "Comparison",
    "Condition",
    "Field",
    "IsNull",
    "Like",
    "Moment",
    "Not",
    "Number",
    "OneOf",
    "Or",
    "Order",
    "Query",
    "Text",
    "Truth",
    "Value",
    "parse",
]

Group = Literal["metrics", "params", "tags", "run"]
Operator = Literal["=", "!=", ">", ">=", "<", "<="]

# What each attribute of a run holds.
ATTRIBUTES: dict[str, Literal["text", "time", "seconds"]] = {
    "name": "text",
    "status": "text",
    "experiment": "text",
    "id": "text",
    "parent": "text",
    "user": "text",
    "host": "text",
    "notes": "text",
    "python": "text",
    "os": "text",
    "gpu": "text",
    "entry": "text",
    "command": "text",
    "environment": "text",
    "started": "time",
    "ended": "time",
    "duration": "seconds",
    "group": "text",
    "deleted": "time",
}
_GROUPS = ("metrics", "params", "tags")

# Bounds that a person never meets; databases have some too, and fail in ways nobody understands.
_LONGEST = 10_000
_MOST_CONDITIONS = 50
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: a metric, param or tag by name, or an attribute of the run."""

    group: Group
    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `text` is how it was written, because a float can't hold every integer."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text, its quotes taken off."""

    value: str


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""

    value: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """From a microsecond to before another one: a day has many, an instant one."""

    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Ago:
    """So many microseconds before now."""

    microseconds: int


Value: TypeAlias = Number | Text | Truth | Moment | Ago


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field beside a value."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Like:
    """A text field beside a pattern."""

    field: Field
    pattern: str
    minds_case: bool


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field that has one of some values."""

    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """A field that a run does not have."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    item: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All of some conditions."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of some conditions."""

    items: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Like | OneOf | IsNull | Not | And | Or


@dataclass(frozen=True, slots=True)
class Order:
    """A field to order by."""

    field: Field
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search; without a condition every run is found."""

    where: Condition | None
    order: tuple[Order, ...]


def parse(text: str) -> Query:
    """Read a search.

    Raises
    ------
    Invalid
        With ``details["column"]`` (from 1) and ``details["expected"]``.
    """
    if len(text) > _LONGEST:
        raise Invalid(
            f"the search has {len(text):,} characters, at most {_LONGEST:,} are read",
            details={"field": "query", "column": _LONGEST + 1, "expected": "the end"},
        )
    return _Parser(text).query()


# -- tokens ---------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<date>\d{4}-\d{2}-\d{2}
             (?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d{2}:?\d{2})?)?(?![\w.]))
  | (?P<span>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:s|m|h|d|w)(?![\w.]))
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<infinite>[+-](?:inf|infinity)(?![\w.]))
  | (?P<word>[^\W\d][\w\-/]*)
  | (?P<string>"(?:[^"]|"")*"|'(?:[^']|'')*')
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<sign><=|>=|!=|<>|==|=|<|>|\(|\)|,|\.|~|!)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# A name after "metrics." may also start with a digit and hold dots.
_NAME = re.compile(r"[\w\-/.]+")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNTIL = 2**62


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


class _Parser:
    """Recursive descent over tokens that are read one by one: what a name may hold depends on where it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._conditions = 0
        self._token = self._read()

    # -- grammar ---------------------------------------------------------------------------------

    def query(self) -> Query:
        where = None
        if self._token.kind != "end" and not self._is("order"):
            where = self._condition(0)
        order: list[Order] = []
        if self._is("order"):
            self._next()
            self._expect_word("by")
            order.append(self._order())
            while self._is_sign(","):
                self._next()
                order.append(self._order())
        if self._token.kind != "end":
            expected = '"," or the end' if order else '"and", "or", "order by" or the end'
            known = self._token.word in (*_GROUPS, *ATTRIBUTES)
            self._fail(expected, hint='join conditions by "and"' if known else self._quoting_hint())
        return Query(where, tuple(order))

    def _condition(self, depth: int) -> Condition:
        items = [self._term(depth)]
        while self._is("or"):
            self._next()
            items.append(self._term(depth))
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _term(self, depth: int) -> Condition:
        items = [self._factor(depth)]
        while self._is("and"):
            self._next()
            items.append(self._factor(depth))
        return items[0] if len(items) == 1 else And(tuple(items))

    def _factor(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            self._fail(f"at most {_DEEPEST} levels of parentheses and not")
        if self._is("not"):
            self._next()
            return Not(self._factor(depth + 1))
        if self._is_sign("("):
            self._next()
            inside = self._condition(depth + 1)
            self._expect_sign(")")
            return inside
        return self._comparison()

    def _comparison(self) -> Condition:
        self._conditions += 1
        if self._conditions > _MOST_CONDITIONS:
            self._fail(f"at most {_MOST_CONDITIONS} conditions")
        start = self._token
        field = self._field()
        if self._is("is"):
            self._next()
            negated = self._take("not")
            self._expect_word("null")
            return Not(IsNull(field)) if negated else IsNull(field)
        negated = self._take("not")
        if self._is("like") or self._is("ilike"):
            if _kind_of(field) != "text" and field.group not in ("params", "tags"):
                self._fail("a comparison: this field is not text")
            minds_case = self._token.word == "like"
            self._next()
            like = Like(field, self._pattern(), minds_case)
            return Not(like) if negated else like
        if self._is("in"):
            self._next()
            self._expect_sign("(")
            values = [self._value(field, "=")]
            while self._is_sign(","):
                self._next()
                values.append(self._value(field, "="))
                if len(values) > 1000:
                    self._fail("at most 1,000 values")
            self._expect_sign(")")
            one_of = OneOf(field, tuple(values))
            return Not(one_of) if negated else one_of
        if negated:
            self._fail('"like", "ilike" or "in"')
        if self._token.kind != "sign" or self._token.text not in _OPERATORS:
            hint = None
            if self._token.text == "~":
                hint = "regular expressions are not supported yet; use like with % and _"
            elif start.kind == "string":
                hint = "a field is on the left: metrics.NAME, params.NAME, tags.NAME or an attribute"
            elif self._token.text == "!":
                hint = 'write "!=" or "not"'
            self._fail('one of = != > >= < <=, "like", "in", "is null"', hint=hint)
        operator = _OPERATORS[self._token.text]
        self._next()
        return Comparison(field, operator, self._value(field, operator))

    def _order(self) -> Order:
        self._conditions += 1
        if self._conditions > _MOST_CONDITIONS:
            self._fail(f"at most {_MOST_CONDITIONS} conditions and fields to order by")
        field = self._field()
        if self._take("desc"):
            return Order(field, True)
        self._take("asc")
        return Order(field, False)

    def _field(self) -> Field:
        token = self._token
        if token.kind != "word" or token.word in _RESERVED:
            self._fail("a field: metrics.NAME, params.NAME, tags.NAME or an attribute of the run")
        group = token.word
        if group in _GROUPS:
            return Field(cast(Group, group), self._name(group))
        if self._text[token.end : token.end + 1] == ".":
            self._unknown(token, _GROUPS)
        if group not in ATTRIBUTES:
            self._unknown(token, (*ATTRIBUTES, *_GROUPS))
        self._next()
        return Field("run", group)

    def _unknown(self, token: _Token, known: tuple[str, ...]) -> NoReturn:
        near = near_names(token.text, known)
        grouped = self._text[token.end : token.end + 1] == "."
        self._fail(
            "metrics., params. or tags." if grouped else f"one of {', '.join(known)}",
            hint=f"did you mean {near[0]!r}?"
            if near
            else "metrics, params and tags are written metrics.NAME, ...",
        )

    def _name(self, group: str) -> str:
        """What follows ``metrics``: a dot and a name, bare or quoted."""
        at = self._token.end
        if self._text[at : at + 1] != ".":
            self._token = _Token("sign", self._text[at : at + 1], at, at + 1)
            self._fail(f"a dot and a name after {group}, like {group}.NAME")
        at += 1
        quote = self._text[at : at + 1]
        if quote and quote in "`\"'":
            found = _TOKEN.match(self._text, at)
            if found is None or found.lastgroup not in ("string", "quoted"):
                self._token = _Token("sign", quote, at, at + 1)
                self._fail("the closing quote of the name")
            name, end = _unquoted(found[0]), found.end()
        else:
            bare = _NAME.match(self._text, at)
            name, end = (bare[0], bare.end()) if bare else ("", at)
        if not name:
            self._token = _Token("sign", self._text[at : at + 1], at, at + 1)
            self._fail(f"the name of one of the {group}")
        self._at = end
        self._token = self._read()
        return name

    def _pattern(self) -> str:
        if self._token.kind != "string":
            self._fail("a pattern in quotes", hint=self._quoting_hint())
        pattern = _unquoted(self._token.text)
        self._next()
        return pattern

    def _value(self, field: Field, operator: Operator) -> Value:
        kind = _kind_of(field)
        value = self._literal(kind)
        expected = None
        if kind == "number" and not isinstance(value, Number):
            expected = "a number"
        elif kind == "time" and not isinstance(value, Moment | Ago):
            expected = "a date like 2026-01-31, a time like 2026-01-31T12:00:00Z, or how long ago, like -7d"
        elif kind == "seconds" and not (isinstance(value, Number) and value.value == value.value):
            expected = "a duration: seconds, or a number with s, m, h, d or w"
        elif kind == "text" and not isinstance(value, Text):
            expected = "text in quotes"
        elif kind == "any" and isinstance(value, Moment | Ago):
            expected = "a number, text in quotes, true or false"
        elif kind == "any" and isinstance(value, Truth) and operator not in ("=", "!="):
            expected = "a number or text in quotes: true and false have no order"
        elif field == Field("run", "status") and isinstance(value, Text) and value.value not in STATUSES:
            expected = f"a status: {', '.join(STATUSES)}"
        if expected:
            self._fail(expected, hint=self._quoting_hint())
        self._next()
        return value

    def _literal(self, kind: str) -> Value:
        token = self._token
        if token.kind == "number":
            return Number(float(token.text), token.text)
        if token.kind == "infinite" or token.word in ("nan", "inf", "infinity"):
            return Number(float(token.text), token.text)
        if token.word in ("true", "false"):
            return Truth(token.word == "true")
        if token.kind == "string":
            text = _unquoted(token.text)
            return self._moment(text) if kind == "time" else Text(text)
        if token.kind == "date":
            return self._moment(token.text)
        if token.kind == "span":
            seconds = float(token.text[:-1]) * _SECONDS[token.text[-1].lower()]
            if kind == "seconds":
                return Number(seconds, token.text)
            if seconds <= 0:
                return Ago(int(min(-seconds * 1e6, float(_UNTIL))))
            self._fail("how long ago, with a minus: -7d")
        self._fail("a value: a number, text in quotes, true, false or a date", hint=self._quoting_hint())

    def _moment(self, text: str) -> Moment:
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
                day = datetime.fromisoformat(text).replace(tzinfo=UTC)
                start = microseconds_of(day)
                return Moment(start, start + timedelta(days=1) // timedelta(microseconds=1))
            when = microseconds_of(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            self._fail("a date like 2026-01-31, a time like 2026-01-31T12:00:00Z, or how long ago, like -7d")
        return Moment(when, when + 1)

    # -- tokens ----------------------------------------------------------------------------------

    def _read(self) -> _Token:
        while True:
            if self._at >= len(self._text):
                return _Token("end", "", len(self._text), len(self._text))
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                at = self._at
                return _Token("unknown", self._text[at], at, at + 1)
            self._at = found.end()
            if found.lastgroup != "space":
                return _Token(str(found.lastgroup), found[0], found.start(), found.end())

    def _next(self) -> None:
        self._token = self._read()

    def _is(self, word: str) -> bool:
        return self._token.word == word

    def _is_sign(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.text == sign

    def _take(self, word: str) -> bool:
        if self._is(word):
            self._next()
            return True
        return False

    def _expect_word(self, word: str) -> None:
        if not self._take(word):
            self._fail(f'"{word}"')

    def _expect_sign(self, sign: str) -> None:
        if not self._is_sign(sign):
            self._fail(f'"{sign}"', hint=self._quoting_hint())
        self._next()

    def _quoting_hint(self) -> str | None:
        token = self._token
        if token.kind == "unknown" and token.text in "\"'`":
            return f"the text that starts with {token.text} at column {token.start + 1} has no end"
        if token.kind == "word" and token.word not in _RESERVED:
            return f'text needs quotes: "{token.text}"'
        return None

    def _fail(self, expected: str, *, hint: str | None = None) -> NoReturn:
        token = self._token
        brief = token.text if len(token.text) <= 30 else token.text[:27] + "..."
        found = repr(brief) if brief else "the end"
        raise Invalid(
            f"column {token.start + 1} of the search: expected {expected}, found {found}",
            hint=hint,
            details={"field": "query", "column": token.start + 1, "expected": expected},
        )


_OPERATORS: dict[str, Operator] = {
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
}
_RESERVED = frozenset("and or not in is like ilike null order by asc desc".split())


def _kind_of(field: Field) -> str:
    """What a field holds: number, any (a param), text, time or seconds."""
    return {"metrics": "number", "params": "any", "tags": "text"}.get(field.group) or ATTRIBUTES[field.name]


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
