"""Lineage as OpenLineage tells it (spec 2-0-2), one event to a line, and what its events tell of lineage.

What runs is a job with a run (runs and cells of nbproof); everything else is a dataset.  Where one dataset
came of another without a run, a run of a job called ``derived`` (the relation) is told.  Each of our events
also has its edges as they are kept, in a facet of our own: what reads them again gets the same graph.

Events of others become edges from datasets to the job and from the job to datasets.  A dataset or a job is
something ``external`` then, called by namespace and name, except for files and objects in a store.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from nbproof._version import __version__
from nbproof.core.clock import datetime_of, microseconds_of
from nbproof.core.errors import Invalid
from nbproof.core.operation import invalid_from
from nbproof.lineage.domain import Edge, Known, Node, checked_edge, fallback_label, key_of
from nbproof.lineage.models import LineageEdge

__all__ = [
    "Activity",
    "activities",
    "dataset_of",
    "edge_of",
    "edges_of",
    "events_of",
    "node_of",
    "read_event",
    "told_of",
]

PRODUCER = f"https://pypi.org/project/nbproof/{__version__}"
_SPEC = "https://openlineage.io/spec"
_FACET = "nbproof_lineage"
_RUNNING = frozenset({"run", "cell"})
_NAMESPACE = "nbproof"
# Object stores and file systems of the naming rules: there a name is a path.
_STORES = re.compile(r"(?:s3|s3a|s3n|gs|gcs|abfss?|wasbs?|adl|hdfs|dbfs|oss|https?|ftp|sftp)://[^/]+")
_JOB = "job:"


@dataclass
class Activity:
    """Edges that are told together: those of one run, or one derivation."""

    subject: Node
    inputs: list[Edge] = field(default_factory=list)
    outputs: list[Edge] = field(default_factory=list)

    @property
    def edges(self) -> list[Edge]:
        """All of them."""
        return [*self.inputs, *self.outputs]

    @property
    def nodes(self) -> dict[Node, None]:
        """All ends."""
        return dict.fromkeys([self.subject, *(end for edge in self.edges for end in edge[:2])])


def activities(edges: Iterable[Edge]) -> list[Activity]:
    """Edges put together by the run they belong to; a nested run is told with itself, not with its parent."""
    found: dict[tuple[Node, str], Activity] = {}

    def of(subject: Node, relation: str = "") -> Activity:
        return found.setdefault((subject, relation), Activity(subject))

    for edge in edges:
        if edge.target.kind in _RUNNING:
            of(edge.target).inputs.append(edge)
        elif edge.source.kind in _RUNNING:
            of(edge.source).outputs.append(edge)
        else:
            of(edge.target, edge.relation).inputs.append(edge)
    return list(found.values())


# -- events of ours --------------------------------------------------------------------------------


def events_of(activity: Activity, known: Mapping[Node, Known]) -> Iterator[dict[str, Any]]:
    """The two events of an activity: it began with its inputs, and ended with its outputs too."""
    subject = activity.subject
    runs = subject.kind in _RUNNING
    times = [time for edge in activity.edges for time in (edge.created_us, edge.last_us) if time is not None]
    began, ended = (min(times), max(times)) if times else (0, 0)
    parents = [
        edge.source for edge in activity.inputs if edge.source.kind in _RUNNING and edge.source != subject
    ]
    inputs = [edge.source for edge in activity.inputs if edge.source.kind not in _RUNNING]
    outputs = [edge.target for edge in activity.outputs] if runs else [subject]
    relation = "" if runs else activity.inputs[0].relation
    job = _job_of(subject, relation, known)
    code = "\n".join(dict.fromkeys(edge.code for edge in activity.edges if edge.code))
    job_facets = {
        "jobType": _facet(
            "JobTypeJobFacet",
            "2-0-3",
            processingType="BATCH",
            integration="NBPROOF",
            jobType=subject.kind.upper() if runs else "TRANSFORMATION",
        )
    }
    if code:
        job_facets["sourceCode"] = _facet("SourceCodeJobFacet", "1-0-1", language="python", sourceCode=code)
    run_facets: dict[str, Any] = {}
    for parent in parents[:1]:
        run_facets["parent"] = _facet(
            "ParentRunFacet", "1-0-1", run={"runId": _run_id(parent)}, job=_job_of(parent, "", known)
        )
    identifier = _run_id(subject, relation)
    for kind, time, edges, told in (
        ("START", began, [], []),
        ("COMPLETE", ended, activity.edges, outputs),
    ):
        yield {
            "eventType": kind,
            "eventTime": _instant(time),
            "run": {"runId": identifier, "facets": {**run_facets, _FACET: _own_facet(edges)}},
            "job": {**job, "facets": job_facets},
            "inputs": [_dataset(node, known) for node in dict.fromkeys(inputs)],
            "outputs": [_dataset(node, known) for node in dict.fromkeys(told)],
            "producer": PRODUCER,
            "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }


def dataset_of(node: Node, known: Known | None = None) -> tuple[str, str]:
    """Namespace and name of what is no run.

    Examples
    --------
    >>> dataset_of(Node("file", "/data/sales.csv")), dataset_of(Node("file", "s3://bucket/a/b.csv"))
    (('file', '/data/sales.csv'), ('s3://bucket', 'a/b.csv'))
    >>> dataset_of(Node("external", "postgres://db:5432/shop.public.orders"))
    ('postgres://db:5432', 'shop.public.orders')
    """
    if node.kind in ("file", "external"):
        address = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*", node.id)
        if address is not None:
            return address[0], node.id[address.end() + 1 :] or "/"
        if node.kind == "file":
            return "file", node.id
        namespace, slash, name = node.id.partition("/")
        return (namespace, name) if slash and namespace and name else ("external", node.id)
    if known is not None and known.version is not None:
        return _NAMESPACE, known.label.partition("@")[0]
    return _NAMESPACE, f"{node.kind}/{node.id}"


def _dataset(node: Node, known: Mapping[Node, Known]) -> dict[str, Any]:
    about = known.get(node)
    namespace, name = dataset_of(node, about)
    facets: dict[str, Any] = {}
    if about is not None and about.version is not None:
        facets["version"] = _facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=about.version)
    if about is not None and about.columns:
        facets["schema"] = _facet(
            "SchemaDatasetFacet",
            "1-1-1",
            fields=[{"name": column, "type": kind} for column, kind in about.columns.items()],
        )
    place = node.id if node.kind == "file" else about.place if about is not None else None
    if place is not None:
        uri = place if "://" in place else f"file://{place}"
        facets["dataSource"] = _facet(
            "DatasourceDatasetFacet", "1-0-1", name=place.rsplit("/", 1)[-1] or place, uri=_quoted(uri)
        )
    return {"namespace": namespace, "name": name, "facets": facets}


def _job_of(node: Node, relation: str, known: Mapping[Node, Known]) -> dict[str, Any]:
    if relation:
        namespace, name = dataset_of(node, known.get(node))
        return {"namespace": _NAMESPACE, "name": f"{relation} {namespace}/{name}"}
    about = known.get(node)
    return {
        "namespace": _NAMESPACE,
        "name": (about.job or about.label) if about is not None else fallback_label(node),
    }


def _run_id(node: Node, relation: str = "") -> str:
    """The id as a UUID; where there is none, one that is always the same."""
    if node.kind in _RUNNING and re.fullmatch("[0-9a-f]{32}", node.id):
        return str(uuid.UUID(node.id))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER.rpartition('/')[0]}/{key_of(node)}/{relation}"))


def _own_facet(edges: Sequence[Edge]) -> dict[str, Any]:
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{PRODUCER}#/$defs/{_FACET}",
        "edges": [told_of(edge) for edge in edges],
    }


def told_of(edge: Edge) -> dict[str, Any]:
    """An edge as JSON, with all that is kept of it."""
    told: dict[str, Any] = {
        "source": edge.source._asdict(),
        "target": edge.target._asdict(),
        "relation": edge.relation,
    }
    for name in ("label", "code", "details", "run_id", "cell_id"):
        if (value := getattr(edge, name)) is not None:
            told[name] = value
    for name, time in (("created", edge.created_us), ("last", edge.last_us)):
        if time is not None:
            told[name] = _instant(time)
    return told


def _facet(name: str, version: str, /, **facts: Any) -> dict[str, Any]:
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}",
        **facts,
    }


def _instant(time_us: int) -> str:
    return datetime_of(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _quoted(uri: str) -> str:
    from urllib.parse import quote

    return quote(uri, safe="/:?#[]@!$&'()*+,;=%~")


# -- events of anyone ------------------------------------------------------------------------------


def read_event(line: str) -> dict[str, Any]:
    """The event of a line; `Invalid` says what is wrong with it."""
    try:
        event = json.loads(line)
    except ValueError as error:
        raise Invalid(f"no JSON: {error}") from None
    except RecursionError:
        raise Invalid("no JSON: it is nested too deeply") from None
    if not isinstance(event, dict):
        hint = "; a list of events is split by: jq -c '.[]'" if isinstance(event, list) else ""
        raise Invalid(f"an event is an object, found {type(event).__name__}{hint}")
    return event


def edges_of(event: Mapping[str, Any]) -> list[Edge]:
    """The edges that an event tells of, checked; `Invalid` says what is wrong with it.

    An event of a dataset alone tells of none.  What a run that failed meant to write was not written.
    """
    own = _field(_field(_field(event, "run", dict), "facets", dict), _FACET, dict)
    if own is not None:
        return [edge_of(each) for each in _field(own, "edges", list) or []]
    if event.get("job") is None and isinstance(event.get("dataset"), Mapping):
        return []
    time_us = _time_of(event)
    job = _name_of(event.get("job"), "job")
    subject = Node("external", f"{_JOB}{job[0]}/{job[1]}")
    about = {
        key: value
        for key, value in (
            ("run", (_field(event, "run", dict) or {}).get("runId")),
            ("producer", event.get("producer")),
            ("event", event.get("eventType")),
        )
        if isinstance(value, str)
    }
    details = {"openlineage": about}
    edges = []
    parent = _field(_field(_field(event, "run", dict), "facets", dict), "parent", dict)
    if parent is not None and parent.get("job") is not None:
        namespace, name = _name_of(parent["job"], "run.facets.parent.job")
        above = Node("external", f"{_JOB}{namespace}/{name}")
        if above != subject:
            edges.append(Edge(above, subject, "started", details=details, created_us=time_us))
    for place, each in enumerate(_field(event, "inputs", list) or []):
        node = node_of(*_name_of(each, f"inputs[{place}]"))
        edges.append(Edge(node, subject, "read", details=details, created_us=time_us))
    wrote = event.get("eventType") not in ("FAIL", "ABORT")
    for place, each in enumerate(_field(event, "outputs", list) or []):
        node = node_of(*_name_of(each, f"outputs[{place}]"))
        if wrote:
            edges.append(Edge(subject, node, "wrote", details=details, created_us=time_us))
    return [checked_edge(edge) for edge in edges]


def node_of(namespace: str, name: str) -> Node:
    """The node of a dataset of others.

    Examples
    --------
    >>> node_of("file", "/data/sales.csv"), node_of("s3://bucket", "/a/b.csv")
    (Node(kind='file', id='/data/sales.csv'), Node(kind='file', id='s3://bucket/a/b.csv'))
    >>> node_of("postgres://db:5432", "shop.public.orders").id
    'postgres://db:5432/shop.public.orders'
    """
    if namespace in ("file", "file://") and name.startswith("/"):
        return Node("file", name)
    if _STORES.fullmatch(namespace):
        return Node("file", f"{namespace}/{name.lstrip('/')}")
    return Node("external", f"{namespace}/{name}")


def edge_of(told: Any) -> Edge:
    """The edge that `told_of` wrote, checked; `Invalid` says what is wrong with it."""
    if not isinstance(told, Mapping):
        raise Invalid(f"an edge is an object, found {type(told).__name__}")
    try:
        edge = LineageEdge.model_validate(dict(told))
    except ValidationError as error:
        raise invalid_from(error) from None
    created, last = (None if each is None else microseconds_of(each) for each in (edge.created, edge.last))
    return checked_edge(
        Edge(
            Node(edge.source.kind, edge.source.id),
            Node(edge.target.kind, edge.target.id),
            edge.relation,
            edge.label,
            edge.code,
            edge.details,
            edge.run_id,
            edge.cell_id,
            created,
            last,
        )
    )


def _field(value: Any, name: str, kind: type[Any]) -> Any:
    """A field that may be missing; of another type it is no event."""
    if value is None:
        return None
    found = value.get(name)
    if found is not None and not isinstance(found, kind):
        expected = "an object" if kind is dict else "a list"
        raise Invalid(f"{name} is {expected} in an event, found {type(found).__name__}")
    return found


def _name_of(value: Any, what: str) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        raise Invalid(f"an event has {what} as an object, found {type(value).__name__}")
    namespace, name = value.get("namespace"), value.get("name")
    if not (isinstance(namespace, str) and isinstance(name, str) and namespace and name):
        raise Invalid(f"{what} has a namespace and a name, found {namespace!r:.100} and {name!r:.100}")
    return namespace, name


def _time_of(event: Mapping[str, Any]) -> int:
    told = event.get("eventTime")
    try:
        if not isinstance(told, str):
            raise ValueError
        when = datetime.fromisoformat(told)
        return microseconds_of(when if when.tzinfo else when.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Invalid(f"eventTime is an instant such as 2026-11-26T12:00:00Z, found {told!r:.100}") from None
