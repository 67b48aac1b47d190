"""The records of artifacts: their versions, what shows, what is deleted.

``artifact_versions`` has every version that was ever logged, ``artifacts`` the one of each name that shows.
A number is given when the version is drained and never again; of two writers' versions the younger by its own
time shows, in whichever order they were drained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.core.errors import NotFound, hint_of, near_names
from nbproof.core.ids import short
from nbproof.core.operation import Page
from nbproof.storage.tables import dump_json
from nbproof.tracking.artifacts import split_version
from nbproof.tracking.models import Artifact
from nbproof.tracking.repository.cursors import opened, sealed
from nbproof.tracking.repository.stored import ARTIFACT_VERSIONS, ARTIFACTS, RUNS, clean, portions
from nbproof.tracking.repository.views import artifact_of, instant

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.database import Database

__all__ = ["MOST_VERSIONS", "ArtifactChange", "ArtifactRecords", "artifact_change", "write_artifacts"]

_SHOWN = (
    "run_id", "name", "size_bytes", "media_type", "hash", "location", "created_us", "version", "kind", "step",
    "metadata", "reference",
)  # fmt: skip
_VERSION = (*_SHOWN, "preview")
_SERIES = 500  # histograms in one preview
MOST_VERSIONS = 1_000_000_000  # far from where the column ends
# Two versions are one if these are equal.
_SAME = ("size_bytes", "media_type", "hash", "kind", "step", "metadata", "reference")


Put = Callable[..., None]


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """What one event says: a version that was logged (`kept`), or what was deleted (None).

    `version` is the one that is deleted (None: all), or the least number that a logged one gets.
    """

    run_id: str
    name: str
    time_us: int
    kept: dict[str, Any] | None
    version: int | None = None


def artifact_change(event: Mapping[str, Any], run_id: str, time_us: int) -> ArtifactChange:
    """Read an event; `KeyError`, `TypeError` or `ValueError` for what cannot be understood."""
    name = clean(event["name"])
    if event["kind"] == "artifact.delete":
        version = event.get("version")
        return ArtifactChange(run_id, name, time_us, None, None if version is None else int(version))
    # `type` because `kind` is the event's own; all but the first five may be missing.
    step = event.get("step")
    location = clean(event["location"])
    kept = {
        "size_bytes": int(event["size"]),
        "media_type": clean(event["media_type"]),
        # Who sends from an older nbproof tells a hash of another kind; the content's own is in its location.
        "hash": location[3:] if location.startswith("b3/") else clean(event["hash"]),
        "location": location,
        "created_us": time_us,
        "kind": clean(event.get("type")),
        "step": None if step is None else int(step),
        "metadata": _json(event.get("metadata")),
        "reference": clean(event.get("reference")),
        "preview": _json(event.get("preview")),
    }
    # Who brings versions from another workspace says their numbers, so that references to them stay true.
    number = event.get("version")
    if number is not None and not 0 < int(number) <= MOST_VERSIONS:
        raise ValueError(f"no version has the number {number}")
    return ArtifactChange(run_id, name, time_us, kept, None if number is None else int(number))


def _json(value: Any) -> str | None:
    return None if value is None else dump_json(value)


def write_artifacts(connection: Connection, changes: Sequence[ArtifactChange], put: Put) -> None:
    """Bring changes into the tables, in order; `put` writes rows by the driver."""
    if not changes:
        return
    ledger = _Ledger(connection, changes)
    for change in changes:
        if change.kept is not None:
            ledger.keep(change.run_id, change.name, change.kept, change.version)
        else:
            ledger.write(put)
            ledger.delete(change)
    ledger.write(put)


@dataclass(frozen=True, slots=True)
class KeptArtifact:
    """A version of an artifact, and where its content is."""

    run_id: str
    run_name: str
    name: str
    version: int
    location: str

    def __str__(self) -> str:
        return f"{self.name}@v{self.version} of run {self.run_name} ({short(self.run_id)})"


class _Ledger:
    """What shows of each name that changes, and the numbers given so far."""

    def __init__(self, connection: Connection, changes: Sequence[ArtifactChange]) -> None:
        self._connection = connection
        self._shown: dict[tuple[str, str], dict[str, Any]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._new: list[tuple[Any, ...]] = []
        self._changed: set[tuple[str, str]] = set()
        names: dict[str, set[str]] = {}
        for change in changes:
            names.setdefault(change.run_id, set()).add(change.name)
        for run_id in sorted(names):
            for some in portions(sorted(names[run_id])):
                self._read(run_id, some)

    def _read(self, run_id: str, names: Sequence[str]) -> None:
        a, v = ARTIFACTS.c, ARTIFACT_VERSIONS.c
        # The metadata is compared as it is written.
        columns = [
            sa.type_coerce(each, sa.Text).label("metadata") if each.name == "metadata" else each
            for each in ARTIFACTS.columns
        ]
        shown = sa.select(*columns).where(a.run_id == run_id, a.name.in_(names))
        for row in self._connection.execute(shown).mappings():
            self._shown[run_id, row["name"]] = dict(row)
            self._numbers[run_id, row["name"]] = row["version"]
        numbers = (
            sa.select(v.name, sa.func.max(v.version))
            .where(v.run_id == run_id, v.name.in_(names))
            .group_by(v.name)
        )
        for name, number in self._connection.execute(numbers):
            self._numbers[run_id, name] = max(self._numbers.get((run_id, name), 0), number)

    def keep(self, run_id: str, name: str, kept: Mapping[str, Any], least: int | None) -> None:
        key = run_id, name
        shown = self._shown.get(key)
        if least is None and shown is not None and all(shown[each] == kept[each] for each in _SAME):
            return  # a cell that was run again
        version = self._numbers[key] = max(self._numbers.get(key, 0) + 1, least or 1)
        row = {**kept, "run_id": run_id, "name": name, "version": version}
        self._new.append(tuple(row[each] for each in _VERSION))
        if shown is None or kept["created_us"] >= shown["created_us"]:
            self._shown[key] = row
            self._changed.add(key)

    def write(self, put: Put) -> None:
        put(self._connection, ARTIFACT_VERSIONS, self._new, columns=_VERSION)
        rows = [tuple(self._shown[key][each] for each in _SHOWN) for key in sorted(self._changed)]
        put(self._connection, ARTIFACTS, rows, columns=_SHOWN)
        self._new, self._changed = [], set()

    def delete(self, change: ArtifactChange) -> None:
        """Mark what there was at the time as deleted; what is left of the name shows."""
        key, v, a = (change.run_id, change.name), ARTIFACT_VERSIONS.c, ARTIFACTS.c
        of_name = sa.and_(v.run_id == change.run_id, v.name == change.name, v.deleted_us.is_(None))
        which = v.created_us <= change.time_us if change.version is None else v.version == change.version
        self._connection.execute(
            sa.update(ARTIFACT_VERSIONS).where(of_name, which).values(deleted_us=change.time_us)
        )
        left = (
            self._connection.execute(
                sa.select(*(v[each] for each in _SHOWN))
                .where(of_name)
                .order_by(v.created_us.desc(), v.version.desc())
                .limit(1)
            )
            .mappings()
            .first()
        )
        self._shown.pop(key, None)
        if left is None:
            self._connection.execute(
                sa.delete(ARTIFACTS).where(a.run_id == change.run_id, a.name == change.name)
            )
            return
        written = _json(left["metadata"])
        self._connection.execute(
            sa.update(ARTIFACTS).where(a.run_id == change.run_id, a.name == change.name).values(**left)
        )
        self._shown[key] = {**left, "metadata": written}


class ArtifactRecords:
    """Reads artifacts of one run after the other.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, run_id: str, reference: str) -> Artifact:
        """The artifact of a name, or of ``name@v2`` or ``name@latest``; raises `NotFound` with near names."""
        a, v = ARTIFACTS.c, ARTIFACT_VERSIONS.c
        name, version = split_version(reference)
        with self._database.connect() as connection:
            whole = connection.execute(
                sa.select(ARTIFACTS).where(a.run_id == run_id, a.name == clean(reference))
            )
            row = whole.mappings().first()
            if row is None and name != reference:
                if version is None:
                    statement = sa.select(ARTIFACTS).where(a.run_id == run_id, a.name == clean(name))
                else:
                    statement = sa.select(ARTIFACT_VERSIONS).where(
                        v.run_id == run_id, v.name == clean(name), v.version == version
                    )
                row = connection.execute(statement).mappings().first()
            if row is not None:
                if row.get("deleted_us") is not None:
                    raise NotFound(
                        f"version {version} of {name!r} was deleted at "
                        f"{instant(row['deleted_us']).isoformat()}",
                        details={"deleted": instant(row["deleted_us"]).isoformat()},
                    )
                return artifact_of(row)
            raise self._unknown(connection, run_id, reference, name)

    def _unknown(self, connection: Connection, run_id: str, reference: str, name: str) -> NotFound:
        a, v = ARTIFACTS.c, ARTIFACT_VERSIONS.c
        versions = connection.execute(
            sa.select(v.version)
            .where(v.run_id == run_id, v.name == clean(name), v.deleted_us.is_(None))
            .order_by(v.version)
        ).scalars()
        if name != reference and (there := [f"v{each}" for each in versions]):
            shown = ", ".join(there if len(there) <= 10 else [*there[:4], "...", *there[-4:]])
            hint = f"there are {shown}" if len(there) > 1 else f"there is {shown}"
            return NotFound(f"artifact {name!r} has no such version: {reference!r}", hint=hint)
        known = connection.execute(sa.select(a.name).where(a.run_id == run_id).limit(2000)).scalars().all()
        near = near_names(reference, known)
        return NotFound(
            f"the run {short(run_id)} has no artifact {reference!r}",
            hint=hint_of(near, known, "it has"),
            details={"near": near},
        )

    def page(
        self,
        run_id: str,
        *,
        folder: str | None = None,
        prefix: str = "",
        versions: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[Artifact]:
        """Artifacts by name; see `ExperimentTracker.list_artifacts`."""
        if folder is not None:
            return self._folder(run_id, folder.strip("/"), limit, after)
        table = ARTIFACT_VERSIONS if versions else ARTIFACTS
        c = table.c
        statement = (
            sa.select(table)
            .where(c.run_id == run_id, *_begins(c.name, clean(prefix)))
            .order_by(c.name, c.version)
            .limit(limit + 1)
        )
        if versions:
            statement = statement.where(c.deleted_us.is_(None))
        if after is not None:
            name, version = opened(after, str, int)
            statement = statement.where(sa.or_(c.name > name, sa.and_(c.name == name, c.version > version)))
        with self._database.connect() as connection:
            found = [artifact_of(row) for row in connection.execute(statement).mappings()]
        last = found[limit - 1] if len(found) > limit else None
        return Page[Artifact].model_construct(
            items=found[:limit], next=sealed([last.name, last.version]) if last else None
        )

    def _folder(self, run_id: str, folder: str, limit: int, after: str | None) -> Page[Artifact]:
        """What is directly in a folder: files, and folders with the size of all below them."""
        start = f"{clean(folder)}/" if folder else ""
        a = ARTIFACTS.c
        statement = sa.select(ARTIFACTS).where(a.run_id == run_id, *_begins(a.name, start)).order_by(a.name)
        entries: dict[str, Artifact] = {}
        below: dict[str, list[Any]] = {}
        with self._database.connect() as connection:
            for row in connection.execute(statement).mappings():
                head, slash, _ = row["name"][len(start) :].partition("/")
                if not slash:
                    entries[row["name"]] = artifact_of(row)
                    continue
                counted = below.setdefault(f"{start}{head}/", [0, 0, 0])
                counted[0] += 1
                counted[1] += row["size_bytes"]
                counted[2] = max(counted[2], row["created_us"])
        for name, (files, size, created_us) in below.items():
            entries[name] = Artifact.model_construct(
                name=name,
                version=1,
                kind="folder",
                size_bytes=size,
                media_type="inode/directory",
                hash="",
                created=instant(created_us),
                metadata={"files": files},
            )
        if not entries and folder:
            raise NotFound(
                f"the run {short(run_id)} has no artifacts in a folder {folder!r}",
                hint="the folders at the top: list with folder=''",
            )
        names = sorted(entries)
        if after is not None:
            [passed] = opened(after, str)
            names = [name for name in names if name > passed]
        following = sealed([names[limit - 1]]) if len(names) > limit else None
        return Page[Artifact].model_construct(items=[entries[name] for name in names[:limit]], next=following)

    def told(self, run_id: str, artifact: Artifact) -> tuple[Any, list[tuple[Artifact, Any]]]:
        """What was told of a version when it was logged; of a histogram, of its other versions, too."""
        v = ARTIFACT_VERSIONS.c
        of_name = sa.select(ARTIFACT_VERSIONS).where(
            v.run_id == run_id, v.name == artifact.name, v.deleted_us.is_(None)
        )
        series = artifact.kind == "histogram"
        statement = of_name.order_by(v.version) if series else of_name.where(v.version == artifact.version)
        with self._database.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        own = next((row["preview"] for row in rows if row["version"] == artifact.version), None)
        if not series:
            return own, []
        if len(rows) > _SERIES:
            # Evenly, with both ends: a series is looked at as a whole.
            rows = [rows[round(place * (len(rows) - 1) / (_SERIES - 1))] for place in range(_SERIES)]
        return own, [(artifact_of(row), row["preview"]) for row in rows]

    def kept(self, locations: Iterable[str] | None = None) -> list[KeptArtifact]:
        """The artifacts of all runs, those in the trash too, with content here, or with content there."""
        found: dict[tuple[str, str, int], KeptArtifact] = {}
        with self._database.connect() as connection:
            for table in (ARTIFACTS, ARTIFACT_VERSIONS):  # an earlier nbproof wrote no versions
                c = table.c
                statement = sa.select(c.run_id, RUNS.c.name, c.name, c.version, c.location).join_from(
                    table, RUNS, RUNS.c.id == c.run_id
                )
                if "deleted_us" in c:
                    statement = statement.where(c.deleted_us.is_(None))
                wanted = [None] if locations is None else list(portions(sorted(set(locations))))
                for some in wanted:
                    part = c.location != "" if some is None else c.location.in_(some)
                    for row in connection.execute(statement.where(part)):
                        found[row[0], row[2], row[3]] = KeptArtifact(*row)
        return sorted(found.values(), key=lambda each: (each.run_id, each.name, each.version))

    def all_of(self, run_id: str) -> list[tuple[Artifact, Any, bool]]:
        """Every version, what was told of it when it was logged, and whether it was deleted."""
        v = ARTIFACT_VERSIONS.c
        statement = sa.select(ARTIFACT_VERSIONS).where(v.run_id == run_id).order_by(v.name, v.version)
        with self._database.connect() as connection:
            return [
                (artifact_of(row), row["preview"], row["deleted_us"] is not None)
                for row in connection.execute(statement).mappings()
            ]


def _begins(column: Any, prefix: str) -> list[Any]:
    """Names that begin so; by code point and by case, which LIKE does not do on every database."""
    if not prefix:
        return []
    return [column >= prefix, sa.func.substr(column, 1, len(prefix)) == prefix]
