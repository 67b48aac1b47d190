"""What users hand to ``log_*``, turned into what is kept: floats, plain params, contained names.

Standard library only.  numpy, torch and pandas values are recognised by what they can do, never by
importing their package.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Invalid
from nbproof.core.redaction import redact_value
from nbproof.tracking.domain import NAME_LIMIT

__all__ = [
    "artifact_name",
    "flat_params",
    "metric_value",
    "name_of",
    "plain",
    "step_of",
    "tag_value",
    "time_us_of",
    "without_secrets",
]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}(?![0-9a-zA-Z_])")
_DEEPEST = 20
_LONGEST_INTEGER_BITS = 14_000  # beyond, Python makes no decimal text of it (4,300 digits)


def metric_value(key: str, value: object) -> float:
    """A metric's value as a float; NaN and the infinities are values like any other.

    Accepts what is one real number: int, bool, float, Decimal, Fraction, numpy and torch scalars and
    0-dimensional arrays.  Raises `Invalid` for text, None, complex numbers, arrays and what numpy masked.
    """
    if isinstance(value, (float, int)):
        try:
            return float(value)
        except OverflowError:
            raise _not_a_number(key, value, "it is beyond the range of a float") from None
    if isinstance(value, (Decimal, numbers.Real)):
        try:
            return float(value)
        except OverflowError:
            raise _not_a_number(key, value, "it is beyond the range of a float") from None
        except ValueError as error:  # a signaling NaN
            raise _not_a_number(key, value, str(error)) from None
    if isinstance(value, numbers.Complex):
        raise _not_a_number(key, value, "log abs(x), or x.real and x.imag as two metrics")
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, (str, bytes)):
        shape = getattr(value, "shape", ())
        if len(shape) == 0:
            if _is_masked(value):
                # Its item() is what lies below the mask, which is nobody's value.
                raise _not_a_number(key, value, "it is masked, so there is no value; skip it, or log nan")
            try:
                found = item()
            except Exception as error:  # a lazy tensor may fail in any way of its own
                raise _not_a_number(key, value, f"reading it failed: {error}") from None
            if found is not value:
                return metric_value(key, found)
        raise _not_a_number(key, value, f"it has shape {tuple(shape)}; log one number, such as its .mean()")
    raise _not_a_number(key, value, _what_to_log(value))


def _what_to_log(value: object) -> str:
    if value is None:
        return "log float('nan') where there is no value, or skip it"
    if isinstance(value, str):
        return "convert it with float(...); a text is a param or a tag"
    if isinstance(value, Mapping):
        return "log_metrics({...}) takes several metrics at once"
    if isinstance(value, (list, tuple, range)):
        return "log_history(key, values) takes many values of one metric"
    return "log one number: an int, a float, or a scalar of numpy or torch"


def _is_masked(value: object) -> bool:
    """Whether this is ``numpy.ma.masked`` or a 0-dimensional array like it."""
    if getattr(value, "shape", None) != () or not hasattr(value, "mask"):
        return False
    try:
        return bool(value.mask)
    except Exception:  # a mask of another kind, such as a method
        return False


def _not_a_number(key: str, value: object, hint: str | None) -> Invalid:
    return Invalid(
        f"metric {key!r} must be one real number, found {type(value).__name__} "
        f"{_brief(redact_value(key, value).value)}",
        hint=hint,
        details={"field": "value"},
    )


def _brief(value: object) -> str:
    """A few words on a value; whatever its own `repr` does."""
    try:
        found = repr(value)
    except Exception as error:  # an integer too long for text, or a user's __repr__
        return f"(which can't be shown: {type(error).__name__})"
    return found if len(found) <= 60 else found[:57] + "..."


def step_of(step: object) -> int:
    """A step as a 64-bit integer; floats without a fraction and numpy integers count."""
    found: object = step
    if not isinstance(found, int) and _is_masked(found):
        raise Invalid("step is masked, so there is no value", details={"field": "step"})
    if not isinstance(found, int) and hasattr(found, "__index__"):
        try:
            found = found.__index__()
        except Exception as error:
            raise Invalid(
                f"step {_brief(step)} is not an integer: {error}", details={"field": "step"}
            ) from None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int) or isinstance(step, bool):
        raise Invalid(
            f"step must be a whole number, found {type(step).__name__} {_brief(step)}",
            details={"field": "step"},
        )
    if not -(2**63) <= found < 2**63:
        raise Invalid(f"step {_brief(found)} does not fit into 64 bits", details={"field": "step"})
    return found


def time_us_of(time: object) -> int:
    """A point in time as microseconds since 1970: a datetime, or a number of seconds like time.time()."""
    if isinstance(time, datetime):
        return microseconds_of(time)
    if isinstance(time, (numbers.Real, float, int)) and time is not True and time is not False:
        try:
            seconds = float(time)
        except OverflowError:
            seconds = math.inf
        microseconds = round(seconds * 1_000_000) if math.isfinite(seconds) else 2**63
        if -(2**63) <= microseconds < 2**63:
            return microseconds
    raise Invalid(
        f"time must be a datetime or seconds since 1970, found {type(time).__name__} {_brief(time)}",
        details={"field": "time"},
    )


def name_of(name: object, what: str, field: str = "key") -> str:
    """A name as given, or `Invalid`.

    Good are 1 to `NAME_LIMIT` characters, slashes and emoji too, but no control characters.
    """
    if not isinstance(name, str):
        raise Invalid(
            f"the name of {what} must be text, found {type(name).__name__} {name!r}", details={"field": field}
        )
    if not name.strip():
        raise Invalid(
            f"the name of {what} is empty", hint="give it at least one character", details={"field": field}
        )
    if len(name) > NAME_LIMIT:
        raise Invalid(
            f"the name of {what} has {len(name):,} characters, at most {NAME_LIMIT:,} are kept: "
            f"{name[:40]!r}...",
            hint="shorten the name; long text belongs into notes or an artifact",
            details={"field": field},
        )
    bad = _CONTROL.search(name)
    if bad:
        raise Invalid(
            f"the name of {what} has a control character at position {bad.start()}: {name[:60]!r}",
            details={"field": field},
        )
    return name


def artifact_name(name: str) -> str:
    """A contained, relative name with forward slashes, or `Invalid`."""
    name_of(name, "an artifact", "name")
    parts = name.replace("\\", "/").split("/")
    if (
        name.startswith(("/", "\\"))
        or re.match(r"^[A-Za-z]:", name)
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise Invalid(
            f"the artifact name {name!r} does not stay inside the run",
            hint="use a relative name without '..', such as plots/roc.png",
            details={"field": "name"},
        )
    return "/".join(parts)


def tag_value(value: object) -> str | None:
    """A tag's value as text; None removes the tag."""
    if value is None or isinstance(value, str):
        return None if value is None else _CONTROL.sub("\ufffd", value)
    return str(plain(value))


