"""A verb is declared once; REST, OpenAPI, commands, magics, clients and types are read off it.

An operation is a function ``(service, ask) -> view``.  Its first parameter is annotated with the
room's service, which `platform` supplies; its second with an `Ask`, what is asked; it returns a
`View`, a `Page` of views, a `Download`, or nothing.

How an ask travels:

* fields named in braces in the route come from the path, percent-encoded;
* for GET and DELETE the others come from the query, lists by repeating the key, objects as JSON;
* otherwise they are a JSON object in the body, but for an ``upload`` field: its file is the body
  and the other fields go into the query;
* on the command line path fields and `Positional` fields are positional, the rest ``--kebab-case``.

Answers: 200, 201 for ``creates=True``, 202 for a job, 204 for nothing.
"""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from urllib.parse import quote, unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo

from nbproof.core.errors import Invalid
from nbproof.core.ids import is_id, short
from nbproof.core.listing import facts_html, facts_text, listing_html, listing_text, size_text

__all__ = [
    "Ask",
    "Download",
    "Instant",
    "Int64",
    "JobAccepted",
    "Json",
    "Number",
    "Operation",
    "Page",
    "Positional",
    "View",
    "invalid_from",
    "operation",
    "validated",
]

Action = Literal["read", "write", "execute", "backup"]
_SAFE_INTEGER = 2**53
_BRACES = re.compile(r"\{(\w+)\}")


class Positional:
    """Marks a field that is positional on the command line: ``Annotated[str, Positional]``."""


# -- values that JSON alone can't carry ---------------------------------------------------------


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers here")
    return value


def _integer_to_json(value: int) -> int | str:
    return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)


def _plain_to_json(value: Any) -> Any:
    """Nested plain values with what JSON or JavaScript would spoil turned into strings."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return _integer_to_json(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)
    if isinstance(value, Mapping):
        return {str(key): _plain_to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_to_json(item) for item in value]
    return str(value)


Instant = Annotated[datetime, AfterValidator(_utc)]
"""An instant; naive ones are UTC; RFC 3339 with ``Z`` in JSON."""

Int64 = Annotated[
    int,
    BeforeValidator(_no_boolean),
    Field(ge=-(2**63), le=2**63 - 1),
    PlainSerializer(_integer_to_json, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "format": "int64"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    ),
]
"""Any 64-bit integer; beyond 2^53 a string in JSON, because JavaScript would round it."""

Number = Annotated[
    float,
    BeforeValidator(_no_boolean),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"], "type": "string"}]}
    ),
]
"""A float; NaN and the infinities are strings in JSON."""

Json = Annotated[Any, PlainSerializer(_plain_to_json, when_used="json"), WithJsonSchema({})]
"""Any plain value: null, boolean, number, string, list or object."""


class Ask(BaseModel):
    """What a verb is asked; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class View(BaseModel):
    """What a verb answers; unknown fields of a newer server are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, ser_json_inf_nan="strings")

    @classmethod
    def of_checked(cls, values: dict[str, object]) -> Self:
        """A view of values of all its fields that need no look: for thousands of views.

        Examples
        --------
        >>> class Point(View):
        ...     x: int
        >>> Point.of_checked({"x": 3}) == Point(x=3)
        True
        """
        view, put = cls.__new__(cls), object.__setattr__
        put(view, "__dict__", values)
        put(view, "__pydantic_fields_set__", set(values))
        put(view, "__pydantic_extra__", None)
        put(view, "__pydantic_private__", None)
        return view

    def listed(self) -> dict[str, object]:
        """What a list shows of it: plain values by the title of their column.  A room may choose better."""
        return {
            _title(name): _shown(name, value, brief=True)
            for name in type(self).model_fields
            if not isinstance(value := getattr(self, name), (BaseModel, Mapping, list, tuple))
        }

    def told(self) -> dict[str, object]:
        """What is shown of it by itself: values by their titles, lists of views as rows of a table."""
        return {
            _title(name): _shown(name, value)
            for name in type(self).model_fields
            if not isinstance(value := getattr(self, name), BaseModel)
        }

    def __str__(self) -> str:
        return facts_text(self.told())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = self.told()
        return {"text/plain": facts_text(told), "text/html": facts_html(told)}


def _title(name: str) -> str:
    return "size" if name == "size_bytes" else name.replace("_", " ")


def _shown(name: str, value: object, *, brief: bool = False) -> object:
    """A field's value for people: sizes in words, views as what a list shows of them."""
    if isinstance(value, (list, tuple)):
        return [each.listed() if isinstance(each, View) else each for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("bytes"):
        return size_text(value)
    return short(value) if brief and isinstance(value, str) and is_id(value) else value


class JobAccepted(View):
    """Long work was taken on; follow it with ``GET /jobs/{id}``."""

    id: str
    status: str


Item = TypeVar("Item")


class Page(View, Generic[Item]):
    """A part of a list, and a sequence of its items: ask for the rest with ``after=next``.

    Examples
    --------
    >>> page = Page[str](items=["a", "b"])
    >>> len(page), page[-1], list(page)
    (2, 'b', ['a', 'b'])
    """

    items: list[Item]
    next: str | None = None

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]  # pydantic's are pairs of field and value
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @typing.overload
    def __getitem__(self, place: int) -> Item: ...

    @typing.overload
    def __getitem__(self, place: slice) -> list[Item]: ...

    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        return self.items[place]

    def __str__(self) -> str:
        rows, more = self._listing()
        return listing_text(rows, more=more)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows, more = self._listing()
        return {"text/plain": listing_text(rows, more=more), "text/html": listing_html(rows, more=more)}

    def _listing(self) -> tuple[list[dict[str, object]], str | None]:
        rows: list[dict[str, object]] = [
            item.listed() if isinstance(item, View) else {"item": item} for item in self.items
        ]
        more = f"there are more: ask again with after={self.next!r}" if self.next else None
        return rows, more


