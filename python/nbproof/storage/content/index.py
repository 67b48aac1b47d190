"""Which content is where: the records of all packs, in the database.

It can be made again from the packs.  What is in it is durable: records are added in the transaction that
refers to them, after their pack was made durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nbproof.storage.content.packs import Kind, Record
from nbproof.storage.database import Database
from nbproof.storage.tables import ContentPackRow, ContentRecordRow, table_of

__all__ = ["CONDEMNED", "DAMAGED", "GOOD", "ContentIndex", "Place", "batched"]

GOOD, CONDEMNED, DAMAGED = 0, 1, 2
_TOGETHER = 500  # SQLite allowed 999 parameters once

PACKS, RECORDS = table_of(ContentPackRow), table_of(ContentRecordRow)

_KNOWN = f"SELECT hash, kind FROM {RECORDS.name} WHERE"
_MOVED = ("pack_id", "place", "codec", "stored", "raw")
_ADD = (
    f"INSERT INTO {RECORDS.name} (hash, kind, {', '.join(_MOVED)}, state) VALUES ({{marks}}, {GOOD}) "
    "ON CONFLICT (hash, kind) DO UPDATE SET "
    + "".join(f"{name} = excluded.{name}, " for name in _MOVED)
    + f"state = {GOOD} WHERE {RECORDS.name}.state <> {GOOD}"
)

Place = tuple[str, Record]
"""The pack and where in it."""

T = TypeVar("T")
_KINDS = tuple(Kind)  # an enumeration looks its values up much more slowly


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of a size, the last one shorter."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


class ContentIndex:
    """The tables ``content_packs`` and ``content_records``.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, hashes: Iterable[bytes], kind: Kind, *, any_state: bool = False) -> dict[bytes, Place]:
        """Where those of the hashes are that are here; only what may be shared, unless `any_state`."""
        with self.database.connect() as connection:
            return self.find_in(connection, hashes, kind, any_state=any_state)

    def find_in(
        self, connection: Connection, hashes: Iterable[bytes], kind: Kind, *, any_state: bool = False
    ) -> dict[bytes, Place]:
        """`find` within a transaction."""
        found: dict[bytes, Place] = {}
        for some in batched(dict.fromkeys(hashes), _TOGETHER):
            rows = connection.execute(
                _selected().where(
                    RECORDS.c.kind == int(kind),
                    RECORDS.c.hash.in_(some),
                    *(() if any_state else (RECORDS.c.state == GOOD,)),
                )
            )
            found.update((place[1].hash, place) for place in map(_place, rows))
        return found

    def known(self, hashes: Iterable[bytes], *, any_state: bool = False) -> set[tuple[bytes, Kind]]:
        """Those of the hashes that are here and may be shared, and as what; cheaper than `find`."""
        found: set[tuple[bytes, Kind]] = set()
        if not (hashes := dict.fromkeys(hashes)):
            return found
        with self.database.connect() as connection:
            plain = connection.dialect.name == "sqlite"
            for some in batched(hashes, _TOGETHER):
                if plain:  # asked for each few chunks: to build the statement takes longer than to run it
                    marks = ",".join("?" * len(some))
                    which = "" if any_state else f" AND state = {GOOD}"
                    asked = connection.exec_driver_sql(f"{_KNOWN} hash IN ({marks}){which}", tuple(some))
                else:
                    asked = connection.execute(
                        sa.select(RECORDS.c.hash, RECORDS.c.kind).where(
                            RECORDS.c.hash.in_(some), *(() if any_state else (RECORDS.c.state == GOOD,))
                        )
                    )
                found.update([(bytes(hash), _KINDS[kind]) for hash, kind in asked.all()])
        return found

    def add(self, connection: Connection, records: Mapping[str, Sequence[Record]]) -> None:
        """Take in records of packs, in the transaction that first refers to them.

        What is here already stays where it is, unless it is condemned or damaged.
        """
        insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        # All in one order, packs before records before packs: transactions that add the same wait for each
        # other, and never in a circle.
        ends = {pack: max(each.end for each in found) for pack, found in sorted(records.items()) if found}
        numbers = {pack: self._pack_in(connection, pack, insert) for pack in ends}
        values = [
            (each.hash, int(each.kind), numbers[pack], each.offset, each.codec, each.stored, each.raw)
            for pack in numbers
            for each in records[pack]
        ]
        if not values:
            return
        # Thousands at once: to build their statement takes several times as long as to run it.
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_ADD.format(marks=", ".join([mark] * 7)), sorted(values))
        for pack, end in ends.items():
            connection.execute(
                sa.update(PACKS).where(PACKS.c.id == numbers[pack], PACKS.c.indexed < end).values(indexed=end)
            )

    def indexed(self) -> dict[str, int]:
        """How far each pack is in the index, in bytes."""
        with self.database.connect() as connection:
            rows = connection.execute(sa.select(PACKS.c.name, PACKS.c.indexed))
            return {name: indexed for name, indexed in rows.all()}  # noqa: C416 - dict() of rows has no types

    def indexed_of(self, pack: str) -> int:
        """How far one pack is in the index."""
        with self.database.connect() as connection:
            found = connection.execute(sa.select(PACKS.c.indexed).where(PACKS.c.name == pack)).scalar()
        return found or 0

    def of_pack(self, connection: Connection, pack: str) -> list[Record]:
        """The records that the index has in a pack, in their order there."""
        rows = connection.execute(_selected().where(PACKS.c.name == pack).order_by(RECORDS.c.place))
        return [_place(row)[1] for row in rows]

    def objects(self, connection: Connection) -> Iterator[Place]:
        """Every object that has a list of parts."""
        rows = connection.execute(
            _selected().where(RECORDS.c.kind == int(Kind.OBJECT)).order_by(RECORDS.c.hash)
        )
        return (_place(row) for row in rows.yield_per(10_000))

    def damaged(self, connection: Connection, pack: str | None = None) -> list[tuple[bytes, Kind]]:
        """What was found damaged, in one pack or in all, and was not kept anew since."""
        return self.of_state(connection, DAMAGED, pack)

    def of_state(
        self, connection: Connection, state: int, pack: str | None = None
    ) -> list[tuple[bytes, Kind]]:
        """The records that have a state, in one pack or in all."""
        wanted = sa.select(RECORDS.c.hash, RECORDS.c.kind).where(RECORDS.c.state == state)
        if pack is not None:
            number = sa.select(PACKS.c.id).where(PACKS.c.name == pack).scalar_subquery()
            wanted = wanted.where(RECORDS.c.pack_id == number)
        return [(bytes(hash), Kind(kind)) for hash, kind in connection.execute(wanted)]

    def forget(self, connection: Connection, keys: Iterable[tuple[bytes, Kind]]) -> None:
        """Forget condemned records; one that was kept anew meanwhile stays."""
        for kind, hashes in _by_kind(keys).items():
            for some in batched(hashes, _TOGETHER):
                connection.execute(
                    sa.delete(RECORDS).where(
                        RECORDS.c.kind == int(kind), RECORDS.c.hash.in_(some), RECORDS.c.state == CONDEMNED
                    )
                )

    def forget_pack(self, connection: Connection, pack: str) -> None:
        """Forget a pack and the records in it."""
        number = connection.execute(sa.select(PACKS.c.id).where(PACKS.c.name == pack)).scalar()
        if number is not None:
            connection.execute(sa.delete(RECORDS).where(RECORDS.c.pack_id == number))
            connection.execute(sa.delete(PACKS).where(PACKS.c.id == number))

    def mark(self, connection: Connection, keys: Iterable[tuple[bytes, Kind]], state: int) -> None:
        """Give records a state."""
        for kind, hashes in _by_kind(keys).items():
            for some in batched(hashes, _TOGETHER):
                connection.execute(
                    sa.update(RECORDS)
                    .where(RECORDS.c.kind == int(kind), RECORDS.c.hash.in_(some))
                    .values(state=state)
                )

    def whole(self, connection: Connection, pack: str, size: int) -> None:
        """Say that all of a finished pack is in the index."""
        insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        number = self._pack_in(connection, pack, insert)
        connection.execute(sa.update(PACKS).where(PACKS.c.id == number).values(indexed=size))

    def move(self, connection: Connection, source: str, moved: Mapping[str, Sequence[Record]]) -> bool:
        """Say where the records of a pack are now, of which the others are forgotten with it.

        False, and nothing done, where the pack is not in the index any more.
        """
        insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        old = connection.execute(sa.select(PACKS.c.id).where(PACKS.c.name == source)).scalar()
        if old is None:
            return False
        for pack, records in moved.items():
            if not records:
                continue
            number = self._pack_in(connection, pack, insert)
            connection.execute(
                sa.update(RECORDS)
                .where(
                    RECORDS.c.hash == sa.bindparam("of"),
                    RECORDS.c.kind == sa.bindparam("of_kind"),
                    # What was kept anew meanwhile stays there.
                    RECORDS.c.pack_id == old,
                )
                .values(pack_id=number, place=sa.bindparam("to")),
                [{"of": each.hash, "of_kind": int(each.kind), "to": each.offset} for each in records],
            )
            end = max(each.end for each in records)
            connection.execute(
                sa.update(PACKS).where(PACKS.c.id == number, PACKS.c.indexed < end).values(indexed=end)
            )
        self.forget_pack(connection, source)
        return True

    def totals(self, connection: Connection) -> tuple[int, int, int, int]:
        """Chunks, their bytes unpacked and in the packs, and packs."""
        chunks, raw, stored = connection.execute(
            sa.select(
                sa.func.count(), sa.func.coalesce(sa.func.sum(RECORDS.c.raw), 0),
                sa.func.coalesce(sa.func.sum(RECORDS.c.stored), 0),
            ).where(RECORDS.c.kind == int(Kind.CHUNK))
        ).one()  # fmt: skip
        packs = connection.execute(sa.select(sa.func.count()).select_from(PACKS)).scalar_one()
        return chunks, int(raw), int(stored), packs

    def _pack_in(self, connection: Connection, pack: str, insert: Any) -> int:
        connection.execute(insert(PACKS).values(name=pack).on_conflict_do_nothing(index_elements=["name"]))
        return cast(int, connection.execute(sa.select(PACKS.c.id).where(PACKS.c.name == pack)).scalar_one())


def _by_kind(keys: Iterable[tuple[bytes, Kind]]) -> dict[Kind, list[bytes]]:
    found: dict[Kind, list[bytes]] = {}
    for hash, kind in keys:
        found.setdefault(kind, []).append(hash)
    return found


def _selected() -> sa.Select[Any]:
    return sa.select(
        PACKS.c.name, RECORDS.c.hash, RECORDS.c.kind, RECORDS.c.codec, RECORDS.c.stored,
        RECORDS.c.raw, RECORDS.c.place,
    ).join_from(RECORDS, PACKS, RECORDS.c.pack_id == PACKS.c.id)  # fmt: skip


def _place(row: Any) -> Place:
    pack, hash, kind, codec, stored, raw, place = row
    return pack, Record(bytes(hash), Kind(kind), codec, stored, raw, place)
