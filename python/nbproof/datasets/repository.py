"""The records of datasets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nbproof.core.errors import Conflict, NotFound, hint_of, near_names
from nbproof.core.ids import new_id
from nbproof.datasets.domain import NewVersion, Slab, VersionRecord
from nbproof.datasets.naming import Reference, parsed
from nbproof.datasets.tables import (
    DatasetAliasRow,
    DatasetRow,
    DatasetSlabRow,
    DatasetVersionRow,
    DriftReportRow,
)
from nbproof.storage.content.index import batched
from nbproof.storage.database import Database
from nbproof.storage.tables import table_of

__all__ = ["DatasetRepository", "DriftReportRepository"]

_DATASETS, _VERSIONS = table_of(DatasetRow), table_of(DatasetVersionRow)
_ALIASES, _SLABS = table_of(DatasetAliasRow), table_of(DatasetSlabRow)
_REPORTS = table_of(DriftReportRow)
_LIVE = _VERSIONS.c.deleted_us.is_(None)
_SLAB = tuple(each.name for each in fields(Slab))
_TOGETHER = 500
_MANY = 20


class DatasetRepository:
    """Datasets as recorded.

    Laws: safe from any thread and beside other processes; numbers of versions are given once.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- versions --------------------------------------------------------------------------------------

    def latest(self, name: str) -> VersionRecord | None:
        """The latest version of a dataset; None where there is none."""
        with self.database.connect() as connection:
            return self._newest(connection, _DATASETS.c.name == name)

    def resolve(self, reference: str) -> VersionRecord:
        """The version that a text names.

        Raises
        ------
        NotFound
            With the nearest names.
        Conflict
            Several digests begin so.
        Invalid
            It names nothing that could be.
        """
        asked = parsed(reference)
        with self.database.connect() as connection:
            return self._with_aliases(connection, [self._resolved(connection, reference, asked)])[0]

    def versions(
        self, name: str, *, limit: int, before: int | None = None, fields: bool = True
    ) -> list[VersionRecord]:
        """Versions of a dataset, latest first, below a number; without their columns if nobody asks."""
        with self.database.connect() as connection:
            wanted = [_DATASETS.c.name == name]
            if before is not None:
                wanted.append(_VERSIONS.c.version < before)
            rows = connection.execute(
                _selected(*wanted, fields=fields).order_by(_VERSIONS.c.version.desc()).limit(limit)
            ).mappings()
            found = [_record(row) for row in rows]
            if not found and before is None:
                raise self._missing(connection, name, Reference(name))
            return self._with_aliases(connection, found)

    def ever(self, name: str, version: int | None = None) -> list[VersionRecord]:
        """The versions that a dataset has had, deleted ones included, or the one of a number."""
        wanted = [_DATASETS.c.name == name]
        if version is not None:
            wanted.append(_VERSIONS.c.version == version)
        with self.database.connect() as connection:
            rows = connection.execute(_chosen().where(*wanted).order_by(_VERSIONS.c.version)).mappings()
            return [_record(row) for row in rows]

    def add(self, connection: Connection, name: str, new: NewVersion, *, now_us: int) -> VersionRecord:
        """Record a version, in the transaction that enters its content."""
        dataset = self._dataset(connection, name, now_us)
        number = connection.execute(
            sa.update(_DATASETS)
            .where(_DATASETS.c.id == dataset)
            .values(last_version=_DATASETS.c.last_version + 1)
            .returning(_DATASETS.c.last_version)
        ).scalar_one()
        identifier = new_id(now_us // 1000)
        values: dict[str, Any] = asdict(new)
        values["tags"] = dict(new.tags) if new.tags else None
        connection.execute(
            sa.insert(_VERSIONS),
            [{"id": identifier, "dataset_id": dataset, "version": number, "created_us": now_us, **values}],
        )
        found = self._newest(connection, _VERSIONS.c.id == identifier)
        assert found is not None
        return found

    def update(
        self, record: VersionRecord, *, description: str | None, tags: Mapping[str, str] | None
    ) -> VersionRecord:
        """Change what is said of a version; an empty tag goes."""
        with self.database.begin() as connection:
            values: dict[str, Any] = {}
            if description is not None:
                values["description"] = description or None
            if tags:
                now = connection.execute(
                    sa.select(_VERSIONS.c.tags).where(_VERSIONS.c.id == record.id)
                ).scalar()
                merged = {**(now or {}), **tags}
                values["tags"] = {key: value for key, value in merged.items() if value} or None
            if values:
                connection.execute(sa.update(_VERSIONS).where(_VERSIONS.c.id == record.id).values(values))
            found = self._newest(connection, _VERSIONS.c.id == record.id)
            assert found is not None
            return self._with_aliases(connection, [found])[0]

    def remove_alias(self, record: VersionRecord, alias: str) -> bool:
        """Take an alias away from a version; whether it had it."""
        with self.database.begin() as connection:
            gone = connection.execute(
                sa.delete(_ALIASES).where(_ALIASES.c.version_id == record.id, _ALIASES.c.name == alias)
            )
            return bool(gone.rowcount)

    def set_reference(self, record: VersionRecord, reference: Mapping[str, Any]) -> None:
        """Say where the content of a version by reference is now, and by what it is known again."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(_VERSIONS).where(_VERSIONS.c.id == record.id).values(reference=dict(reference))
            )

    def set_alias(self, record: VersionRecord, alias: str, *, now_us: int) -> None:
        """Point an alias at a version, taking it from the one that had it."""
        with self.database.begin() as connection:
            adding = _insert(connection, _ALIASES).values(
                dataset_id=record.dataset_id, name=alias, version_id=record.id, set_us=now_us
            )
            connection.execute(
                adding.on_conflict_do_update(
                    index_elements=["dataset_id", "name"],
                    set_={"version_id": adding.excluded.version_id, "set_us": adding.excluded.set_us},
                )
            )

    def delete(self, records: Sequence[VersionRecord], *, now_us: int, forget: bool = False) -> None:
        """Delete versions; with `forget` what they hold is no longer referred to at once."""
        with self.database.begin() as connection:
            ids = [each.id for each in records]
            values: dict[str, Any] = {"deleted_us": now_us}
            if forget:
                # What was learned from the content goes with it.
                values = {
                    "manifest": None, "profile": None, "fields": None, "reference": None,
                    "forgotten_us": now_us,
                }  # fmt: skip
            connection.execute(sa.update(_VERSIONS).where(_VERSIONS.c.id.in_(ids)).values(values))
            if forget:
                connection.execute(
                    sa.delete(_REPORTS).where(
                        sa.or_(_REPORTS.c.reference_id.in_(ids), _REPORTS.c.current_id.in_(ids))
                    )
                )
            else:
                connection.execute(sa.delete(_ALIASES).where(_ALIASES.c.version_id.in_(ids)))

    # -- datasets --------------------------------------------------------------------------------------

    def datasets(
        self, *, query: str | None, limit: int, after: str | None, name: str | None = None
    ) -> list[dict[str, Any]]:
        """Datasets by name, with what their versions are together."""
        totals = (
            sa.select(
                _VERSIONS.c.dataset_id,
                sa.func.count().label("versions"),
                sa.func.max(_VERSIONS.c.version).label("latest"),
                sa.func.sum(_VERSIONS.c.new_bytes).label("stored_bytes"),
                sa.func.max(_VERSIONS.c.created_us).label("updated_us"),
            )
            .where(_LIVE)
            .group_by(_VERSIONS.c.dataset_id)
            .subquery()
        )
        newest = _VERSIONS.alias("newest")
        statement = (
            sa.select(
                _DATASETS.c.id, _DATASETS.c.name, _DATASETS.c.description, _DATASETS.c.contract,
                _DATASETS.c.created_us, totals.c.versions, totals.c.latest, totals.c.stored_bytes,
                totals.c.updated_us, newest.c.kind, newest.c.rows, newest.c.columns, newest.c.files,
                newest.c.size_bytes,
            )
            .join_from(_DATASETS, totals, totals.c.dataset_id == _DATASETS.c.id)
            .join(newest, sa.and_(newest.c.dataset_id == _DATASETS.c.id, newest.c.version == totals.c.latest))
            .order_by(_DATASETS.c.name)
            .limit(limit)
        )  # fmt: skip
        if query:
            word = f"%{query.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
            statement = statement.where(
                sa.or_(
                    _DATASETS.c.name.ilike(word, escape="!"), _DATASETS.c.description.ilike(word, escape="!")
                )
            )
        if after is not None:
            statement = statement.where(_DATASETS.c.name > after)
        if name is not None:
            statement = statement.where(_DATASETS.c.name == name)
        with self.database.connect() as connection:
            found = [dict(row) for row in connection.execute(statement).mappings()]
            aliases: dict[str, dict[str, int]] = defaultdict(dict)
            rows = connection.execute(
                sa.select(_ALIASES.c.dataset_id, _ALIASES.c.name, _VERSIONS.c.version)
                .join(_VERSIONS, _VERSIONS.c.id == _ALIASES.c.version_id)
                .where(_ALIASES.c.dataset_id.in_([each["id"] for each in found]))
            )
            for dataset, alias, version in rows:
                aliases[dataset][alias] = version
        for each in found:
            each["aliases"] = aliases.get(each["id"], {})
        return found

    def active_since(self, since_us: int) -> list[tuple[str, int]]:
        """Ids of datasets that got or lost a version or an alias at or after an instant, with when."""
        times = [
            sa.select(owner.label("dataset_id"), when.label("when_us")).where(when >= since_us)
            for owner, when in (
                (_VERSIONS.c.dataset_id, _VERSIONS.c.created_us),
                (_VERSIONS.c.dataset_id, _VERSIONS.c.deleted_us),
                (_ALIASES.c.dataset_id, _ALIASES.c.set_us),
            )
        ]
        every = sa.union_all(*times).subquery()
        statement = sa.select(every.c.dataset_id, sa.func.max(every.c.when_us)).group_by(every.c.dataset_id)
        with self.database.connect() as connection:
            return [(dataset, when) for dataset, when in connection.execute(statement)]

    def contract(self, name: str) -> dict[str, Any] | None:
        """What the versions of a dataset have to keep to."""
        with self.database.connect() as connection:
            found = connection.execute(
                sa.select(_DATASETS.c.contract).where(_DATASETS.c.name == name)
            ).scalar()
        return found

    def known(self, name: str) -> bool:
        """Whether there is a dataset of that name, with versions or without."""
        with self.database.connect() as connection:
            return self._has(connection, name)

    def set_contract(self, name: str, contract: Mapping[str, Any] | None, *, now_us: int) -> None:
        """Say what the versions of a dataset, which is made where it is missing, have to keep to."""
        with self.database.begin() as connection:
            dataset = self._dataset(connection, name, now_us)
            connection.execute(
                sa.update(_DATASETS).where(_DATASETS.c.id == dataset).values(contract=contract)
            )

    # -- for the search of runs ------------------------------------------------------------------------

    def names(self, connection: Connection) -> list[str]:
        """The names of all datasets."""
        return list(connection.execute(sa.select(_DATASETS.c.name).order_by(_DATASETS.c.name)).scalars())

    def ids_of(self, connection: Connection, names: Sequence[str] | None) -> list[str]:
        """The versions that datasets have ever had, or those that all have had; deleted ones included."""
        if names is None:
            return list(connection.execute(sa.select(_VERSIONS.c.id)).scalars())
        ids = sa.select(_VERSIONS.c.id).join(_DATASETS, _VERSIONS.c.dataset_id == _DATASETS.c.id)
        return [
            id
            for some in batched(names, _TOGETHER)
            for id in connection.execute(ids.where(_DATASETS.c.name.in_(some))).scalars()
        ]

    def ids_meant(self, connection: Connection, reference: str) -> list[str]:
        """The versions that somebody means, deleted ones included: of a bare name all of them.

        Raises
        ------
        NotFound
            With the nearest names.
        Conflict
            Several digests begin so.
        Invalid
            It names nothing that could be.
        """
        asked = parsed(reference)
        of_name = _DATASETS.c.name == asked.name
        if asked.alias is not None or asked.before_us is not None or reference.endswith("@latest"):
            return [self._resolved(connection, reference, asked).id]
        ids = sa.select(_VERSIONS.c.id).join(_DATASETS, _VERSIONS.c.dataset_id == _DATASETS.c.id)
        if asked.version is not None:
            ids = ids.where(_VERSIONS.c.version == asked.version)
        found = list(connection.execute(ids.where(of_name)).scalars())
        if not found and asked.digest is not None:
            # The same content may be several versions'.
            digest = self._resolved(connection, reference, asked)
            if digest.id.endswith(asked.digest) and not digest.digest.startswith(asked.digest):
                return [digest.id]
            same = sa.select(_VERSIONS.c.id).where(_VERSIONS.c.digest == digest.digest)
            return list(connection.execute(same).scalars())
        if not found and (asked.version is not None or not self._has(connection, asked.name)):
            raise self._missing(connection, reference, asked)
        return found

    def names_of(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        """What versions are called, such as ``sales@v3``, by id; deleted ones included."""
        columns = (_VERSIONS.c.id, _DATASETS.c.name, _VERSIONS.c.version)
        versions = sa.select(*columns).join(_DATASETS, _VERSIONS.c.dataset_id == _DATASETS.c.id)
        return {
            id: f"{name}@v{version}"
            for some in batched(ids, _TOGETHER)
            for id, name, version in connection.execute(versions.where(_VERSIONS.c.id.in_(some)))
        }

    def references(self, connection: Connection, written: str) -> list[tuple[str, str]]:
        """How versions may be named by somebody who has written so much, each with a word about it."""
        name, at, _ = written.rpartition("@")
        if not at:
            latest = sa.select(_DATASETS.c.name, sa.func.max(_VERSIONS.c.version)).join(
                _VERSIONS, sa.and_(_VERSIONS.c.dataset_id == _DATASETS.c.id, _LIVE)
            )
            rows = connection.execute(latest.group_by(_DATASETS.c.name).order_by(_DATASETS.c.name))
            return [(name, f"latest v{version}") for name, version in rows]
        aliases = (
            sa.select(_ALIASES.c.name, _VERSIONS.c.version)
            .join(_VERSIONS, _VERSIONS.c.id == _ALIASES.c.version_id)
            .join(_DATASETS, _DATASETS.c.id == _ALIASES.c.dataset_id)
            .where(_DATASETS.c.name == name)
            .order_by(_ALIASES.c.name)
        )
        versions = (
            sa.select(_VERSIONS.c.version, _VERSIONS.c.description)
            .join(_DATASETS, _DATASETS.c.id == _VERSIONS.c.dataset_id)
            .where(_DATASETS.c.name == name, _LIVE)
            .order_by(_VERSIONS.c.version.desc())
            .limit(_TOGETHER)
        )
        found = [(f"{name}@{alias}", f"v{version}") for alias, version in connection.execute(aliases)]
        for version, description in connection.execute(versions):
            found.append((f"{name}@v{version}", (description or "")[:80]))
        return found

    # -- content ---------------------------------------------------------------------------------------

    def slabs(self, fingerprints: Sequence[bytes]) -> dict[bytes, tuple[str, int]]:
        """Where what was encoded before is, and its size in bytes."""
        found: dict[bytes, tuple[str, int]] = {}
        columns = (_SLABS.c.fingerprint, _SLABS.c.object, _SLABS.c.size_bytes)
        with self.database.connect() as connection:
            for some in batched(fingerprints, _TOGETHER):
                rows = connection.execute(sa.select(*columns).where(_SLABS.c.fingerprint.in_(some))).all()
                found.update((bytes(fingerprint), (place, size)) for fingerprint, place, size in rows)
        return found

    def slab_profiles(self, fingerprints: Sequence[bytes]) -> dict[bytes, bytes]:
        """The profiles of what was encoded before."""
        found: dict[bytes, bytes] = {}
        if not fingerprints:
            return found
        with self.database.connect() as connection:
            for some in batched(fingerprints, _TOGETHER):
                rows = connection.execute(
                    sa.select(_SLABS.c.fingerprint, _SLABS.c.profile).where(_SLABS.c.fingerprint.in_(some))
                )
                found.update((bytes(fingerprint), bytes(profile)) for fingerprint, profile in rows)
        return found

    def add_slabs(self, connection: Connection, slabs: Iterable[Slab]) -> None:
        """Remember what was encoded."""
        values = [{name: getattr(each, name) for name in _SLAB} for each in slabs]
        if values:
            adding = _insert(connection, _SLABS)
            connection.execute(
                adding.on_conflict_do_update(
                    index_elements=["fingerprint"],
                    set_={"object": adding.excluded.object, "profile": adding.excluded.profile},
                ),
                values,
            )

    def manifests(self, deleted_before_us: int) -> Iterator[tuple[str, str]]:
        """Manifest and profile of each version that content is kept for; empty for what it has not."""
        with self.database.connect() as connection:
            rows = connection.execute(
                sa.select(_VERSIONS.c.manifest, _VERSIONS.c.profile).where(
                    _VERSIONS.c.manifest.is_not(None),
                    sa.or_(_LIVE, _VERSIONS.c.deleted_us > deleted_before_us),
                )
            ).all()
        for manifest, profile in rows:
            yield manifest, profile or ""

    def with_ids(self, ids: Sequence[str]) -> list[VersionRecord]:
        """The versions of these ids; unknown and deleted ones are left out."""
        found: list[VersionRecord] = []
        with self.database.connect() as connection:
            for some in batched(ids, _TOGETHER):
                rows = connection.execute(_selected(_VERSIONS.c.id.in_(some))).mappings()
                found += [_record(row) for row in rows]
        return found

    def with_manifest(self, manifests: Iterable[str]) -> list[VersionRecord]:
        """The versions that have any of these manifests."""
        found: list[VersionRecord] = []
        with self.database.connect() as connection:
            for some in batched(manifests, _TOGETHER):
                rows = connection.execute(_selected(_VERSIONS.c.manifest.in_(some))).mappings()
                found += [_record(row) for row in rows]
        return found

    def forget_slabs(self, live: set[str]) -> None:
        """Forget what was encoded, but what is in objects that stay."""
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(_SLABS.c.fingerprint, _SLABS.c.object)).all()
            gone = [fingerprint for fingerprint, place in rows if place not in live]
            for some in batched(gone, _TOGETHER):
                connection.execute(sa.delete(_SLABS).where(_SLABS.c.fingerprint.in_(some)))

    # -- inside ----------------------------------------------------------------------------------------

    def _dataset(self, connection: Connection, name: str, now_us: int) -> str:
        connection.execute(
            _insert(connection, _DATASETS)
            .values(id=new_id(now_us // 1000), name=name, created_us=now_us, last_version=0)
            .on_conflict_do_nothing(index_elements=["name"])
        )
        found: str = connection.execute(
            sa.select(_DATASETS.c.id).where(_DATASETS.c.name == name)
        ).scalar_one()
        return found

    def _has(self, connection: Connection, name: str) -> bool:
        found = connection.execute(sa.select(_DATASETS.c.id).where(_DATASETS.c.name == name)).first()
        return found is not None

    def _resolved(self, connection: Connection, reference: str, asked: Reference) -> VersionRecord:
        of_name = _DATASETS.c.name == asked.name
        if asked.version is not None:
            found = self._newest(connection, of_name, _VERSIONS.c.version == asked.version)
        elif asked.alias is not None:
            named = sa.select(_ALIASES.c.version_id).where(
                _ALIASES.c.dataset_id == _VERSIONS.c.dataset_id, _ALIASES.c.name == asked.alias
            )
            found = self._newest(connection, of_name, _VERSIONS.c.id.in_(named))
        elif asked.before_us is not None:
            found = self._newest(connection, of_name, _VERSIONS.c.created_us < asked.before_us)
        else:
            found = self._newest(connection, of_name) or self._by_digest(connection, asked)
        if found is None:
            raise self._missing(connection, reference, asked)
        return found

    def _newest(self, connection: Connection, *wanted: Any) -> VersionRecord | None:
        statement = _selected(*wanted).order_by(_VERSIONS.c.version.desc()).limit(1)
        row = connection.execute(statement).mappings().first()
        return None if row is None else _record(row)

    def _by_digest(self, connection: Connection, asked: Reference) -> VersionRecord | None:
        if asked.digest is None:
            return None
        rows = connection.execute(
            _selected(
                sa.or_(
                    _VERSIONS.c.digest.startswith(asked.digest),
                    _VERSIONS.c.id == asked.digest,
                    _VERSIONS.c.id.endswith(asked.digest) if len(asked.digest) == 6 else sa.false(),
                )
            )
            .order_by(_VERSIONS.c.created_us.desc())
            .limit(_MANY)
        ).mappings()
        found = [_record(row) for row in rows]
        if len({each.digest for each in found}) > 1:
            raise Conflict(
                f"{asked.name!r} begins several digests",
                hint="give more digits",
                details={"candidates": [f"{each.dataset}@v{each.version}" for each in found]},
            )
        return found[0] if found else None

    def _with_aliases(self, connection: Connection, found: list[VersionRecord]) -> list[VersionRecord]:
        aliases: dict[str, list[str]] = defaultdict(list)
        for some in batched([each.id for each in found], _TOGETHER):
            rows = connection.execute(
                sa.select(_ALIASES.c.version_id, _ALIASES.c.name)
                .where(_ALIASES.c.version_id.in_(some))
                .order_by(_ALIASES.c.name)
            )
            for version, name in rows:
                aliases[version].append(name)
        return [replace(each, aliases=tuple(aliases.get(each.id, ()))) for each in found]

    def no_dataset(self, name: str) -> NotFound:
        """What says that there is no such dataset, and which name is nearest."""
        with self.database.connect() as connection:
            return self._no_dataset(connection, name, name)

    def _no_dataset(self, connection: Connection, name: str, reference: str) -> NotFound:
        held = sa.select(_VERSIONS.c.dataset_id).where(_LIVE)
        names = list(
            connection.execute(sa.select(_DATASETS.c.name).where(_DATASETS.c.id.in_(held))).scalars()
        )
        near = near_names(name, names)
        hint = hint_of(near, names, "there are") or 'register one with register_dataset(frame, "name")'
        return NotFound(f"no dataset {name!r}", hint=hint, details={"near": near, "reference": reference})

    def _missing(self, connection: Connection, reference: str, asked: Reference) -> NotFound:
        newest = self._newest(connection, _DATASETS.c.name == asked.name)
        if newest is None:
            return self._no_dataset(connection, asked.name, reference)
        if asked.alias is not None:
            aliases = list(
                connection.execute(
                    sa.select(_ALIASES.c.name).where(_ALIASES.c.dataset_id == newest.dataset_id)
                ).scalars()
            )
            near = near_names(asked.alias, aliases)
            hint = hint_of(near, aliases, "it has") or f"it has none; its latest version is v{newest.version}"
            return NotFound(f"{asked.name!r} has no alias {asked.alias!r}", hint=hint, details={"near": near})
        if asked.before_us is not None:
            return NotFound(
                f"{asked.name!r} had no version then",
                hint=f"its latest is v{newest.version}: see list_versions",
            )
        return NotFound(
            f"{asked.name!r} has no version v{asked.version}", hint=f"its latest is v{newest.version}"
        )


class DriftReportRepository:
    """Drift reports as recorded.

    Laws: safe from any thread and beside other processes; of two versions there is one report for each way
    of asking, and asked again it keeps its id.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, values: Mapping[str, Any]) -> str:
        """Keep a report, in place of one of the same versions that was asked for in the same way; its id."""
        with self.database.begin() as connection:
            adding = _insert(connection, _REPORTS).values(dict(values))
            changed = ("reference", "current", "severity", "report", "run_id", "created_us")
            statement = adding.on_conflict_do_update(
                index_elements=["reference_id", "current_id", "asked"],
                set_={name: adding.excluded[name] for name in changed},
            ).returning(_REPORTS.c.id)
            found: str = connection.execute(statement).scalar_one()
        return found

    def get(self, reference: str) -> dict[str, Any] | None:
        """The report of an id, or of its last digits; the latest of several."""
        statement = (
            sa.select(_REPORTS)
            .where(_REPORTS.c.id.endswith(reference, autoescape=True))
            .order_by(_REPORTS.c.id.desc())
            .limit(1)
        )
        with self.database.connect() as connection:
            row = connection.execute(statement).mappings().first()
        return None if row is None else dict(row)

    def briefs(self, ids: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """Of reports: id, what was compared with what, and how bad it is."""
        columns = (_REPORTS.c.id, _REPORTS.c.reference, _REPORTS.c.current, _REPORTS.c.severity)
        with self.database.connect() as connection:
            return [
                (id, reference, current, severity)
                for some in batched(ids, _TOGETHER)
                for id, reference, current, severity in connection.execute(
                    sa.select(*columns).where(_REPORTS.c.id.in_(some))
                )
            ]

    def ids_about(self, version_ids: Sequence[str]) -> list[str]:
        """The reports in which any of these versions was compared."""
        with self.database.connect() as connection:
            return [
                id
                for some in batched(version_ids, _TOGETHER)
                for id in connection.execute(
                    sa.select(_REPORTS.c.id).where(
                        sa.or_(_REPORTS.c.reference_id.in_(some), _REPORTS.c.current_id.in_(some))
                    )
                ).scalars()
            ]

    def reports(
        self, *, version_ids: Sequence[str] | None, limit: int, before: str | None
    ) -> list[dict[str, Any]]:
        """Reports, latest first; of some versions only."""
        statement = sa.select(_REPORTS).order_by(_REPORTS.c.id.desc()).limit(limit)
        if version_ids is not None:
            statement = statement.where(
                sa.or_(_REPORTS.c.reference_id.in_(version_ids), _REPORTS.c.current_id.in_(version_ids))
            )
        if before is not None:
            statement = statement.where(_REPORTS.c.id < before)
        with self.database.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]


def _selected(*wanted: Any, fields: bool = True) -> sa.Select[Any]:
    return _chosen(fields=fields).where(_LIVE, *wanted)


def _chosen(*, fields: bool = True) -> sa.Select[Any]:
    columns = [each for each in _VERSIONS.c if each.name in _FIELDS and (fields or each.name != "fields")]
    return sa.select(_DATASETS.c.name.label("dataset"), *columns).join_from(
        _VERSIONS, _DATASETS, _VERSIONS.c.dataset_id == _DATASETS.c.id
    )


_FIELDS = {each.name for each in fields(VersionRecord)} - {"dataset", "aliases"}


def _record(row: Mapping[Any, Any]) -> VersionRecord:
    return VersionRecord(**{"fields": None, **row})


def _insert(connection: Connection, table: sa.Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
