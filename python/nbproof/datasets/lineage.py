"""Where versions come from and what was made of them: the edges that this room draws, and its names there."""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.lineage.domain import Edge, Known, Node

if TYPE_CHECKING:
    from nbproof.datasets.domain import VersionRecord
    from nbproof.datasets.drift_models import DriftReport
    from nbproof.datasets.models import DatasetVersion
    from nbproof.datasets.repository import DatasetRepository, DriftReportRepository

__all__ = [
    "DatasetLineage",
    "code_of",
    "edges_of_comparing",
    "edges_of_reading",
    "edges_of_registering",
    "node_of",
    "nodes_of",
    "version_of",
]


class DatasetLineage:
    """Labels and names of dataset versions, and labels of drift reports, for the graph.

    Parameters
    ----------
    repository, reports : callable
        The records.
    """

    def __init__(
        self,
        repository: Callable[[], DatasetRepository],
        reports: Callable[[], DriftReportRepository] | None = None,
    ) -> None:
        self._repository = repository
        self._reports = reports

    def labels(self, kind: str, ids: Collection[str]) -> Mapping[str, Known]:
        """What versions are called, with their columns; what reports compare, and how bad it is."""
        if kind == "drift_report" and self._reports is not None:
            return {
                id: Known(
                    f"{'no' if severity == 'none' else severity} drift: {reference} → {current}",
                    f"/drift-reports/{id}",
                )
                for id, reference, current, severity in self._reports().briefs(list(ids))
            }
        if kind != "dataset_version":
            return {}
        return {each.id: _known(each) for each in self._repository().with_ids(list(ids))}

    def resolve(self, reference: str) -> Node:
        """The version that a text names."""
        return Node("dataset_version", self._repository().resolve(reference).id)


def _known(record: VersionRecord) -> Known:
    return Known(
        f"{record.dataset}@v{record.version}",
        f"/datasets/{record.id}",
        version=f"v{record.version}",
        columns={each["name"]: each["type"] for each in record.fields or ()},
        place=record.source,
    )


def node_of(version: DatasetVersion) -> Node:
    """A version as a node."""
    return Node("dataset_version", version.id)


def version_of(thing: object) -> DatasetVersion | None:
    """The version that a view or a handle is of; None for anything else."""
    from nbproof.datasets.models import DatasetVersion

    if isinstance(thing, DatasetVersion):
        return thing
    held = getattr(thing, "version", None)
    return held if isinstance(held, DatasetVersion) else None


def edges_of_registering(version: DatasetVersion, run_id: str | None) -> list[Edge]:
    """That a version was made of a file, and by the run that is live."""
    edges = []
    if version.source is not None:
        edges.append(Edge(Node("file", version.source), node_of(version), "read", run_id=run_id))
    if run_id is not None:
        edges.append(Edge(Node("run", run_id), node_of(version), "wrote", run_id=run_id))
    return edges


def edges_of_reading(version: DatasetVersion, run_id: str | None) -> list[Edge]:
    """That the run that is live read a version."""
    if run_id is None:
        return []
    return [Edge(node_of(version), Node("run", run_id), "read", run_id=run_id)]


def edges_of_comparing(report: DriftReport) -> list[Edge]:
    """That a report is of the versions that it compares, and by the run that was live."""
    node, run_id = Node("drift_report", report.id), report.run_id
    sides = (("reference", report.reference_id), ("current", report.current_id))
    edges = [
        Edge(Node("dataset_version", id), node, "compared", label=side, run_id=run_id)
        for side, id in sides
        if id is not None
    ]
    if run_id is not None:
        edges.append(Edge(Node("run", run_id), node, "wrote", run_id=run_id))
    return edges


def code_of(code: str | Callable[..., Any] | None) -> tuple[str | None, str | None]:
    """Name and source of what transformed something; a text is its own source."""
    if code is None or isinstance(code, str):
        return None, code
    if not callable(code):
        raise Invalid(f"code is a text or a function, found {type(code).__name__}", details={"field": "code"})
    name = getattr(code, "__name__", type(code).__name__)
    try:
        return name, textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):  # made by exec, or not in Python
        return name, None


def file_of(path: str | os.PathLike[str]) -> Node:
    """A path as a node."""
    return Node("file", str(Path(os.path.abspath(Path(path).expanduser()))))


def nodes_of(things: Sequence[Any], resolve: Callable[[str], str]) -> list[Node]:
    """What people name as inputs: versions, paths, addresses."""
    nodes = []
    for each in things:
        if (version := version_of(each)) is not None:
            nodes.append(node_of(version))
        elif isinstance(each, os.PathLike):
            nodes.append(file_of(each))
        elif isinstance(each, str) and "://" in each:
            nodes.append(Node("file", each))
        elif isinstance(each, str) and (os.sep in each or Path(each).suffix) and Path(each).exists():
            nodes.append(file_of(each))
        elif isinstance(each, str):
            nodes.append(Node("dataset_version", resolve(each)))
        else:
            raise Invalid(
                f"an input is a dataset (name@v3) or a path, found {type(each).__name__}",
                details={"field": "inputs"},
            )
    return nodes
