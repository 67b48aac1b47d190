"""A workspace as one file, made while it is in use, and a workspace made of such a file.

The file is a ZIP that any tool opens::

    manifest.json      format, version, when, and of every other entry its size and BLAKE2b-256
    meta.db            the records, as one SQLite file
    nbproof.toml       the settings, without the address of a database
    content/packs/..   packs of the content store, wherever they are kept; unfinished ones in packs/open
    content/objects/.. artifacts of an earlier nbproof that are files of their own yet
    journal/..         what drains have put aside, and journals that this nbproof could not read

Consistent means: all that was acknowledged before the start is in it.  Journals are drained first; then the
records are copied as they are at one moment; then the content, which was kept before a record referred to it.
Meanwhile all content is held: `gc` beside it deletes nothing that the copied records refer to, and moves no
pack.

Records of PostgreSQL are copied row by row, in one transaction that sees one moment, into a SQLite file of
the same tables.  So the file does not need PostgreSQL, and is restored into either: a SQLite file, or an
empty PostgreSQL database.  For very large databases the server's own ``pg_dump`` is faster.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import sqlalchemy as sa

from nbproof._version import __version__
from nbproof.core.clock import datetime_of
from nbproof.core.configuration import SETTINGS_FILE
from nbproof.core.errors import Conflict, Invalid, NotFound, PlatformError, Unavailable
from nbproof.core.listing import facts_html, facts_text, size_text
from nbproof.storage.content.store import ContentStore
from nbproof.storage.content.upkeep import undisturbed
from nbproof.storage.database import Database, current, open_database, series_of
from nbproof.storage.drain import REJECTED
from nbproof.storage.holds import EVERYTHING
from nbproof.storage.journal.reader import read_writer
from nbproof.storage.migrations import HEAD
from nbproof.storage.spool import SpooledObjects
from nbproof.storage.tables import ContentPackRow, MetaRow, all_tables

__all__ = ["FORMAT", "Backup", "Progress", "back_up", "contents_of", "restore"]

FORMAT = 1
Progress = Callable[[str, int, int], object]
"""Told what is being done, and how many bytes of how many are done."""

_PIECE = 1 << 20
_ROWS = 1000
# Of the folder content: what is on its way, what processes tell each other, copies of what is in packs; and
# the packs themselves, which are read through their store.
_NOT_COPIED = (
    "incoming", "leaving", "holds", "intakes", "copies", "packs", "seen-files.jsonl", "swept", "moving.lock"
)  # fmt: skip
_MANIFEST = "manifest.json"
_RECORDS = "meta.db"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds.

    Attributes
    ----------
    path : str
    size_bytes : int
        Of the file.
    files, content_bytes : int
        Entries, and what they take when unpacked.
    created, version : str
        When it was begun, and by which nbproof.
    database : str
        What the records were kept in: ``sqlite`` or ``postgresql``.
    content : str, optional
        The address that packs were kept at, where that is not the workspace's folder.
    missing_packs : int
        The records name so many packs that were lost, or cut off, before: their content is not in it.
    """

    path: str
    size_bytes: int
    files: int
    content_bytes: int
    created: str
    version: str
    database: str
    content: str | None = None
    missing_packs: int = 0

    def __str__(self) -> str:
        return facts_text(self._told())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = self._told()
        return {"text/plain": facts_text(told), "text/html": facts_html(told)}

    def _told(self) -> dict[str, object]:
        told: dict[str, object] = {
            "backup": self.path,
            "size": size_text(self.size_bytes),
            "files": self.files,
            "unpacked": size_text(self.content_bytes),
            "created": self.created,
            "nbproof": self.version,
            "records from": self.database,
        }
        if self.content:
            told["content from"] = f"{self.content}; restored, it is in the workspace's folder"
        if self.missing_packs:
            told["missing"] = f"{self.missing_packs} packs that were lost before: see nbproof datasets verify"
        return told


