"""The language in which runs are searched: text in, a frozen tree out.

Grammar
-------
::

    query       = [ condition ] [ "order" "by" order { "," order } ]
    condition   = term { "or" term }
    term        = factor { "and" factor }
    factor      = "not" factor | "(" condition ")" | comparison | field | words | saved
    comparison  = field ( "=" | "!=" | ">" | ">=" | "<" | "<=" ) value
                | field ( "~" | "!~" ) string
                | field [ "not" ] ( "like" | "ilike" ) string
                | field [ "not" ] "in" "(" value { "," value } ")"
                | field "is" [ "not" ] "null"
    words       = string                           (all of them are in its name, notes, tags or params)
    saved       = "@" name                         (a saved search)
    order       = field [ "asc" | "desc" ]
    field       = metric | "params." name | "tags." name | "packages." name
                | "experiment.tags." name | "dataset" | attribute
    metric      = "metrics." name | figure "(" "metrics." name ")"
    figure      = last | min | max | best | count | step
    attribute   = name | status | id | parent | user | host | notes | source | code | python
                | started | ended | active | duration | git.commit | git.branch | git.dirty
                | group | deleted | os | cpu | cpu_count | memory | gpu | nbproof | entry | command
                | environment | git.remote
                | experiment | experiment.id | experiment.description | experiment.created
    name        = letters, digits, "_", "-", ".", "/"  |  `anything`  |  "anything"
    value       = number | "nan" | "inf" | string | "true" | "false" | date | ago | seconds
    string      = "anything" | 'anything'          (the quote itself is written twice)
    date        = 2026-01-31 | 2026-01-31T12:00:00Z | the same as a string; UTC where no zone is given
    ago         = -7d | -3h | -30m | -10s | -2w    (before now)
    seconds     = number | 90s | 5m | 2h | 1d | 1w (for duration)

Words may be in either case.  A comparison with something that a run does not have is false; so
``params.depth != 3`` leaves out runs without ``depth``, and ``not params.depth = 3`` brings them.  A field
alone is true for runs that have it, where it does not say no: not false, 0, empty, ``no``, ``off``, ``none``.
``like`` knows ``%`` (any text) and ``_`` (any one character) and minds case, ``ilike`` does not mind that of
a to z.  ``~`` looks for a regular expression (`nbproof.core.pattern`) anywhere in the text.
A date without a time is the whole day.  Params compare by type: a number with numbers, text with text (any
value has a text: ``params.depth = "3"`` finds the number too).  The whole of what follows ``metrics.`` is the
metric's name, dots too; another figure of it than the value logged last is asked for by a function:
``min(metrics.loss)``.  ``best`` is the greatest value, of losses and errors the least.
Versions (``packages.NAME``, ``python``, ``nbproof``) compare as versions do, see `nbproof.tracking.versions`.
``dataset`` is what a run read or wrote, of which there may be several: ``dataset = "sales@v3"`` finds runs
with that version, ``dataset = "sales"`` those with any version; an alias (``"sales@prod"``), a day
(``"sales@2026-11-01"``), ``"sales@latest"`` and the first digits of a digest name versions too.  ``!=`` finds
runs that read or wrote datasets, but not this one; patterns are compared with the names of datasets.
Without ``order by`` the order of a saved search counts, else the newest run is first; runs that lack what is
ordered by come last.  Runs in the trash are found only where ``deleted`` is named.

What MLflow takes for a filter is read too: ``attributes.status = 'FINISHED'``, ``attributes.run_name``,
``metric.auc``, ``parameters.depth``, ``start_time`` in milliseconds since 1970.

Examples
--------
>>> query = parse('metrics.auc > 0.9 and params.model = "xgb" order by metrics.auc desc')
>>> query.where.items[0].field
Field(group='metrics', name='auc', figure='last')
>>> query.order
(Order(field=Field(group='metrics', name='auc', figure='last'), descending=True),)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias, cast, get_args

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Invalid, near_names
from nbproof.core.pattern import Pattern, PatternError
from nbproof.tracking.domain import STATUSES
from nbproof.tracking.versions import is_version

__all__ = [
    "ATTRIBUTES",
    "FIGURES",
    "Ago",
    "And",
    "Comparison",
    "Condition",
    "DatasetName",
    "Field",
    "Found",
    "IsNull",
    "Like",
    "Match",
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
    "Want",
    "Words",
    "conditions",
    "field_of",
    "kind_of",
    "names",
    "parse",
    "wanted",
]

Group = Literal["metrics", "params", "tags", "packages", "run", "experiment.tags", "dataset"]
Figure = Literal["last", "min", "max", "best", "count", "step"]
Operator = Literal["=", "!=", ">", ">=", "<", "<="]
Kind = Literal["number", "any", "text", "version", "time", "seconds", "truth"]

# What each attribute of a run holds.
ATTRIBUTES: dict[str, Literal["text", "version", "number", "time", "seconds", "truth"]] = {
    "name": "text",
    "status": "text",
    "experiment": "text",
    "id": "text",
    "parent": "text",
    "user": "text",
    "host": "text",
    "notes": "text",
    "source": "text",
    "code": "text",
    "python": "version",
    "nbproof": "version",
    "os": "text",
    "cpu": "text",
    "cpu_count": "number",
    "memory": "number",
    "gpu": "text",
    "entry": "text",
    "command": "text",
    "environment": "text",
    "started": "time",
    "ended": "time",
    "active": "time",
    "duration": "seconds",
    "group": "text",
    "deleted": "time",
    "git.remote": "text",
    "git.commit": "text",
    "git.branch": "text",
    "git.dirty": "truth",
    "experiment.id": "text",
    "experiment.description": "text",
    "experiment.created": "time",
}
FIGURES: tuple[str, ...] = get_args(Figure)
_GROUPS = ("metrics", "params", "tags", "packages")
# What is known of an environment, and not of each run.
_OF_ENVIRONMENT = ("cpu", "cpu_count", "memory")

# What MLflow calls them.
_OTHER_GROUPS = {
    "metric": "metrics",
    "param": "params",
    "parameter": "params",
    "parameters": "params",
    "tag": "tags",
    "attribute": "run",
    "attributes": "run",
    "attr": "run",
    "run": "run",
}
_OTHER_ATTRIBUTES = {
    "run_id": "id",
    "run_name": "name",
    "start_time": "started",
    "end_time": "ended",
    "user_id": "user",
    "experiment.name": "experiment",
    "experiment_id": "experiment.id",
}
_OTHER_STATUSES = {"killed": "cancelled"}
_FIRST_MILLISECOND = 10**11  # numbers below are not times, but days or years that somebody misspelt

# Bounds that a person never meets; databases have some too, and fail in ways nobody understands.
_LONGEST = 10_000
_MOST_CONDITIONS = 50
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: a metric, param or tag by name, or an attribute of the run."""

    group: Group
    name: str
    figure: Figure = "last"


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


