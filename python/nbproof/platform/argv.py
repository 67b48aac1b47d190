"""Words into asks: how verbs are spelled on a command line and in a magic.

Both are read off the declaration.  A command is spelled by the operation's `Ask`, a magic by the
service's method of the same name as in Python, so that ``%start_run --nested`` means what
``nbp.start_run(nested=True)`` means.

* path fields and `Positional` fields (parameters without a default) are positional; a list takes all
  that follows;
* the rest are ``--kebab-case VALUE`` or ``--kebab-case=VALUE``, wherever they stand;
* a list repeats its flag; a mapping repeats the flag's singular: ``--tag owner=ann --tag team=a``;
* a switch is ``--nested`` or ``--no-nested``;
* where any value fits, text that reads as JSON (or as Python's True, False, None, nan, inf) is that
  value, and other text stays text;
* ``-0.5``, ``-inf`` and the like are values; other values that begin with a dash follow ``--``.

argparse writes the help and feeds shell completion, but does not read the words: it takes ``-inf`` for a
flag, can't mix flags between the positional words of a subcommand, ends the process on a mistake, and
does each of these differently from one Python to the next.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter, ValidationError

from nbproof.core.errors import Invalid, near_names
from nbproof.core.operation import Ask, Operation, invalid_from, validated

__all__ = [
    "Argument",
    "Form",
    "HelpAsked",
    "ask_from",
    "call_from",
    "command_form",
    "magic_form",
    "read_value",
    "split_line",
]

_NUMBER = re.compile(r"-(\d|\.\d|inf$|infinity$|nan$)", re.IGNORECASE)
_WORDS: dict[str, Any] = {
    "True": True,
    "False": False,
    "None": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_TEXTS: tuple[Any, ...] = (str, Any, object)

Shape = Literal["one", "list", "mapping", "switch"]


class HelpAsked(Exception):
    """``-h`` or ``--help`` was among the words; no fault."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One thing that can be said.

    Attributes
    ----------
    name : str
        The field or parameter it fills.
    spelling : str
        ``--max-points``, or what stands for a positional one: ``RUN``.
    shape : {"one", "list", "mapping", "switch"}
    metavar : str
        What stands for its value in the usage.
    about : str
        What it names, for completion: ``run``, ``experiment``, ``file`` or nothing.
    any_value : bool
        Its value is read as JSON if it is JSON.
    choices : tuple of str
        The only values there are.
    """

    name: str
    spelling: str
    shape: Shape = "one"
    required: bool = False
    help: str = ""
    metavar: str = ""
    about: str = ""
    any_value: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    kind: Any = str

    @property
    def positional(self) -> bool:
        """Whether it is told by its place."""
        return not self.spelling.startswith("-")

    @property
    def usage(self) -> str:
        """As in a usage line: ``RUN``, ``[--limit N]``, ``[--tag KEY=VALUE]...``."""
        if self.positional:
            said = f"{self.spelling}..." if self.shape == "list" else self.spelling
        elif self.shape == "switch":
            said = self.spelling if self.default is False else f"--no-{self.spelling[2:]}"
        else:
            said = f"{self.spelling} {self.metavar}"
        said = said if self.required else f"[{said}]"
        return f"{said}..." if self.shape in ("list", "mapping") and not self.positional else said


@dataclass(frozen=True)
class Form:
    """Everything that can be said to one command or magic.

    Attributes
    ----------
    prog : str
        ``nbproof runs show`` or ``%log_metric``.
    arguments : tuple of Argument
    description : str
        What it does; the first line is the summary.
    """

    prog: str
    arguments: tuple[Argument, ...] = ()
    description: str = ""

    @property
    def summary(self) -> str:
        """First line of the description."""
        return self.description.partition("\n")[0]

    @property
    def usage(self) -> str:
        """One line: ``nbproof runs show RUN [--json]``."""
        positional = [each.usage for each in self.arguments if each.positional]
        flags = [each.usage for each in self.arguments if not each.positional]
        return " ".join([self.prog, *positional, *flags])

    def with_arguments(self, *more: Argument) -> Form:
        """The same form with more to say."""
        return Form(self.prog, (*self.arguments, *more), self.description)

    def read(self, words: Sequence[str]) -> dict[str, Any]:
        """What the words say: values by name, only those that were given.

        Raises
        ------
        Invalid
            An unknown flag, a missing or superfluous word, a value that is none of the choices; the hint
            is the nearest flag or the usage.
        HelpAsked
            The words ask for help.
        """
        flags = {each.spelling: each for each in self.arguments if not each.positional}
        values: dict[str, Any] = {}
        loose: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                loose += rest
                break
            if word in ("-h", "--help"):
                raise HelpAsked
            if not word.startswith("-") or word == "-" or _NUMBER.match(word):
                loose.append(word)
                continue
            flag, equals, value = word.partition("=")
            if flag.startswith("--no-") and (known := flags.get(f"--{flag[5:]}")) and known.shape == "switch":
                self._switch(known, flag, equals, values, on=False)
                continue
            found = flags.get(flag)
            if found is None:
                raise self._unknown(flag, flags)
            if found.shape == "switch":
                self._switch(found, flag, equals, values, on=True)
                continue
            if not equals:
                if not rest or rest[0].partition("=")[0] in flags or rest[0] == "--":
                    raise self._fault(f"{flag} needs a value: {flag} {found.metavar}", found)
                value = rest.pop(0)
            self._take(found, value, values)
        self._place(loose, values)
        for each in self.arguments:
            if each.required and each.name not in values:
                raise self._fault(f"{each.spelling} is missing", each)
        return values

    def _switch(
        self, argument: Argument, flag: str, equals: str, values: dict[str, Any], *, on: bool
    ) -> None:
        if equals:
            raise self._fault(f"{flag} takes no value", argument)
        values[argument.name] = on

    def _place(self, loose: list[str], values: dict[str, Any]) -> None:
        """Give the words without a flag to the positional arguments, in order."""
        left = list(loose)
        positional = [each for each in self.arguments if each.positional]
        for place, argument in enumerate(positional):
            if argument.shape != "list":
                if left:
                    self._take(argument, left.pop(0), values)
                continue
            behind = sum(each.required for each in positional[place + 1 :])
            taken, left = left[: len(left) - behind], left[len(left) - behind :]
            for word in taken:
                self._take(argument, word, values)
        if left:
            words = " ".join(each.usage for each in positional)
            raise Invalid(
                f"{self.prog} does not know what to do with {left[0]!r}",
                hint=f"put a value with spaces in quotes; usage: {self.usage}"
                if words
                else f"usage: {self.usage}",
                details={"field": left[0], "usage": self.usage},
            )

    def _take(self, argument: Argument, text: str, values: dict[str, Any]) -> None:
        if argument.shape == "mapping":
            key, equals, value = text.partition("=")
            if not equals or not key:
                raise self._fault(f"{argument.spelling} takes KEY=VALUE, found {text!r}", argument)
            values.setdefault(argument.name, {})[key] = read_value(value) if argument.any_value else value
            return
        if argument.choices and text not in argument.choices:
            near = near_names(text, argument.choices)
            raise self._fault(
                f"{argument.spelling} is one of {', '.join(argument.choices)}; found {text!r}",
                argument,
                hint=f"did you mean {near[0]!r}?" if near else None,
            )
        value = read_value(text) if argument.any_value else text
        if argument.shape == "list":
            values.setdefault(argument.name, []).append(value)
        elif argument.name in values:
            raise self._fault(f"{argument.spelling} is given twice", argument)
        else:
            values[argument.name] = value

    def _unknown(self, flag: str, flags: Mapping[str, Argument]) -> Invalid:
        # Without the dashes, which all flags share.
        known = [each.removeprefix("--") for each in [*flags, "--help"]]
        near = near_names(flag.removeprefix("--"), known) if flag.startswith("--") else []
        hint = f"did you mean --{near[0]}?" if near else f"usage: {self.usage}"
        if not flag.startswith("--"):
            hint = f"a value that begins with a dash follows --; usage: {self.usage}"
        return Invalid(
            f"{self.prog} has no flag {flag}",
            hint=hint,
            details={"field": flag, "near": near, "usage": self.usage},
        )

    def _fault(self, message: str, argument: Argument, *, hint: str | None = None) -> Invalid:
        return Invalid(
            f"{self.prog}: {message}",
            hint=hint or f"usage: {self.usage}",
            details={"field": argument.name, "usage": self.usage},
        )

    def named(self, error: Invalid) -> Invalid:
        """The same fault with fields called as they are spelled here."""
        spelled = {each.name: each.spelling for each in self.arguments}
        errors = [
            {**each, "field": str(each["field"]).split(".")[0]}
            for each in error.details.get("errors", [])
            if isinstance(each, dict)
        ]
        if not errors:
            return error
        first = errors[0]
        said = str(first["message"])
        joint = " " if said.startswith("is ") else ": "
        return Invalid(
            f"{self.prog}: {spelled.get(first['field'], first['field'])}{joint}{said}",
            hint=f"usage: {self.usage}",
            details={**error.details, "usage": self.usage},
        )

    def add_to(
        self, parser: argparse.ArgumentParser, complete: Callable[[Argument], Any] | None = None
    ) -> argparse.ArgumentParser:
        """Tell an argparse parser all of this: for help and completion."""
        for each in self.arguments:
            options: dict[str, Any] = {"help": _escaped(each.help), "default": argparse.SUPPRESS}
            if each.shape == "switch":
                options["action"] = argparse.BooleanOptionalAction if each.default is None else "store_true"
            else:
                options["metavar"] = each.spelling if each.positional else each.metavar
                options["choices"] = each.choices or None
            if each.positional:
                options["nargs"] = (
                    "+" if each.shape == "list" and each.required
                    else "*" if each.shape == "list" else None if each.required else "?"
                )  # fmt: skip
            elif each.shape in ("list", "mapping"):
                options["action"] = "append"
            else:
                options["required"] = each.required
            action = parser.add_argument(each.name if each.positional else each.spelling, **options)
            if complete is not None and (completer := complete(each)) is not None:
                action.completer = completer  # type: ignore[attr-defined]  # argcomplete looks for it
        return parser

    def help(self) -> str:
        """The whole help text."""
        parser = argparse.ArgumentParser(
            prog=self.prog,
            usage=_escaped(self.usage),
            description=_escaped(self.description),
            formatter_class=_HelpFormatter,
            add_help=False,
        )
        return self.add_to(parser).format_help()


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


# -- forms from declarations ----------------------------------------------------------------------


def command_form(operation: Operation) -> Form:
    """How an operation is spelled as a command: by its ask."""
    positional = operation.positional()
    fields = operation.ask.model_fields
    ordered = [*positional, *(name for name in fields if name not in positional)]
    return Form(
        f"nbproof {operation.cli or operation.name.replace('.', ' ')}",
        tuple(
            _argument(
                name,
                _kind(fields[name]),
                positional=name in positional,
                required=fields[name].is_required(),
                default=None
                if fields[name].is_required()
                else fields[name].get_default(call_default_factory=True),
                help=fields[name].description or "",
                noun=_noun(operation, name),
            )
            for name in ordered
        ),
        operation.description,
    )


def magic_form(operation: Operation) -> Form:
    """How an operation is spelled as a magic: by the signature of the service's method.

    Types and help come from the ask's field of the same name.  Where the service has no method of that
    name, the ask is what is spelled.
    """
    prog = f"%{operation.magic or operation.python}"
    method = _method(operation)
    if method is None:
        form = command_form(operation)
        return Form(prog, form.arguments, form.description)
    signature = inspect.signature(method)
    namespace = vars(sys.modules[method.__module__])
    arguments = []
    for name, parameter in list(signature.parameters.items())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        field = operation.ask.model_fields.get(name)
        required = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
        annotation = _annotation(parameter.annotation, namespace)
        if parameter.kind is parameter.VAR_POSITIONAL:
            annotation = list[annotation]  # type: ignore[valid-type]  # made at run time
        same = field is not None and (annotation in _TEXTS or _shape(annotation) == _shape(_kind(field)))
        arguments.append(
            _argument(
                name,
                _kind(field) if same and field is not None else annotation,
                positional=required or parameter.kind is parameter.VAR_POSITIONAL,
                required=required,
                default=None if required else parameter.default,
                help=(field.description or "") if field is not None else _known_help(name),
                noun="run" if name in ("run_id", "parent") else "",
            )
        )
    return Form(prog, tuple(arguments), _first_paragraph(inspect.getdoc(method) or operation.description))


def ask_from(operation: Operation, form: Form, values: Mapping[str, Any]) -> Ask:
    """The ask that was spelled; `Invalid` names the flag at fault."""
    try:
        return validated(
            operation.ask, {each: values[each] for each in operation.ask.model_fields if each in values}
        )
    except Invalid as error:
        raise form.named(error) from None


def call_from(
    operation: Operation, form: Form, values: Mapping[str, Any]
) -> tuple[str, list[Any], dict[str, Any]]:
    """The Python call that was spelled: the service's method, its positional and its keyword arguments."""
    method = _method(operation)
    if method is None:
        raise TypeError(f"{operation.service.__name__} has no method {operation.python!r}")
    checked: dict[str, Any] = {}
    for argument in form.arguments:
        if argument.name not in values:
            continue
        try:
            checked[argument.name] = TypeAdapter(argument.kind).validate_python(values[argument.name])
        except ValidationError as error:
            told = invalid_from(error)
            for each in told.details["errors"]:
                each["field"] = argument.name
            raise form.named(told) from None
    positional: list[Any] = []
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += checked.pop(name, [])
        elif parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(checked.pop(name))
    return method.__name__, positional, checked