@dataclass(frozen=True, slots=True)
class Download:
    """A file as an answer: streamed over HTTP, a path locally.

    Where the content's hash is known, it is the tag by which a client knows the content again.  What is made
    while it is read, or lies in a store, has no path but a stream; one whose size is told can seek.
    """

    path: Path | None
    name: str
    media_type: str = "application/octet-stream"
    hash: str = ""
    stream: IO[bytes] | None = None
    size: int | None = None

    def open(self) -> IO[bytes]:
        """The content, from its start; close it."""
        if self.stream is not None:
            return self.stream
        assert self.path is not None
        return self.path.open("rb")


# -- the declaration ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """One verb, as declared; see `operation`."""

    name: str
    method: str
    path: str
    action: Action
    function: Callable[[Any, Any], Any]
    service: type[Any]
    ask: type[Ask]
    view: Any
    python: str | None = None
    cli: str | None = None
    magic: str | None = None
    creates: bool = False
    upload: str | None = None

    METHODS: ClassVar[tuple[str, ...]] = ("GET", "POST", "PUT", "PATCH", "DELETE")

    def __call__(self, service: Any, ask: Any) -> Any:
        """Do it."""
        return self.function(service, ask)

    @property
    def path_fields(self) -> tuple[str, ...]:
        """Names in braces, in order."""
        return tuple(_BRACES.findall(self.path))

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return self.description.partition("\n")[0]

    @property
    def description(self) -> str:
        """The docstring."""
        return inspect.getdoc(self.function) or ""

    @property
    def status(self) -> int:
        """HTTP status of success."""
        if self.view is None:
            return 204
        if isinstance(self.view, type) and issubclass(self.view, JobAccepted):
            return 202
        return 201 if self.creates else 200

    @property
    def downloads(self) -> bool:
        """Whether the answer is a file."""
        return self.view is Download

    @property
    def item(self) -> Any:
        """The type of a page's items, or None where the answer is not a page."""
        if isinstance(self.view, type) and issubclass(self.view, Page):
            return self.view.model_fields["items"].annotation.__args__[0]  # type: ignore[union-attr]
        return None

    @property
    def query_fields(self) -> tuple[str, ...]:
        """Fields that travel in the query."""
        if self.upload is None and self.method not in ("GET", "DELETE"):
            return ()
        return tuple(f for f in self.ask.model_fields if f not in self.path_fields and f != self.upload)

    @property
    def body_fields(self) -> tuple[str, ...]:
        """Fields that travel in a JSON body."""
        if self.upload is not None or self.method in ("GET", "DELETE"):
            return ()
        return tuple(f for f in self.ask.model_fields if f not in self.path_fields)

    def positional(self) -> tuple[str, ...]:
        """Fields that are positional on the command line: the path's, then the marked ones."""
        marked = tuple(
            name
            for name, field in self.ask.model_fields.items()
            if name not in self.path_fields and _is_positional(field)
        )
        return self.path_fields + marked

    def signature(self) -> inspect.Signature:
        """How it is called in Python: by place the fields of the path, and those its service takes so."""
        fields = self.ask.model_fields
        method = getattr(self.service, str(self.python), None)
        taken = inspect.signature(method).parameters.values() if inspect.isfunction(method) else ()
        placed = [
            each.name for each in taken if each.kind is each.POSITIONAL_OR_KEYWORD and each.name in fields
        ]
        placed = list(dict.fromkeys([*self.positional(), *placed]))
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD if name in placed else inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty
                if fields[name].is_required()
                else fields[name].get_default(call_default_factory=True),
                annotation=fields[name].annotation,
            )
            for name in [*placed, *(each for each in fields if each not in placed)]
        ]
        # Python wants parameters without a default first.
        parameters.sort(key=lambda each: (each.kind, each.default is not inspect.Parameter.empty))
        return inspect.Signature(parameters, return_annotation=self.view)

    def signature_text(self) -> str:
        """The signature for people, without types: ``(name, *, limit=50)``."""
        bare = [
            each.replace(annotation=inspect.Parameter.empty) for each in self.signature().parameters.values()
        ]
        return str(inspect.Signature(bare))

    def ask_from(
        self,
        path: Mapping[str, str],
        query: Iterable[tuple[str, str]] = (),
        body: bytes | str | None = None,
        *,
        upload: Path | None = None,
    ) -> Ask:
        """The ask that an HTTP request spells; raises `Invalid` with the field named.

        Parameters
        ----------
        path : mapping
            Braced fields, still percent-encoded.
        query : pairs
            Decoded query arguments in order.
        body : bytes, optional
            The JSON body, where the method has one.
        upload : Path, optional
            Where the raw body of an upload was put.
        """
        values: dict[str, Any] = {name: unquote(value) for name, value in path.items()}
        seen: set[str] = set()
        for key, value in query:
            if key in values and key not in seen:
                raise Invalid(f"field {key!r} is given by the path", details={"field": key})
            if key not in self.query_fields:
                raise Invalid(
                    f"unknown query field {key!r}",
                    hint=f"known: {', '.join(self.query_fields) or 'none'}",
                    details={"field": key},
                )
            if self.is_mapping(key):
                values[key] = _json_object(value)
            elif self.is_list(key):
                values.setdefault(key, []).append(value)
            elif key in seen:
                raise Invalid(f"query field {key!r} is given twice", details={"field": key})
            else:
                values[key] = value
            seen.add(key)
        if self.upload is not None:
            values[self.upload] = upload
        elif self.method not in ("GET", "DELETE"):
            told = _json_object(body)
            for key in told:
                if key in self.path_fields:
                    raise Invalid(f"field {key!r} is given by the path", details={"field": key})
            values.update(told)
        return validated(self.ask, values)

    def request_from(self, ask: Ask) -> tuple[str, list[tuple[str, str]], dict[str, Any] | None]:
        """How a client spells an ask: path, query pairs, and the body's object if there is one."""
        spelled = json.loads(ask.model_dump_json(exclude_unset=True))
        path = _BRACES.sub(lambda match: quote(str(getattr(ask, match[1])), safe=""), self.path)
        query = [
            (key, _query_text(item))
            for key in self.query_fields
            if spelled.get(key) is not None
            for item in (spelled[key] if isinstance(spelled[key], list) else [spelled[key]])
        ]
        body = {key: spelled[key] for key in self.body_fields if key in spelled} if self.body_fields else None
        return path, query, body

    def is_list(self, field: str) -> bool:
        """Whether a field holds a list (its key is repeated in a query, its flag on a command line)."""
        return _holds(self.ask.model_fields[field].annotation, (list, tuple, set, frozenset))

    def is_mapping(self, field: str) -> bool:
        """Whether a field holds an object (``--flag key=value`` on a command line)."""
        return _holds(self.ask.model_fields[field].annotation, (dict, Mapping))