@dataclass(frozen=True, slots=True)
class DatasetName:
    """How somebody names a dataset or one of its versions; what that is, is known where it is looked for.

    Attributes
    ----------
    text : str
    column : int, optional
        Where it stands; none in a saved search.
    """

    text: str
    column: int | None


Value: TypeAlias = Number | Text | Truth | Moment | Ago | DatasetName


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
class Match:
    """A text field beside a regular expression."""

    field: Field
    pattern: str


@dataclass(frozen=True, slots=True)
class Found:
    """A field that a run has and that does not say no."""

    field: Field


@dataclass(frozen=True, slots=True)
class Words:
    """Words that all are somewhere in a run."""

    words: tuple[str, ...]


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


Condition: TypeAlias = Comparison | Like | Match | Found | Words | OneOf | IsNull | Not | And | Or


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


def conditions(node: Condition | None) -> list[Condition]:
    """Every condition in a tree that is not made of others."""
    match node:
        case None:
            return []
        case And(items) | Or(items):
            return [inner for item in items for inner in conditions(item)]
        case Not(item):
            return conditions(item)
        case _:
            return [node]


def names(query: Query, field: Field) -> bool:
    """Whether a search names a field anywhere: in a condition or to order by."""
    named = [node.field for node in conditions(query.where) if not isinstance(node, Words | Not | And | Or)]
    return field in (*named, *(order.field for order in query.order))