def _method(operation: Operation) -> Callable[..., Any] | None:
    method = getattr(operation.service, operation.python or "", None)
    return method if inspect.isfunction(method) else None


def _argument(
    name: str, kind: Any, *, positional: bool, required: bool, default: Any, help: str, noun: str
) -> Argument:
    shape = _shape(kind)
    inner = _inner(kind)
    choices = tuple(map(str, typing.get_args(inner))) if typing.get_origin(inner) is Literal else ()
    about = noun or ("experiment" if name == "experiment" else "file" if inner is Path else "")
    metavar = _metavar(name, inner, choices, noun)
    word = _singular(name) if shape == "mapping" else "parent" if name == "parent_id" else name
    spelling = metavar if positional else f"--{word}".rstrip("_").replace("_", "-")
    if default not in (None, "", False, True) and shape == "one":
        help = f"{help} Default: {default}.".strip()
    return Argument(
        name=name,
        spelling=spelling,
        shape=shape,
        required=required,
        help=help,
        metavar="KEY=VALUE" if shape == "mapping" else metavar,
        about=about,
        any_value=inner is Any or inner is object,
        choices=choices,
        default=default,
        kind=kind,
    )


def _kind(field: Any) -> Any:
    """A field's type with what pydantic keeps apart from it (limits, serializers) put back."""
    metadata = tuple(field.metadata)
    return Annotated[(field.annotation, *metadata)] if metadata else field.annotation


