"""What tracking tells lineage: what runs are called, and the edges that its own tables are.

They are not copied into the table of lineage: a run that begins or an artifact that is logged would be
written twice, and what is thrown away or purged would have to be followed there.  They are read when somebody
asks, by the same indexes as elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from nbproof.core.ids import is_id
from nbproof.lineage.domain import Edge, Known, Node
from nbproof.tracking.repository.stored import ARTIFACT_VERSIONS, ARTIFACTS, RUNS, portions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.database import Database
    from nbproof.tracking.repository.reading import RunRepository

__all__ = ["RunLineage"]

_RUN = sa.select(RUNS.c.id, RUNS.c.name, RUNS.c.source)
_SHOWN = (
    ARTIFACTS.c.run_id,
    ARTIFACTS.c.name,
    ARTIFACTS.c.version,
    ARTIFACTS.c.created_us,
    ARTIFACTS.c.reference,
)


class RunLineage:
    """Labels, edges and names of runs and artifacts: run -> nested run, run -> artifact, and
    artifact -> file where the artifact is a reference.

    Parameters
    ----------
    database, runs : callable
        Give the database and the records of runs.
    """

    def __init__(self, database: Callable[[], Database], runs: Callable[[], RunRepository]) -> None:
        self._database = database
        self._runs = runs

    def labels(self, kind: str, ids: Collection[str]) -> Mapping[str, Known]:
        """The names of runs and of artifacts."""
        if kind == "artifact":
            return {
                each: Known(name, f"/runs/{run}")
                for each in ids
                if (parts := _parts(each)) is not None
                for run, name in [(parts[0], each[33:])]
            }
        if kind != "run":
            return {}
        with self._database().connect() as connection:
            return {
                row.id: Known(row.name, f"/runs/{row.id}", job=row.source or None)
                for some in portions(list(ids))
                for row in connection.execute(_RUN.where(RUNS.c.id.in_(some)))
            }

    def resolve(self, reference: str) -> Node:
        """The run of a name, an id or a word such as ``@last``."""
        return Node("run", self._runs().resolve_run(reference))

    def edges(
        self, nodes: Collection[Node], direction: Literal["upstream", "downstream"], limit: int
    ) -> Iterator[Edge]:
        """The edges of runs and artifacts: of versions, those asked for and the ones that show."""
        runs = [node.id for node in nodes if node.kind == "run"]
        artifacts = [node.id for node in nodes if node.kind == "artifact"]
        files = [node.id for node in nodes if node.kind == "file"]
        if not (runs or artifacts or (files and direction == "upstream")):
            return
        with self._database().connect() as connection:
            if direction == "upstream":
                yield from _parents(connection, runs)
                yield from map(_wrote, _versions(connection, artifacts))
                yield from map(_refers, _references(connection, files, limit))
            else:
                yield from _children(connection, runs, limit)
                yield from map(_wrote, _artifacts(connection, runs, limit))
                versions = _versions(connection, artifacts)
                yield from (_refers(row) for row in versions if row.reference is not None)


def _nested(rows: Any) -> Iterator[Edge]:
    for row in rows:
        yield Edge(Node("run", row.parent_id), Node("run", row.id), "nested", created_us=row.started_us)


def _parents(connection: Connection, runs: list[str]) -> Iterator[Edge]:
    for some in portions(runs):
        yield from _nested(
            connection.execute(
                sa.select(RUNS.c.parent_id, RUNS.c.id, RUNS.c.started_us).where(
                    RUNS.c.id.in_(some), RUNS.c.parent_id.is_not(None)
                )
            )
        )


def _children(connection: Connection, runs: list[str], limit: int) -> Iterator[Edge]:
    for some in portions(runs):
        yield from _nested(
            connection.execute(
                sa.select(RUNS.c.parent_id, RUNS.c.id, RUNS.c.started_us)
                .where(RUNS.c.parent_id.in_(some), RUNS.c.deleted_us.is_(None))
                .order_by(RUNS.c.id)
                .limit(limit + 1)
            )
        )


def _artifacts(connection: Connection, runs: list[str], limit: int) -> Iterator[Any]:
    for some in portions(runs):
        yield from connection.execute(
            sa.select(*_SHOWN)
            .where(ARTIFACTS.c.run_id.in_(some))
            .order_by(ARTIFACTS.c.run_id, ARTIFACTS.c.name)
            .limit(limit + 1)
        )


def _references(connection: Connection, files: list[str], limit: int) -> Iterator[Any]:
    for some in portions(files):
        # The condition that there is a reference is what lets the small index be used.
        yield from connection.execute(
            sa.select(*_SHOWN)
            .where(ARTIFACTS.c.reference.is_not(None), ARTIFACTS.c.reference.in_(some))
            .limit(limit + 1)
        )


def _versions(connection: Connection, artifacts: list[str]) -> Iterator[Any]:
    asked = [parts for each in artifacts if (parts := _parts(each)) is not None]
    key = sa.tuple_(ARTIFACT_VERSIONS.c.run_id, ARTIFACT_VERSIONS.c.name, ARTIFACT_VERSIONS.c.version)
    for some in portions(asked, 300):
        yield from connection.execute(
            sa.select(
                ARTIFACT_VERSIONS.c.run_id,
                ARTIFACT_VERSIONS.c.name,
                ARTIFACT_VERSIONS.c.version,
                ARTIFACT_VERSIONS.c.created_us,
                ARTIFACT_VERSIONS.c.reference,
            ).where(key.in_(some), ARTIFACT_VERSIONS.c.deleted_us.is_(None))
        )


def _wrote(row: Any) -> Edge:
    return Edge(
        Node("run", row.run_id), _artifact(row), "wrote", run_id=row.run_id, created_us=row.created_us
    )


def _refers(row: Any) -> Edge:
    return Edge(
        _artifact(row),
        Node("file", row.reference),
        "refers",
        run_id=row.run_id,
        created_us=row.created_us,
    )


def _artifact(row: Any) -> Node:
    return Node("artifact", f"{row.run_id}/{row.name}@v{row.version}")


def _parts(identifier: str) -> tuple[str, str, int] | None:
    """Run, name and version of an artifact's id."""
    run, slash, rest = identifier.partition("/")
    name, at, version = rest.rpartition("@v")
    if not (slash and at and is_id(run) and version.isascii() and version.isdigit() and len(version) < 10):
        return None
    return run, name, int(version)
