"""Which operation a method and a path mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbproof.core.errors import NotFound
from nbproof.server.refusals import wrong_method

if TYPE_CHECKING:
    from nbproof.core.operation import Operation

__all__ = ["Match", "Routes"]


@dataclass(frozen=True, slots=True)
class Match:
    """An operation with the braced parts of the path, still percent-encoded."""

    operation: Operation
    fields: Mapping[str, str]


class Routes:
    """Finds operations by method and raw path.

    Laws: a brace matches exactly one percent-encoded segment, so a name may hold slashes; a fixed word
    wins over a brace, the leftmost difference decides; where only the brace knows the method, it is
    taken (a metric may be called ``batch``).
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        shaped = [(tuple(each.path.strip("/").split("/")), each) for each in operations]
        shaped.sort(key=lambda pair: [part.startswith("{") for part in pair[0]])
        self._by_length: dict[int, list[tuple[tuple[str, ...], Operation]]] = {}
        for parts, each in shaped:
            self._by_length.setdefault(len(parts), []).append((parts, each))

    def find(self, method: str, path: str) -> Match:
        """The operation that a request means; HEAD asks for what GET would give.

        Raises
        ------
        NotFound
            No operation has such a path.
        Refused
            405: there is one, but not for this method.
        """
        wanted = "GET" if method == "HEAD" else method
        given = path.removeprefix("/").split("/")
        others: dict[str, None] = {}
        for parts, operation in self._by_length.get(len(given), ()):
            fields = _fields(parts, given)
            if fields is None:
                continue
            if operation.method == wanted:
                return Match(operation, fields)
            others[operation.method] = None
        if others:
            raise wrong_method(method, path, others)
        raise NotFound(
            f"there is nothing at {method} {path or '/'}",
            hint="GET /docs shows what there is; slashes inside a name are written %2F",
        )


def _fields(parts: tuple[str, ...], given: list[str]) -> dict[str, str] | None:
    fields = {}
    for part, segment in zip(parts, given, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            fields[part[1:-1]] = segment
        elif part != segment:
            return None
    return fields