class Want(NamedTuple):
    """What may follow a text: a condition, an operator or a value for a field, a joint, an order..."""

    what: Literal["condition", "field", "operator", "value", "pattern", "joint", "order", "direction"]
    field: Field | None = None


def parse(text: str, saved: Mapping[str, str] | None = None) -> Query:
    """Read a search.

    Parameters
    ----------
    text : str
    saved : mapping, optional
        Saved searches by name, for ``@name``.

    Raises
    ------
    Invalid
        With ``details["column"]`` (from 1) and ``details["expected"]``; ``details["unknown"]`` is a name that
        is no field: perhaps one of a metric, param or tag without its group.
    """
    if len(text) > _LONGEST:
        raise Invalid(
            f"the search has {len(text):,} characters, at most {_LONGEST:,} are read",
            details={"field": "query", "column": _LONGEST + 1, "expected": "the end"},
        )
    return _Parser(text, saved or {}).query()


def field_of(text: str) -> Field:
    """Read a field that stands alone; raises `Invalid`."""
    if len(text) > _LONGEST:
        raise Invalid("a field is a name", details={"field": "query"})
    return _Parser(text, {}).field()


def wanted(text: str, saved: Mapping[str, str] | None = None) -> list[Want]:
    """What may be written after a text that is right so far; nothing where it is not.

    Examples
    --------
    >>> [want.what for want in wanted("metrics.auc > 0.5 ")]
    ['joint']
    """
    if len(text) > _LONGEST:
        return []
    parser = _Parser(text, saved or {})
    try:
        parser.query()
    except Invalid as error:
        if error.details["column"] != len(text) + 1:
            return []
    return parser.wants


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
  | (?P<sign><=|>=|!=|!~|<>|==|=|<|>|\(|\)|,|\.|~|!|@)
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

    def __init__(self, text: str, saved: Mapping[str, str], within: tuple[str, ...] = ()) -> None:
        self._text = text
        self._saved = saved
        self._within = within
        self._saved_order: tuple[Order, ...] = ()
        self._at = 0
        self.conditions = 0
        self.wants: list[Want] = []
        self._token = self._read()

    # -- grammar ---------------------------------------------------------------------------------

    def query(self) -> Query:
        where = None
        self._want("order")
        if self._token.kind == "end":
            self._want("condition")
        elif not self._is("order"):
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
            known = self._token.word in (*_GROUPS, *ATTRIBUTES, "dataset")
            self._fail(expected, hint='join conditions by "and"' if known else self._quoting_hint())
        return Query(where, tuple(order) or self._saved_order)

    def field(self) -> Field:
        field = self._field()
        if self._token.kind != "end":
            self._fail("the end")
        return field

    def _condition(self, depth: int) -> Condition:
        items = [self._term(depth)]
        while self._is("or"):
            self._next()
            items.append(self._term(depth))
        self._want("joint")
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _term(self, depth: int) -> Condition:
        items = [self._factor(depth)]
        while self._is("and"):
            self._next()
            items.append(self._factor(depth))
        return items[0] if len(items) == 1 else And(tuple(items))

    def _factor(self, depth: int) -> Condition:
        self._want("condition")
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
        self._count()
        if self._token.kind == "string":
            return self._words()
        if self._is_sign("@"):
            return self._saved_search()
        return self._comparison()

    def _count(self, more: int = 1) -> None:
        self.conditions += more
        if self.conditions > _MOST_CONDITIONS:
            self._fail(f"at most {_MOST_CONDITIONS} conditions and fields to order by")

    def _words(self) -> Condition:
        token = self._token
        words = tuple(dict.fromkeys(_unquoted(token.text).split()))
        self._next()
        if not self._at_joint():
            self._token = token
            self._fail(
                _ANY_FIELD,
                hint="a field is on the left; text alone is looked for in names, notes, tags and params",
            )
        if not words or len(words) > _MOST_CONDITIONS:
            self._token = token
            self._fail(f"1 to {_MOST_CONDITIONS} words to look for")
        return Words(words)

    def _saved_search(self) -> Condition:
        token = self._token
        name, end = self._name_at(token.end, "the name of a saved search")
        self._token = _Token("saved", self._text[token.start : end], token.start, end)
        if name in self._within or len(self._within) >= _DEEPEST:
            self._fail("a saved search that does not use itself")
        if name not in self._saved:
            near = near_names(name, self._saved)
            self._fail(
                "the name of a saved search",
                hint=f"did you mean {_saved_name(near[0])}?"
                if near
                else "save one with: nbproof searches save NAME QUERY",
            )
        inside = _Parser(self._saved[name], self._saved, (*self._within, name))
        try:
            found = inside.query()
        except Invalid as error:
            self._fail("a saved search that can be read", hint=f"in @{name}, {error}")
        self._count(inside.conditions)
        self._saved_order = self._saved_order or found.order
        self._at = end
        self._next()
        return And(()) if found.where is None else found.where

    def _at_joint(self) -> bool:
        """Whether a condition can end here."""
        return self._token.kind == "end" or self._is_sign(")") or self._token.word in ("and", "or", "order")

    def _comparison(self) -> Condition:
        field = self._field()
        if self._at_joint():
            self._want("operator", field)
            return Found(field)
        if self._is("is"):
            self._next()
            negated = self._take("not")
            self._expect_word("null")
            return Not(IsNull(field)) if negated else IsNull(field)
        if self._token.text in ("~", "!~"):
            self._expect_text(field)
            negated = self._token.text == "!~"
            self._next()
            self._want("pattern", field)
            match = Match(field, self._pattern(regular=True))
            return Not(match) if negated else match
        negated = self._take("not")
        if self._is("like") or self._is("ilike"):
            self._expect_text(field)
            minds_case = self._token.word == "like"
            self._next()
            self._want("pattern", field)
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
            hint = 'write "!=" or "not"' if self._token.text == "!" else self._quoting_hint()
            self._fail('one of = != > >= < <= ~ !~, "like", "in", "is null"', hint=hint)
        operator = _OPERATORS[self._token.text]
        if field.group == "dataset" and operator not in ("=", "!="):
            self._fail('one of = != ~ !~, "like", "in", "is null": datasets have no order')
        self._next()
        return Comparison(field, operator, self._value(field, operator))

    def _expect_text(self, field: Field) -> None:
        if kind_of(field) not in ("text", "version", "any"):
            self._fail("a comparison: this field is not text")

    def _order(self) -> Order:
        self._count()
        self._want("field")
        token = self._token
        field = self._field()
        if field.group in ("packages", "dataset") or (field.group == "run" and field.name in _OF_ENVIRONMENT):
            self._token = token
            self._fail("a field to order by: packages, dataset, cpu and memory are only compared")
        self._want("direction")
        if self._take("desc"):
            return Order(field, True)
        self._take("asc")
        return Order(field, False)

    def _field(self) -> Field:
        token = self._token
        if token.kind != "word" or token.word in _RESERVED:
            self._fail(_ANY_FIELD)
        dotted = self._text[token.end : token.end + 1] == "."
        word = _OTHER_GROUPS.get(token.word, token.word) if dotted else token.word
        if word == "packages":
            # As they are called wherever packages come from: scikit_learn and Scikit-Learn are the same.
            return Field("packages", re.sub(r"[-_.]+", "-", self._name(word)).lower())
        if word in _GROUPS:
            return Field(cast(Group, word), self._name(word))
        if dotted:
            return self._dotted(token, word)
        if word in FIGURES and self._text[token.end :].lstrip()[:1] == "(":
            return self._figure(cast(Figure, word))
        name = _OTHER_ATTRIBUTES.get(word, word)
        if name == "dataset":
            self._next()
            return Field("dataset", name)
        if name not in ATTRIBUTES:
            self._unknown(token, (*ATTRIBUTES, "dataset", *_GROUPS))
        self._next()
        return Field("run", name)

    def _dotted(self, token: _Token, word: str) -> Field:
        """``git.commit``, ``experiment.tags.team``, ``attributes.status``."""
        bare = _NAME.match(self._text, token.end + 1)
        rest, end = (bare[0], bare.end()) if bare else ("", token.end + 1)
        if word == "experiment" and rest.lower().startswith("tags."):
            name, end = self._name_at(token.end + len(".tags."), "the name of a tag of the experiment")
            self._go_on(end)
            return Field("experiment.tags", name)
        if word == "run" and rest[:1] == "" and self._text[end : end + 1] in ("`", '"'):
            rest, end = self._name_at(end, "an attribute of the run")
        whole = rest.lower() if word == "run" else f"{word}.{rest.lower()}"
        whole = _OTHER_ATTRIBUTES.get(whole, whole)
        if whole in ATTRIBUTES:
            self._go_on(end)
            return Field("run", whole)
        if word == "dataset":
            self._token = _Token("word", f"{token.text}.{rest}", token.start, end)
            self._fail("an operator after dataset", hint='the name says it all: dataset = "sales@v3"')
        of_group = tuple(name for name in ATTRIBUTES if name.startswith(f"{word}."))
        if word == "run" or of_group:
            self._token = _Token("word", f"{token.text}.{rest}", token.start, end)
            self._unknown(self._token, tuple(ATTRIBUTES) if word == "run" else of_group)
        self._unknown(token, _GROUPS)

    def _figure(self, figure: Figure) -> Field:
        """``min(metrics.loss)``."""
        self._next()
        self._expect_sign("(")
        word = _OTHER_GROUPS.get(self._token.word, self._token.word)
        if word != "metrics":
            bare = self._token.kind == "word" and word not in _GROUPS
            hint = f"did you mean {figure}(metrics.{self._token.text})?" if bare else None
            self._fail(f"a metric: {figure}(metrics.NAME)", hint=hint)
        field = Field("metrics", self._name(word), figure)
        self._expect_sign(")")
        return field

    def _unknown(self, token: _Token, known: tuple[str, ...]) -> NoReturn:
        near = near_names(token.text, known)
        grouped = known == _GROUPS
        whole = _NAME.match(self._text, token.start)
        name = (whole[0] if whole else token.text)[:60]
        written = f"a metric is written metrics.{name}, a param params.{name}, a tag tags.{name}"
        expected = f"one of {', '.join(known)}" if all("." in each for each in known) else _ANY_FIELD
        self._fail(
            "metrics., params. or tags." if grouped else expected,
            hint=f"did you mean {near[0]!r}?{'' if grouped else f' {written}'}" if near else written,
            unknown=name,
        )

    def _name(self, group: str) -> str:
        """What follows ``metrics``: a dot and a name, bare or quoted."""
        at = self._token.end
        if self._text[at : at + 1] != ".":
            self._token = _Token("sign", self._text[at : at + 1], at, at + 1)
            self._fail(f"a dot and a name after {group}, like {group}.NAME")
        name, end = self._name_at(at + 1, f"the name of one of the {group}")
        self._go_on(end)
        return name

    def _name_at(self, at: int, expected: str) -> tuple[str, int]:
        """A name, bare or quoted, and where it ends."""
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
            self._fail(expected)
        return name, end

    def _go_on(self, end: int) -> None:
        self._at = end
        self._token = self._read()

    def _pattern(self, *, regular: bool = False) -> str:
        if self._token.kind != "string":
            self._fail("a pattern in quotes", hint=self._quoting_hint())
        token = self._token
        pattern = _unquoted(token.text)
        if regular:
            try:
                Pattern(pattern)
            except PatternError as error:
                at = token.start + 1 + _written_before(token.text, error.position)
                self._token = _Token("pattern", self._text[at : min(at + 1, token.end)], at, at + 1)
                self._fail(error.expected, hint="regular expressions are described with the search language")
        self._next()
        return pattern

    def _value(self, field: Field, operator: Operator) -> Value:
        self._want("value", field)
        kind = kind_of(field)
        value = self._literal(kind)
        expected = None
        if kind == "version" and isinstance(value, Number):
            value = Text(value.text)  # 1.10 is written so, and is no number
        not_nan = isinstance(value, Number) and value.value == value.value
        if kind == "number" and not (not_nan if field.group == "run" else isinstance(value, Number)):
            expected = "a number"
        elif kind == "version" and not (
            isinstance(value, Text) and (operator in ("=", "!=") or is_version(value.value))
        ):
            expected = 'a version in quotes, like "1.5.2"'
        elif kind == "time" and not isinstance(value, Moment | Ago):
            expected = "a date like 2026-01-31, a time like 2026-01-31T12:00:00Z, or how long ago, like -7d"
        elif kind == "seconds" and not not_nan:
            expected = "a duration: seconds, or a number with s, m, h, d or w"
        elif field.group == "dataset":
            if isinstance(value, Text):
                value = DatasetName(value.value, None if self._within else self._token.start + 1)
            else:
                expected = 'a dataset in quotes, like "sales" or "sales@v3"'
        elif kind == "text" and not isinstance(value, Text):
            expected = "text in quotes"
        elif kind == "truth" and not isinstance(value, Truth):
            expected = "true or false"
        elif kind == "any" and isinstance(value, Moment | Ago):
            expected = "a number, text in quotes, true or false"
        elif isinstance(value, Truth) and operator not in ("=", "!="):
            expected = "a number or text in quotes: true and false have no order"
        elif field == Field("run", "status") and isinstance(value, Text):
            status = value.value.lower()
            value = Text(_OTHER_STATUSES.get(status, status))
            if value.value not in STATUSES:
                expected = f"a status: {', '.join(STATUSES)}"
        if expected:
            self._fail(expected, hint=self._quoting_hint())
        self._next()
        return value

    def _literal(self, kind: Kind) -> Value:
        token = self._token
        if token.kind == "number":
            if kind == "time":
                return self._milliseconds(float(token.text))
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

    def _milliseconds(self, since_1970: float) -> Moment:
        """A time as MLflow writes it."""
        if not _FIRST_MILLISECOND <= since_1970 < _UNTIL / 1000:
            self._fail("a date like 2026-01-31, a time like 2026-01-31T12:00:00Z, or how long ago, like -7d")
        start = int(since_1970) * 1000
        return Moment(start, start + 1000)

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

    def _want(self, what: str, field: Field | None = None) -> None:
        if self._token.kind == "end":
            self.wants.append(Want(cast(Any, what), field))

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
        if token.kind == "word" and token.word not in (*_RESERVED, "nan", "inf", "infinity"):
            return f'text needs quotes: "{token.text}"'
        return None

    def _fail(self, expected: str, *, hint: str | None = None, unknown: str | None = None) -> NoReturn:
        token = self._token
        brief = token.text if len(token.text) <= 30 else token.text[:27] + "..."
        found = repr(brief) if brief else "the end"
        raise Invalid(
            f"column {token.start + 1} of the search: expected {expected}, found {found}",
            hint=hint,
            details={
                "field": "query",
                "column": token.start + 1,
                "expected": expected,
                **({"unknown": unknown} if unknown else {}),
            },
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
_ANY_FIELD = "a field: metrics.NAME, params.NAME, tags.NAME or an attribute of the run"
_RESERVED = frozenset("and or not in is like ilike null order by asc desc".split())


def kind_of(field: Field) -> Kind:
    """What a field holds; ``any`` is a param: a number, text, true or false."""
    match field.group:
        case "metrics":
            return "number"
        case "params":
            return "any"
        case "packages":
            return "version"
        case "run":
            return ATTRIBUTES[field.name]
        case _:
            return "text"


def _written_before(text: str, position: int) -> int:
    """How many signs of a quoted text stand for its first so many: a quote is written twice."""
    quote = text[0]
    written = 0
    for _ in range(position):
        written += 2 if text[1 + written : 3 + written] == quote * 2 else 1
    return written


def _saved_name(name: str) -> str:
    """A saved search as it is written in another one."""
    if _NAME.fullmatch(name):
        return f"@{name}"
    inside = name.replace('"', '""')
    return f'@"{inside}"'


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