Function = TypeVar("Function", bound=Callable[[Any, Any], Any])


def operation(
    name: str,
    route: str,
    *,
    action: Action,
    python: str | None = None,
    cli: str | None = None,
    magic: str | None = None,
    creates: bool = False,
    upload: str | None = None,
) -> Callable[[Function], Operation]:
    """Declare a verb.

    Parameters
    ----------
    name : str
        ``room.verb``; the OpenAPI ``operationId`` and, in camel case, the TypeScript function.
    route : str
        ``"GET /runs/{id}"``: a method and a template below the API's base.
    action : {"read", "write", "execute", "backup"}
        What the caller must be allowed to do; whatever runs user code needs ``execute``, and to carry away
        all that there is needs ``backup``.
    python, cli, magic : str, optional
        Its name in ``nbp.``, its words after ``nbproof``, its name after ``%``.
    creates : bool
        Success is 201.
    upload : str, optional
        The field that is a local file and travels as the raw body of the request.

    Examples
    --------
    >>> class Echo: ...
    >>> class Say(Ask):
    ...     word: Annotated[str, Positional]
    >>> class Said(View):
    ...     word: str
    >>> @operation("echo.say", "POST /echo/{word}", action="read", cli="echo say")
    ... def say(echo: Echo, ask: Say) -> Said:
    ...     "Say a word back."
    ...     return Said(word=ask.word)
    >>> say.status, say.path_fields
    (200, ('word',))
    """
    method, _, path = route.partition(" ")
    if method not in Operation.METHODS or not path.startswith("/"):
        raise ValueError(f"route {route!r} is not like 'GET /things/{{id}}'")

    def declare(function: Function) -> Operation:
        hints = typing.get_type_hints(function, include_extras=True)
        service_name, ask_name = list(inspect.signature(function).parameters)[:2]
        view = hints.get("return")
        declared = Operation(
            name=name,
            method=method,
            path=path,
            action=action,
            function=function,
            service=hints[service_name],
            ask=hints[ask_name],
            view=None if view is type(None) else view,
            python=python,
            cli=cli,
            magic=magic,
            creates=creates,
            upload=upload,
        )
        missing = set(declared.path_fields) - set(declared.ask.model_fields)
        if missing:
            raise ValueError(
                f"{name}: the route names {sorted(missing)}, which {declared.ask.__name__} lacks"
            )
        return declared

    return declare