def _annotation(annotation: Any, namespace: dict[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, namespace)  # what typing.get_type_hints does, for one parameter
    except NameError:  # imported for the type checker only: nothing that text could be turned into
        return Any


def _without_none(kind: Any) -> Any:
    """The type inside ``Annotated`` and ``| None``."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _without_none(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        options = [_without_none(each) for each in typing.get_args(kind) if each is not type(None)]
        # Where one or several may be given, the flag is given once or several times.
        return next((each for each in options if _is_list(each)), options[0])
    return kind


def _is_list(plain: Any) -> bool:
    origin = typing.get_origin(plain) or plain
    several = isinstance(origin, type) and issubclass(origin, (Sequence, set, frozenset))
    return several and not issubclass(origin, (str, bytes))


def _shape(kind: Any) -> Shape:
    plain = _without_none(kind)
    origin = typing.get_origin(plain) or plain
    if origin is bool:
        return "switch"
    if isinstance(origin, type) and issubclass(origin, (dict, Mapping)):
        return "mapping"
    return "list" if _is_list(plain) else "one"


def _inner(kind: Any) -> Any:
    """What one word holds: the items of a list, the values of a mapping, or the type itself."""
    plain = _without_none(kind)
    shape = _shape(plain)
    if shape in ("list", "mapping"):
        inner = typing.get_args(plain)
        return _without_none(inner[0 if shape == "list" else -1]) if inner else Any
    return plain


def _metavar(name: str, inner: Any, choices: Sequence[str], noun: str) -> str:
    if noun:
        return noun.upper()
    if choices:
        return "{" + ",".join(choices) + "}"
    if inner is int:
        return "N"
    if inner is datetime:
        return "TIME"
    return name.upper().replace("_", "-")


def _noun(operation: Operation, name: str) -> str:
    """What a field names, told by the route: ``{id}`` of ``/runs/{id}`` is a run."""
    if name == "experiment":
        return "experiment"
    if name == "parent_id":
        return "run"
    if name != "id":
        return ""
    before, braces, _ = operation.path.partition("/{id}")
    segment = before.rsplit("/", 1)[-1] if braces else operation.path.split("/")[1]
    return _singular(segment)


def _singular(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def _known_help(name: str) -> str:
    # Parameters that methods have beside their ask's fields.
    return {
        "run_id": "Another run than the live one: name, last 6 digits, id, @last.",
        "nested": "Keep the live run and start a child of it.",
        "parent": "Start a child of this run: name, last 6 digits, id, @last.",
        "resume": "Go on with this run: name, last 6 digits, id, @last.",
        "experiment": "A new name makes a new experiment; by default the notebook's name.",
    }.get(name, "")


def _first_paragraph(text: str) -> str:
    return text.split("\n\nParameters\n", 1)[0]


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


# -- values and words -----------------------------------------------------------------------------


def read_value(text: str) -> Any:
    """A value where any fits: JSON if it is JSON, a plain Python literal, otherwise the text.

    Examples
    --------
    >>> [read_value(text) for text in ("3", "1e-3", "true", "None", "adam", '[1, "a"]', "(1, 2)", "007")]
    [3, 0.001, True, None, 'adam', [1, 'a'], [1, 2], '007']
    """
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text[:1] in _CLOSING:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return text
        return list(value) if isinstance(value, (tuple, set)) else value
    return text


def split_line(line: str) -> list[str]:
    r"""The words of a magic's line.

    Quotes hold words together, as in a shell; so do brackets at the beginning of a word, with all that is
    in them; a backslash takes the meaning of a quote, a space or a backslash, and is itself otherwise.

    Raises
    ------
    Invalid
        A quote that is not closed.

    Examples
    --------
    >>> split_line('layers [64, "a b"] --name "my run" C:\\data')
    ['layers', '[64, "a b"]', '--name', 'my run', 'C:\\data']
    """
    words: list[str] = []
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        end = _bracketed(line, place)
        if end is not None:
            words.append(line[place:end])
            place = end
            continue
        word, place = _word(line, place)
        words.append(word)
    return words


def _bracketed(line: str, start: int) -> int | None:
    """Where the group of brackets that begins at `start` ends, if it is one word."""
    if line[start] not in _CLOSING:
        return None
    awaited: list[str] = []
    quote = ""
    for place in range(start, len(line)):
        sign = line[place]
        if quote:
            if sign == quote and line[place - 1] != "\\":
                quote = ""
        elif sign in "'\"":
            quote = sign
        elif sign in _CLOSING:
            awaited.append(_CLOSING[sign])
        elif awaited and sign == awaited[-1]:
            awaited.pop()
            if not awaited:
                end = place + 1
                return end if end == len(line) or line[end].isspace() else None
    return None


def _word(line: str, place: int) -> tuple[str, int]:
    word = ""
    quote = ""
    start = place
    while place < len(line):
        sign = line[place]
        if sign == "\\" and line[place + 1 : place + 2] in (
            ("\\", quote) if quote else ("\\", "'", '"', " ")
        ):
            word += line[place + 1]
            place += 1
        elif quote:
            if sign == quote:
                quote = ""
            else:
                word += sign
        elif sign in "'\"":
            quote = sign
        elif sign.isspace():
            break
        else:
            # A flag's value in brackets is one word, too: --param layers=[64, 32]
            end = _bracketed(line, place) if line[place - 1 : place] == "=" and place > start else None
            if end is not None:
                word += line[place:end]
                place = end
                continue
            word += sign
        place += 1
    if quote:
        raise Invalid(f"the quote {quote} is not closed in: {line.strip()}", details={"field": "(line)"})
    return word, place