def back_up(
    folder: Path,
    database: Database,
    target: Path,
    drain: Callable[[], object],
    *,
    now_us: int,
    packs: ContentStore | None = None,
    content: str | None = None,
    progress: Progress | None = None,
) -> Backup:
    """Write a workspace into a new file and read it back.

    Parameters
    ----------
    folder : Path
        The workspace's folder.
    database : Database
        Its records.
    target : Path
        The file to make; nothing is overwritten.
    drain : callable
        Brings every journal into the tables; raises where it can't.
    now_us : int
    packs : ContentStore, optional
        Content of artifacts and datasets.
    content : str, optional
        Its address, where it is not in the folder.
    progress : callable, optional

    Raises
    ------
    Conflict
        There is a file of that name, or the records are of another revision.
    Unavailable
        The disk is full or away; no file is left then.
    """
    target = target.absolute()
    if target.exists():
        raise Conflict(
            f"{str(target)!r} is there already, and a backup overwrites nothing",
            hint="name another file",
            details={"field": "file"},
        )
    if not target.parent.is_dir():
        raise Invalid(f"there is no folder {str(target.parent)!r}", details={"field": "file"})
    state = current(database)
    if state.revision not in (None, HEAD):
        raise Conflict(
            f"the records are of revision {state.revision}, this nbproof copies {HEAD}",
            hint="pip install -U nbproof, or: nbproof db upgrade",
        )
    partial = target.with_name(f"{target.name}.part")
    storage = SpooledObjects(folder / "content")
    with (
        _told(target),
        tempfile.TemporaryDirectory(prefix=".nbproof-", dir=target.parent) as aside,
        storage.holds.held(EVERYTHING),
        contextlib.nullcontext() if packs is None else undisturbed(packs),
    ):
        storage.bring_all_back()
        drain()
        records = Path(aside) / _RECORDS
        _copy_records(database, records, progress)
        try:
            with zipfile.ZipFile(partial, "w", allowZip64=True) as archive:
                _pack(archive, folder, records, storage, database, now_us, progress, packs, content)
            with open(partial, "rb") as written:
                os.fsync(written.fileno())
            report = _verified(partial, progress)
            _name(partial, target)
        finally:
            with suppress(OSError):
                partial.unlink()
    return replace(report, path=str(target))


def restore(
    file: Path,
    root: Path,
    *,
    folder_name: str,
    settle: Callable[[Database], object],
    database: str | None = None,
    progress: Progress | None = None,
) -> Backup:
    """Make a workspace of a backup; nothing is overwritten, and a damaged file makes nothing.

    Parameters
    ----------
    file : Path
    root : Path
        The folder that will hold the workspace's folder.
    folder_name : str
        The name of that.
    settle : callable
        Ends what was live when the backup was made.
    database : str, optional
        The URL of an empty PostgreSQL database that shall hold the records.
    progress : callable, optional

    Raises
    ------
    Conflict
        There is a workspace, the database has records, or the backup was made by a later nbproof.
    Invalid
        The file is no backup, or damaged.
    """
    folder = root.absolute() / folder_name
    if folder.exists():
        raise Conflict(
            f"{str(folder)!r} is there already, and restoring overwrites nothing",
            hint="name another folder: nbproof restore FILE FOLDER",
            details={"field": "folder"},
        )
    report = contents_of(file)
    if database is not None:
        _refuse_full(database)
    with _told(folder):
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{folder_name}.", dir=root) as aside:
            made = Path(aside) / "workspace"
            made.mkdir()
            _unpack(file, made, progress)
            with open_database(made / _RECORDS) as records:
                settle(records)
                _check(records)
                if folder.exists():
                    raise Conflict(f"{str(folder)!r} was made meanwhile")
                if database is None:
                    os.rename(made, folder)
                else:
                    _move_records(records, database, made, folder, progress)
    return report


def _refuse_full(url: str) -> None:
    with open_database(url) as target, target.connect() as connection:
        if target.dialect != "postgresql":
            raise Invalid(
                f"{target.where} is no PostgreSQL database",
                hint="without a database the records are restored into a SQLite file of the workspace",
                details={"field": "database"},
            )
        for table in all_tables().sorted_tables:
            if table.name != MetaRow.__tablename__ and connection.execute(sa.select(table).limit(1)).first():
                raise Conflict(
                    f"{target.where} holds records already ({table.name}), and restoring overwrites nothing",
                    hint="name an empty database",
                    details={"field": "database"},
                )