AskType = TypeVar("AskType", bound=BaseModel)


def validated(kind: type[AskType], values: Mapping[str, Any]) -> AskType:
    """An ask made of `values`, or `Invalid` with the field named."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise invalid_from(error, kind) from None


def invalid_from(error: ValidationError, kind: type[BaseModel] | None = None) -> Invalid:
    """The platform's error for pydantic's: every field, what was found, what was expected."""
    from nbproof.core.errors import near_names

    faults: list[dict[str, str]] = []
    first_known: list[str] = []
    told = error.errors(include_url=False, include_context=False)
    # A misspelt field also goes missing; its spelling is the better news.
    for fault in sorted(told, key=lambda each: each["type"] != "extra_forbidden"):
        field = ".".join(str(part) for part in fault["loc"]) or "(whole)"
        found = "" if fault["type"] == "missing" else f", found {_brief(fault['input'])}"
        # Why the check found it, and what it counted, says no more than what was found.
        said = re.sub(r" after validation, not \d+$", "", fault["msg"].removeprefix("Value error, "))
        message = said[:1].lower() + said[1:] + found
        if fault["type"] == "missing":
            message = "is required"
        elif fault["type"] == "extra_forbidden":
            near = near_names(str(fault["loc"][-1]), _fields_at(kind, fault["loc"][:-1]))
            message = "is not known" + (f"; did you mean {near[0]!r}?" if near else "")
        if not faults:
            first_known = _fields_at(kind, fault["loc"][:-1])
        faults.append({"field": field, "message": message})
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Invalid(
        f"field {first['field']!r} {message_joint(first['message'])}{more}",
        hint=f"fields: {', '.join(first_known)}" if first_known else None,
        details={"field": first["field"], "errors": faults},
    )


def _fields_at(kind: type[BaseModel] | None, place: Sequence[int | str]) -> list[str]:
    """The fields that there are where an error is, which may be deep in an ask."""
    here: list[Any] = [] if kind is None else [kind]
    for part in place:
        here = [inner for each in here for inner in _inside(each, part)]
    models = [each for each in here if isinstance(each, type) and issubclass(each, BaseModel)]
    return list(dict.fromkeys(name for each in models for name in each.model_fields))


def _inside(annotation: Any, part: int | str) -> list[Any]:
    """The types of what stands under a name or a number in something of a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return [] if field is None else _options(field.annotation)
    given = typing.get_args(annotation)
    return (
        _options(given[-1])
        if given and typing.get_origin(annotation) in (dict, list, Mapping, Sequence)
        else []
    )


def _options(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin is typing.Union or origin is types.UnionType:
        return [each for option in typing.get_args(annotation) for each in _options(option)]
    return [annotation]


def message_joint(message: str) -> str:
    """'is required' follows a field's name as it is; other sentences after a colon."""
    return message if message.startswith("is ") else f"is wrong: {message}"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_positional(field: FieldInfo) -> bool:
    return any(mark is Positional or isinstance(mark, Positional) for mark in field.metadata)


def _holds(annotation: Any, kinds: Sequence[type]) -> bool:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _holds(typing.get_args(annotation)[0], kinds)
    if origin is typing.Union or origin is types.UnionType:
        return any(_holds(option, kinds) for option in typing.get_args(annotation))
    kind = origin or annotation
    return isinstance(kind, type) and issubclass(kind, tuple(kinds))


def _query_text(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return item if isinstance(item, str) else json.dumps(item)


def _json_object(body: bytes | str | None) -> dict[str, Any]:
    if not body:
        return {}
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}", details={"field": "(body)"}) from None
    if not isinstance(told, dict):
        raise Invalid(
            f"the body must be a JSON object, found {type(told).__name__}", details={"field": "(body)"}
        )
    return told
