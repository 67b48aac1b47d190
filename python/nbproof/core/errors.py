"""One family of errors, one table of faces, one JSON shape.

::

    PlatformError                400  exit 1  error
    +-- Invalid                  422  exit 2  invalid
    +-- NotFound                 404  exit 3  not-found
    +-- Conflict                 409  exit 4  conflict
    +-- NotAllowed               403  exit 5  not-allowed
    |   +-- NotAuthenticated     401  exit 5  not-authenticated
    +-- Unavailable              503  exit 6  unavailable

Verbs raise these and never catch them to dress them again; a face (HTTP, command line, magic) asks
`face` how its user is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "FACES",
    "Conflict",
    "Face",
    "Invalid",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "PlatformError",
    "Unavailable",
    "as_json",
    "error_of",
    "face",
    "hint_of",
    "near_names",
]


class PlatformError(Exception):
    """Something the user can act on.

    Parameters
    ----------
    message : str
        What was found and what was expected, in one sentence.
    hint : str, optional
        What to do about it.
    details : mapping, optional
        JSON-able facts for programs: the field at fault, candidates, a column.

    Examples
    --------
    >>> from nbproof.core.errors import NotFound, as_json
    >>> as_json(NotFound("no run 'r7'", hint="list runs with: nbproof runs list EXPERIMENT"))["error"]["code"]
    'not-found'
    """

    def __init__(
        self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by their positional arguments; ours has keywords too (process pools need it).
        return _rebuild, (type(self), self.message, self.hint, self.details)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the sentence and the hint, nothing else."""
        lines = [f"nbproof: {self.message}"]
        if self.hint:
            lines.append(f"  -> {self.hint}")
        return lines


class Invalid(PlatformError):
    """What was asked makes no sense: a wrong value, field or query.  ``details["field"]`` names it."""


class NotFound(PlatformError):
    """No such thing here.  ``details["near"]`` lists names that are close."""


class Conflict(PlatformError):
    """The thing exists, or is in a state that forbids what was asked."""


class NotAllowed(PlatformError):
    """The caller is known and may not do this."""


class NotAuthenticated(NotAllowed):
    """The caller is not known."""


class Unavailable(PlatformError):
    """A disk, a database, a server or an optional package is not there now."""


class Face(NamedTuple):
    """How one kind of error looks from outside."""

    status: int
    exit_code: int
    code: str


FACES: dict[type[PlatformError], Face] = {
    Invalid: Face(422, 2, "invalid"),
    NotFound: Face(404, 3, "not-found"),
    Conflict: Face(409, 4, "conflict"),
    NotAuthenticated: Face(401, 5, "not-authenticated"),
    NotAllowed: Face(403, 5, "not-allowed"),
    Unavailable: Face(503, 6, "unavailable"),
    PlatformError: Face(400, 1, "error"),
}


def face(error: PlatformError | type[PlatformError]) -> Face:
    """HTTP status, exit code and code word of an error, by its nearest ancestor in `FACES`."""
    kind = error if isinstance(error, type) else type(error)
    return next(FACES[ancestor] for ancestor in kind.__mro__ if ancestor in FACES)


def as_json(error: PlatformError) -> dict[str, Any]:
    """The one JSON shape: ``{"error": {"code", "message", "hint", "details"}}``."""
    return {
        "error": {
            "code": face(error).code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        }
    }


def error_of(body: Mapping[str, Any], status: int = 400) -> PlatformError:
    """The error that `as_json` described; what a client raises for an answer it received."""
    told = body.get("error")
    if not isinstance(told, Mapping):
        told = {"message": str(body.get("message") or f"the server answered {status}")}
    kinds_by_code = {known.code: kind for kind, known in FACES.items()}
    kinds_by_status = {known.status: kind for kind, known in FACES.items()}
    kind = kinds_by_code.get(str(told.get("code"))) or kinds_by_status.get(status)
    if kind is None:
        kind = Unavailable if status >= 500 else PlatformError
    hint, details = told.get("hint"), told.get("details")
    return kind(
        str(told.get("message", "")),
        hint=str(hint) if hint else None,
        details=details if isinstance(details, Mapping) else None,
    )


def near_names(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Known names that look like `name`, best first, for the hint of a `NotFound`.

    Examples
    --------
    >>> near_names("lss", ["os", "loss", "val_loss", "auc"])
    ['loss']
    """
    import difflib

    written = name.lower()
    lower = {candidate.lower(): candidate for candidate in known}
    sure = difflib.get_close_matches(written, lower, n=most, cutoff=0.8)
    holding = sorted((each for each in lower if len(written) > 2 and written in each), key=len)
    alike = difflib.get_close_matches(written, lower, n=most + 20, cutoff=0.6)
    found = dict.fromkeys([*sure, *holding, *(each for each in alike if _misspelt(written, each))])
    return [lower[each] for each in found][:most]


def _misspelt(written: str, meant: str) -> bool:
    """Whether one is the other by a slip; of short names half of the letters say little (`loss`, `os`)."""
    if min(len(written), len(meant)) > 4 or written[:1] == meant[:1] or sorted(written) == sorted(meant):
        return True
    return len(meant) > 2 and written[1:] in (meant, meant[1:])


def hint_of(near: Sequence[str], known: Sequence[str], has: str) -> str | None:
    """What to do about an unknown name: the one that looks like it, else some of those that there are.

    Examples
    --------
    >>> hint_of([], ["auc", "loss"], "it has")
    "it has 'auc', 'loss'"
    >>> hint_of(["auc"], ["auc", "loss"], "it has")
    "did you mean 'auc'?"
    """
    if near:
        return f"did you mean {near[0]!r}?"
    told = ", ".join(map(repr, known[:5]))
    return f"{has} {told}{f' and {len(known) - 5} more' if len(known) > 5 else ''}" if known else None


def _rebuild(
    kind: type[PlatformError], message: str, hint: str | None, details: Mapping[str, Any]
) -> PlatformError:
    return kind(message, hint=hint, details=details)
