"""The rules of lineage: what a node and an edge are, and what other rooms tell about them.

A node is a kind and an id.  The id is that of the record; of a ``file`` it is an absolute path or an
address, of an ``artifact`` it is ``<run id>/<name>@v<version>``, of something ``external`` the namespace and
the name that OpenLineage gives it.  An edge leads from what was there to what was made of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, get_args

from nbproof.core.errors import Invalid, near_names
from nbproof.core.redaction import redact_text, redact_value, without_credentials

__all__ = [
    "FEW_EDGES",
    "MOST_CODE",
    "MOST_DEPTH",
    "MOST_EDGES",
    "MOST_ID",
    "NODE_KINDS",
    "Direction",
    "Edge",
    "EdgeSource",
    "Known",
    "Labels",
    "Node",
    "NodeKind",
    "Resolver",
    "checked_edge",
    "checked_node",
    "fallback_label",
    "key_of",
]

NodeKind = Literal[
    "file", "dataset_version", "drift_report", "cell", "run", "artifact", "feature", "model_version", "card",
    "monitor", "alert", "external",
]  # fmt: skip
NODE_KINDS: tuple[str, ...] = get_args(NodeKind)
Direction = Literal["upstream", "downstream", "both"]

MOST_ID = 4096
"""Characters of an id: as long as a path can be."""
MOST_CODE = 1_000_000
MOST_DEPTH = 100
"""Steps that can be asked for; who wants to see further wants to see everything."""
MOST_EDGES = 100_000
FEW_EDGES = 200  # a graph of no more is told with code, details and times
"""Edges of one answer."""

_RELATION = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_LABEL = 1000
_MOST_DETAILS = 1_000_000


class Node(NamedTuple):
    """One thing: its kind, and its id among those."""

    kind: str
    id: str


class Edge(NamedTuple):
    """That one thing came of another: ``source`` was there, ``target`` was made of it or by it."""

    source: Node
    target: Node
    relation: str
    label: str | None = None
    code: str | None = None
    details: Any = None
    run_id: str | None = None
    cell_id: str | None = None
    created_us: int | None = None
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a room knows about a node.

    Attributes
    ----------
    label : str
        What people call it.
    link : str, optional
        Where more is told: a path below the API's base, such as ``/runs/0190...``, or an address.
    version : str, optional
        Of a dataset: how its version is called.
    columns : mapping
        Of a dataset: the type of each column.
    place : str, optional
        Of a dataset: the path or address where it came from.
    job : str, optional
        Of a run or cell: what ran, such as the path of a notebook.
    """

    label: str
    link: str | None = None
    version: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    place: str | None = None
    job: str | None = None


class Labels(Protocol):
    """Whoever knows what things of some kinds are called."""

    def labels(self, kind: str, ids: Collection[str]) -> Mapping[str, Known]:
        """What is known of these, by id; nothing for a kind or an id that it does not know."""
        ...


class EdgeSource(Protocol):
    """Edges that stand elsewhere and are not copied, such as those from a run to its artifacts."""

    def edges(
        self, nodes: Collection[Node], direction: Literal["upstream", "downstream"], limit: int
    ) -> Iterable[Edge]:
        """Edges that lead to these nodes (upstream) or away from them, at most about `limit`."""
        ...


class Resolver(Protocol):
    """Whoever knows what people mean by a word."""

    def resolve(self, reference: str) -> Node:
        """The node of that name; `NotFound` if it is none of its things, `Conflict` if it is several."""
        ...


def key_of(node: Node) -> int:
    """A number for a node, however long its id is: what the table is searched by.

    Two nodes may have one number, about once in a billion tables of a million nodes; so what is found by it
    is compared with the node itself.

    Examples
    --------
    >>> key_of(Node("file", "/data/sales.csv")) == key_of(Node("file", "/data/sales.csv"))
    True
    """
    digest = hashlib.blake2b(f"{node.kind}\0{node.id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def checked_node(node: Node, field: str = "node") -> Node:
    """The node as it is kept: without user and password in an address.

    Raises
    ------
    Invalid
        There is no such kind, or the id is none.
    """
    if node.kind not in NODE_KINDS:
        near = near_names(node.kind, NODE_KINDS)
        raise Invalid(
            f"there is no kind of node {_brief(node.kind)}",
            hint=f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(NODE_KINDS)}",
            details={"field": f"{field}.kind", "near": near},
        )
    identifier = node.id
    if not identifier or len(identifier) > MOST_ID:
        raise Invalid(
            f"the id of a {node.kind} has 1 to {MOST_ID:,} characters, found {len(identifier):,}",
            details={"field": f"{field}.id"},
        )
    _refuse_unwritable(identifier, f"the id of a {node.kind}", f"{field}.id")
    if "://" in identifier and node.kind in ("file", "external"):
        identifier = without_credentials(identifier)
    return Node(node.kind, identifier)


def checked_edge(edge: Edge, field: str = "edge") -> Edge:
    """The edge as it is kept: secrets blanked.

    Raises
    ------
    Invalid
        Something of it can't be kept; the field is named.
    """
    if not _RELATION.fullmatch(edge.relation):
        raise Invalid(
            f"a relation is a word in small letters such as read, wrote or derived, found "
            f"{_brief(edge.relation)}",
            details={"field": f"{field}.relation"},
        )
    label, code, details = edge.label, edge.code, edge.details
    for name, text, most in (("label", label, _MOST_LABEL), ("code", code, MOST_CODE)):
        if text is None:
            continue
        if len(text) > most:
            raise Invalid(
                f"{name} has at most {most:,} characters, found {len(text):,}",
                details={"field": f"{field}.{name}"},
            )
        _refuse_unwritable(text, f"the {name} of an edge", f"{field}.{name}")
    for name, text in (("run_id", edge.run_id), ("cell_id", edge.cell_id)):
        if text is not None and not re.fullmatch("[0-9a-f]{32}", text):
            raise Invalid(
                f"{name} is an id of 32 hex digits, found {_brief(text)}",
                details={"field": f"{field}.{name}"},
            )
    if details is not None:
        try:
            size = len(json.dumps(details, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise Invalid(f"details are not JSON: {error}", details={"field": f"{field}.details"}) from None
        if size > _MOST_DETAILS:
            raise Invalid(
                f"details have at most {_MOST_DETAILS:,} characters as JSON, found {size:,}",
                details={"field": f"{field}.details"},
            )
        details = redact_value("details", details).value
    return edge._replace(
        source=checked_node(edge.source, f"{field}.source"),
        target=checked_node(edge.target, f"{field}.target"),
        label=None if label is None else str(redact_text(label).value),
        code=None if code is None else str(redact_text(code).value),
        details=details,
    )


def fallback_label(node: Node) -> str:
    """What a node is called if no room knows it.

    Examples
    --------
    >>> fallback_label(Node("file", "/data/sales.csv"))
    'sales.csv'
    >>> fallback_label(Node("run", "0190a0a0a0a07000800000000000beef"))
    'run 00beef'
    """
    if node.kind in ("file", "external", "artifact"):
        return node.id.rstrip("/").rsplit("/", 1)[-1] or node.id
    return f"{node.kind.replace('_', ' ')} {node.id[-6:]}"


def _refuse_unwritable(text: str, what: str, field: str) -> None:
    # PostgreSQL keeps neither, and no path or name has them.
    if "\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise Invalid(f"{what} has a NUL or half a character in it", details={"field": field})


def _brief(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
