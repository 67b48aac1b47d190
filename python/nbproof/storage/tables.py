"""The ground of every table: the declarative base, the column kinds, and the tables of storage itself.

A room keeps its tables in its own ``tables.py``; `all_tables` finds them by that name, so that an empty
workspace gets every room's tables whoever opens it first.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Base",
    "Blob",
    "ContentPackRow",
    "ContentRecordRow",
    "Count",
    "Id",
    "InstantUs",
    "Json",
    "JsonText",
    "MetaRow",
    "Name",
    "Prose",
    "WriterRow",
    "all_tables",
    "dump_json",
    "load_json",
    "portions",
    "table_of",
]

Item = TypeVar("Item")

_SOME = 1000  # ids in one IN list

# Every constraint has a name that can be guessed, so that a migration can drop it on any database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def dump_json(value: object) -> str:
    """Compact JSON in pure ASCII.

    PostgreSQL refuses NUL and lone surrogates in text and in jsonb; escaped they pass, on both databases,
    and come back as they were.  NaN must have been put as ``{"$float": "NaN"}`` before.
    """
    return _encode(value)


_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


def load_json(written: str | None) -> Any:
    """What `dump_json` wrote; None for NULL."""
    return None if written is None else json.loads(written)


class JsonText(TypeDecorator[Any]):
    """JSON kept as text: numbers of any size, keys in order, the same bytes on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return load_json(value)


# Names compare by code point everywhere ("C" on PostgreSQL, BINARY on SQLite): two databases, one order.
_NAME = Text().with_variant(Text(collation="C"), "postgresql")
_ID = String(32).with_variant(String(32, collation="C"), "postgresql")

Id = Annotated[str, mapped_column(_ID)]
Name = Annotated[str, mapped_column(_NAME)]
Prose = Annotated[str, mapped_column(Text)]
InstantUs = Annotated[int, mapped_column(BigInteger)]
Count = Annotated[int, mapped_column(BigInteger, server_default=text("0"))]
Json = Annotated[Any, mapped_column(JsonText)]
Blob = Annotated[bytes, mapped_column(LargeBinary)]


class Base(DeclarativeBase):
    """The declarative base of all tables."""

    metadata = MetaData(naming_convention=NAMING)


class MetaRow(Base):
    """Facts about the workspace: ``series`` and ``version`` of the nbproof that last changed the tables."""

    __tablename__ = "workspace_meta"

    key: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[Prose]


class WriterRow(Base):
    """One process that writes a journal, and how far its journal has been drained."""

    __tablename__ = "writers"

    id: Mapped[Id] = mapped_column(primary_key=True)
    host: Mapped[Prose]
    boot_id: Mapped[Prose]
    pid: Mapped[int] = mapped_column(Integer)
    pid_started: Mapped[Prose]  # as the machine tells it; only compared for equality
    version: Mapped[Prose]
    created_us: Mapped[InstantUs]
    drained: Mapped[Count]  # the highest sequence number that is in the tables
    cursor: Mapped[Json | None]  # where in the files that is: a hint, the sequence decides
    points: Mapped[Count]
    events: Mapped[Count]
    bad: Mapped[Count]  # records whose checksum did not match
    rejected: Mapped[Count]  # records no room would take
    ended_us: Mapped[InstantUs | None]  # found dead, or closed
    seen_us: Mapped[InstantUs | None]  # when a server of its machine last saw it alive


class ContentPackRow(Base):
    """One pack of the content store, and how far its records are in `ContentRecordRow`."""

    __tablename__ = "content_packs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[Id] = mapped_column(unique=True)
    indexed: Mapped[Count]  # bytes from its start


class ContentRecordRow(Base):
    """Where a chunk, or the list of an object's chunks, is in a pack.

    A help that can be made again from the packs.  `state` is 0 for what may be shared; 1 for what garbage
    collection is about to delete, 2 for what was found damaged: whoever puts the same content keeps it anew.
    """

    __tablename__ = "content_records"
    __table_args__ = (
        Index("ix_content_records_pack_id", "pack_id"),
        {"sqlite_with_rowid": False},  # the hash is the key: one tree instead of two
    )

    hash: Mapped[Blob] = mapped_column(primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    pack_id: Mapped[int] = mapped_column(Integer)
    place: Mapped[int] = mapped_column(BigInteger)
    codec: Mapped[int] = mapped_column(SmallInteger)
    stored: Mapped[int] = mapped_column(Integer)
    raw: Mapped[int] = mapped_column(Integer)
    state: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


class MovedObjectRow(Base):
    """Where an object is now that was a file of its own before there was a content store."""

    __tablename__ = "moved_objects"

    place: Mapped[Name] = mapped_column(primary_key=True)  # its old location
    hash: Mapped[Blob]


def table_of(row: type[Base]) -> Table:
    """The table behind a row class, for those who write SQL rather than objects."""
    return row.metadata.tables[row.__tablename__]


def portions(items: Sequence[Item], size: int = _SOME) -> Iterator[Sequence[Item]]:
    """Parts of a list that fit into one ``IN``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def all_tables() -> MetaData:
    """The tables of every room.

    Storage may not import the rooms above it, yet it creates their tables and compares them with the
    migrations; so it looks for files called ``tables.py`` and imports those, late and by name.
    """
    package = Path(__file__).resolve().parent.parent
    for path in sorted(package.glob("*/tables.py")):
        importlib.import_module(f"{package.name}.{path.parent.name}.tables")
    return Base.metadata