def plain(value: object, depth: int = 0) -> Any:
    """A param as JSON can hold it: scalars unwrapped, containers copied, the rest as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > _LONGEST_INTEGER_BITS:
            return hex(value)
        return int(value)  # an IntEnum and its like lose their class
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _CONTROL.sub("\ufffd", value)
    if isinstance(value, Decimal):
        return float(value)
    if depth > _DEEPEST:
        return _text(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        # In an order of its own: that of a set of texts is another one in each process.
        return sorted((plain(item, depth + 1) for item in value), key=_in_order)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    shape = getattr(value, "shape", None)
    if _is_masked(value):
        return None
    for unwrap, fits in (("item", shape == ()), ("tolist", shape is not None and math.prod(shape) <= 1000)):
        if fits and callable(getattr(value, unwrap, None)):
            try:
                found = getattr(value, unwrap)()
            except Exception:  # a foreign type's own failure: its text is kept instead
                break
            if found is not value:
                return plain(found, depth + 1)
    return _text(value)


def _in_order(item: Any) -> tuple[bool, float, str]:
    """Numbers by their size, the rest by its text."""
    if isinstance(item, float) or (isinstance(item, int) and abs(item) < 2**53):
        return False, float(item), ""
    return True, 0.0, str(item)


def flat_params(params: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Params with nested mappings flattened by dots: ``{"a": {"b": 1}}`` becomes ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        name = name_of(f"{prefix}{key}" if not isinstance(key, str) or prefix else key, "a param")
        if isinstance(value, Mapping) and value and name.count(".") < _DEEPEST:
            flat.update(flat_params(value, f"{name}."))
        else:
            flat[name] = plain(value)
    return flat


def without_secrets(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, int]]:
    """Params or tags with their secrets blanked, and how many were blanked under which name."""
    blanked: dict[str, int] = {}
    for key, value in values.items():
        if value is None or value.__class__ is float or value.__class__ is bool:
            continue
        left, count = redact_value(key, value)
        if count:
            if not blanked:
                values = dict(values)  # a copy: the caller's own stays as it is
            values[key] = left  # type: ignore[index]  # the copy
            blanked[key] = count
    return values, blanked


def _text(value: object) -> str:
    # Where an object lies in memory is not what it is: equal runs would never compare equal.
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str) and callable(value):
        module = getattr(value, "__module__", None)
        within = f"{module}." if isinstance(module, str) and module not in ("builtins", "__main__") else ""
        return _CONTROL.sub("\ufffd", f"{within}{name}")
    try:
        return _CONTROL.sub("\ufffd", _ADDRESS.sub("", str(value)))
    except Exception as error:  # a user's __str__ may fail in any way
        return f"<{type(value).__name__}: {type(error).__name__}>"