def _move_records(records: Database, url: str, made: Path, folder: Path, progress: Progress | None) -> None:
    """Bring the records into PostgreSQL, and the folder into its place: both or none."""
    try:
        with open_database(url) as target, target.begin() as writing:
            _copy_rows(records, writing, progress)
            for table in all_tables().sorted_tables:
                for column in table.primary_key.columns:
                    if table.autoincrement_column is column:
                        _go_on_counting(writing, table.name, column.name)
            records.close()
            for each in made.glob(f"{_RECORDS}*"):
                each.unlink()
            os.rename(made, folder)
    except BaseException:
        if folder.exists() and not made.exists():
            os.rename(folder, made)
        raise


def _go_on_counting(connection: sa.Connection, table: str, column: str) -> None:
    connection.exec_driver_sql(
        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max(\"{column}\")) FROM \"{table}\" "
        f"HAVING max(\"{column}\") IS NOT NULL AND pg_get_serial_sequence('{table}', '{column}') IS NOT NULL"
    )


def contents_of(file: Path) -> Backup:
    """What a backup says that it holds; raises `Invalid` for any other file."""
    with _opened(file) as archive:
        return _report(file, _manifest(archive))


# -- making one -----------------------------------------------------------------------------------------


def _copy_records(database: Database, target: Path, progress: Progress | None) -> None:
    if database.path is not None and database.path.exists():
        with (
            closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            # All pages in one step: a step would begin anew whenever somebody writes.
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        return
    with open_database(target) as made:
        if database.dialect == "postgresql":
            with made.begin() as writing:
                _copy_rows(database, writing, progress)
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")


def _copy_rows(source: Database, writing: sa.Connection, progress: Progress | None) -> None:
    done = 0
    if writing.dialect.name == "sqlite":
        writing.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    with source.moment() as reading:
        for table in all_tables().sorted_tables:
            writing.execute(sa.delete(table))
            rows = reading.execution_options(yield_per=_ROWS).execute(sa.select(table))
            for part in rows.mappings().partitions(_ROWS):
                writing.execute(sa.insert(table), [dict(row) for row in part])
                done += len(part)
                if progress is not None:
                    progress(f"{table.name}: {done:,} rows", 0, 0)


def _pack(
    archive: zipfile.ZipFile,
    folder: Path,
    records: Path,
    storage: SpooledObjects,
    database: Database,
    now_us: int,
    progress: Progress | None,
    store: ContentStore | None,
    address: str | None,
) -> None:
    entries: dict[str, dict[str, Any]] = {}
    content = list(_content(folder))
    # One that is finished meanwhile is met twice, and the second time as such.
    packs = {} if store is None else {pack: (size, whole) for pack, size, whole in store.end.packs()}
    total = records.stat().st_size + sum(size for _, _, size in content)
    total += sum(size for size, _ in packs.values())
    done = 0

    def add(name: str, source: IO[bytes], *, packed: bool) -> None:
        nonlocal done
        digest, size = hashlib.blake2b(digest_size=32), 0
        entry = zipfile.ZipInfo(name, datetime_of(now_us).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        with archive.open(entry, "w", force_zip64=True) as written:
            while piece := source.read(_PIECE):
                written.write(piece)
                digest.update(piece)
                size += len(piece)
                done += len(piece)
                if progress is not None:
                    progress("packing", done, max(total, done))
        entries[name] = {"size": size, "blake2b": digest.hexdigest()}

    settings = folder / SETTINGS_FILE
    if settings.is_file():
        text = _without_addresses(settings.read_text(encoding="utf-8"))
        add(SETTINGS_FILE, io.BytesIO(text.encode()), packed=True)
    with open(records, "rb") as file:
        add(_RECORDS, file, packed=True)
    for name, path, _ in content:
        # What nothing refers to may be going, by a `nbproof gc` that had begun before.
        with suppress(FileNotFoundError), open(path, "rb") as file:
            add(name, file, packed=name.startswith("journal/"))
    for pack, (size, whole) in packs.items():
        assert store is not None
        # Of one that grows so much as it had: the records were copied before.
        with suppress(NotFound):
            name = f"content/packs/{'' if whole else 'open/'}{pack}.pack"
            add(name, cast(IO[bytes], _PackStream(store, pack, size)), packed=False)
    for location in _locations(records):
        # Such a gc may also have held what was referred to in its hands when the folder was listed.
        if f"content/{location}" not in entries:
            with suppress(NotFound, Invalid), storage.open(location) as stream:
                add(f"content/{location}", stream, packed=False)
    manifest = {
        "format": FORMAT,
        "nbproof": __version__,
        "series": series_of(__version__),
        "revision": HEAD,
        "created": datetime_of(now_us).isoformat().replace("+00:00", "Z"),
        "database": database.dialect,
        "content": address,
        "missing_packs": _missing_packs(records, entries),
        "files": entries,
    }
    archive.writestr(_MANIFEST, json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)


def _content(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """What is copied as it is: name, place and size."""
    for part, left_out in (("content", _NOT_COPIED), ("journal", ())):
        for path in sorted((folder / part).rglob("*")):
            relative = path.relative_to(folder)
            if relative.parts[1] in left_out or (
                part == "journal" and not _is_left(folder, relative.parts[1])
            ):
                continue
            with suppress(OSError):
                if path.is_file():
                    yield relative.as_posix(), path, path.stat().st_size


def _locations(records: Path) -> set[str]:
    """All content that the copied records refer to."""
    with closing(sqlite3.connect(f"{records.as_uri()}?mode=ro", uri=True)) as copy:
        return {
            location
            for table in all_tables().sorted_tables
            if "location" in table.c
            for (location,) in copy.execute(f'SELECT DISTINCT location FROM "{table.name}"')
            if location
        }


def _is_left(folder: Path, name: str) -> bool:
    """Whether that part of the journal is not in the tables after a drain."""
    if name == REJECTED:
        return True
    try:
        read_writer(folder / "journal" / name)
    except ValueError:
        return True
    return False


class _PackStream:
    """The first bytes of a pack, wherever it is kept."""

    def __init__(self, store: ContentStore, pack: str, size: int) -> None:
        self._store, self._pack, self._left = store, pack, size
        self._at = 0

    def read(self, size: int) -> bytes:
        found = self._store.end.read(self._pack, self._at, min(size, self._left)) if self._left else b""
        self._at += len(found)
        self._left -= len(found)
        return found


def _missing_packs(records: Path, entries: Mapping[str, Mapping[str, Any]]) -> int:
    """How many packs the copied records know that are not, or not whole, in the backup."""
    sizes = {PurePosixPath(name).stem: entry["size"] for name, entry in entries.items()}
    with closing(sqlite3.connect(f"{records.as_uri()}?mode=ro", uri=True)) as copy:
        known = copy.execute(f"SELECT name, indexed FROM {ContentPackRow.__tablename__}").fetchall()
    return sum(sizes.get(name, -1) < indexed for name, indexed in known)


# They may hold a password, and the copy is not to write there.
_ADDRESS = re.compile(r"^[ \t]*(database|content|content_options(?:\.[^=\n]*)?)[ \t]*=.*$", re.MULTILINE)
_OPTIONS = re.compile(r"^[ \t]*\[[ \t]*content_options[^\n]*\n(?:(?![ \t]*\[)[^\n]*(?:\n|\Z))*", re.MULTILINE)


def _without_addresses(settings: str) -> str:
    told = _OPTIONS.sub("# content_options: another one where this was backed up\n", settings)
    return _ADDRESS.sub(r"# \1: it was another one where this was backed up", told)


def _name(partial: Path, target: Path) -> None:
    try:
        os.link(partial, target)  # fails where somebody has made one of that name meanwhile
    except FileExistsError:
        raise Conflict(f"{str(target)!r} was made meanwhile, and a backup overwrites nothing") from None
    except OSError:
        os.rename(partial, target)  # a disk without links


def _verified(file: Path, progress: Progress | None) -> Backup:
    with _opened(file) as archive:
        manifest = _manifest(archive)
        for _ in _pieces(archive, manifest, progress, "checking"):
            pass
    return _report(file, manifest)


# -- reading one ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    if not file.is_file():
        raise NotFound(f"there is no file {str(file)!r}", details={"field": "file"})
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, zipfile.LargeZipFile, NotImplementedError) as error:
        raise Invalid(
            f"{str(file)!r} is no backup of nbproof, or is damaged: {error}", details={"field": "file"}
        ) from error


def _manifest(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    try:
        manifest = json.loads(archive.read(_MANIFEST))
        files = {
            str(name): (int(told["size"]), str(told["blake2b"])) for name, told in manifest["files"].items()
        }
        number, version = int(manifest["format"]), str(manifest["nbproof"])
        created, database = str(manifest["created"]), str(manifest["database"])
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise Invalid(
            f"{archive.filename!r} is no backup of nbproof, or is damaged: its manifest can't be read",
            details={"field": "file"},
        ) from error
    if number > FORMAT:
        raise Conflict(
            f"the backup has format {number}; this nbproof reads formats up to {FORMAT}",
            hint="pip install -U nbproof",
        )
    return {
        "files": files,
        "version": version,
        "created": created,
        "database": database,
        "content": manifest.get("content"),
        "missing_packs": int(manifest.get("missing_packs", 0)),
    }


def _report(file: Path, manifest: Mapping[str, Any]) -> Backup:
    files = manifest["files"]
    return Backup(
        path=str(file.absolute()),
        size_bytes=file.stat().st_size,
        files=len(files),
        content_bytes=sum(size for size, _ in files.values()),
        created=manifest["created"],
        version=manifest["version"],
        database=manifest["database"],
        content=manifest["content"],
        missing_packs=manifest["missing_packs"],
    )


def _pieces(
    archive: zipfile.ZipFile, manifest: Mapping[str, Any], progress: Progress | None, doing: str
) -> Iterator[tuple[str, bytes | None]]:
    """The bytes of every entry, compared with the manifest; None at the end of each that is whole."""
    files: Mapping[str, tuple[int, str]] = manifest["files"]
    total = sum(size for size, _ in files.values())
    done = 0
    for name, (size, hash) in files.items():
        digest, found = hashlib.blake2b(digest_size=32), 0
        try:
            with archive.open(name) as entry:
                while piece := entry.read(_PIECE):
                    digest.update(piece)
                    found += len(piece)
                    done += len(piece)
                    yield name, piece
                    if progress is not None:
                        progress(doing, done, total)
        except KeyError:
            pass
        if (found, digest.hexdigest()) != (size, hash):
            raise Invalid(
                f"the backup is damaged: {name} is not what the manifest says", details={"entry": name}
            )
        yield name, None


def _unpack(file: Path, folder: Path, progress: Progress | None) -> None:
    with _opened(file) as archive, contextlib.ExitStack() as last:
        target: IO[bytes] | None = None
        for name, piece in _pieces(archive, _manifest(archive), progress, "unpacking"):
            if target is None:
                place = _place(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                target = last.enter_context(open(place, "xb"))
            if piece is not None:
                target.write(piece)
                continue
            target.flush()
            os.fsync(target.fileno())
            if name.startswith("content/objects/") or re.fullmatch(r"content/packs/[^/]+", name):
                place.chmod(0o444)
            last.close()
            target = None
    (folder / ".gitignore").write_text("*\n!.gitignore\n!nbproof.toml\n", encoding="utf-8")


def _place(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if (
        not parts
        or name.startswith("/")
        or "\\" in name
        or any(part in ("", "..") for part in name.split("/"))
    ):
        raise Invalid(f"the backup is damaged: {name!r} leaves the workspace", details={"entry": name})
    if parts[0] not in (_RECORDS, SETTINGS_FILE, "content", "journal"):
        raise Invalid(f"the backup is damaged: {name!r} belongs to no workspace", details={"entry": name})
    return folder.joinpath(*parts)


def _check(database: Database) -> None:
    with database.connect() as connection:
        answers = connection.exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
    if answers != ["ok"]:
        raise Invalid(f"the records of the backup are damaged: {answers[0]}")


@contextlib.contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except PlatformError:
        raise
    except (OSError, sqlite3.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise Unavailable(
            f"{str(place)!r} could not be made: {said}",
            hint="free some space, or name a place that can be written",
            details={"free_bytes": _free(place.parent)},
        ) from error


def _free(folder: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None
