"""How tables, files and folders become a manifest and content: what a dataset version consists of.

A manifest says what the content is and nothing else, neither a name nor a time: equal content has an equal
manifest, whose BLAKE3 is the version's digest.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nbproof.core.errors import Conflict, Invalid, NotFound, PlatformError
from nbproof.core.links import broken_link
from nbproof.datasets.domain import Slab
from nbproof.stats.profile import ColumnProfile, is_text, merge, profile_column, texts_repeat
from nbproof.storage.content.codec import compress, decompressed
from nbproof.storage.content.columns import (
    Slabs,
    bytes_of,
    coded_in,
    cutting_columns,
    decoded,
    encoded,
    fingerprint,
    one_array,
)
from nbproof.storage.content.packs import digest
from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.contracts import KeyWatch
    from nbproof.datasets.frames import Incoming
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.datasets.rows import RowFiles
    from nbproof.storage.content.store import Hashed, Intake
    from nbproof.storage.objects import OnBytes

__all__ = [
    "Taken",
    "Tree",
    "everything_at",
    "fields_of",
    "file_manifest",
    "folder_manifest",
    "look_at_rows",
    "look_at_start",
    "manifest_of",
    "marks_in",
    "marks_of",
    "merged_profiles",
    "profiles_of_slabs",
    "refuse_changed",
    "rows_at",
    "schema_of",
    "slab_of",
    "table_manifest",
    "take_file",
    "take_folder",
    "take_table",
    "walked",
]

FORMAT = 1
_AHEAD = 6
_REPEATING = 1 / 8  # so many different numbers of all are worth a dictionary
_SOME = 3
_FOLDERS_TOGETHER, _FOLDERS_TOGETHER_BYTES = 256, 1 << 20
_TOGETHER, _TOGETHER_BYTES = 64, 256 << 10


@dataclass
class Taken:
    """What was taken in, to be registered.

    Attributes
    ----------
    manifest : bytes
    kind : str
    size_bytes : int
        Of the content, uncompressed.
    slabs : list of Slab
        What was encoded anew.
    profiles : callable
        Makes the profiles of the columns, as they are kept; called only where they are needed.
    no_table : str, optional
        Why files that were looked at are no table.
    reference : dict, optional
        Where content stays that was not copied, and by what it is known again.
    note : str, optional
        What whoever registers it has to know.
    """

    manifest: bytes
    kind: str
    size_bytes: int
    rows: int | None = None
    columns: int | None = None
    files: int | None = None
    fields: list[dict[str, Any]] | None = None
    slabs: list[Slab] = field(default_factory=list)
    profiles: Callable[[], list[dict[str, Any]]] | None = None
    no_table: str | None = None
    reference: dict[str, Any] | None = None
    note: str | None = None

    @property
    def digest(self) -> str:
        """BLAKE3 of the manifest, 64 hex digits."""
        return digest(self.manifest).hex()


def manifest_of(values: Mapping[str, Any]) -> bytes:
    """A manifest as bytes: the same for the same values."""
    told = {"format": FORMAT, **values}
    # In the order given: in what a frame needs to come back, order says something.
    return json.dumps(told, separators=(",", ":"), ensure_ascii=True).encode()


def schema_of(manifest: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema of a table's manifest."""
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(manifest["schema"])))


# -- tables ------------------------------------------------------------------------------------------------


@dataclass
class _Column:
    name: str
    prints: list[bytes] = field(default_factory=list)


def take_table(
    intake: Intake,
    table: Incoming,
    repository: DatasetRepository,
    read: Callable[[str], bytes],
    *,
    before: Mapping[str, Any] | None = None,
    profiles_before: Callable[[], list[dict[str, Any]]] | None = None,
    on_rows: Callable[[int], object] | None = None,
) -> Taken:
    """Take in a table, slab by slab: of what was encoded before nothing is even read.

    Parameters
    ----------
    read : callable
        Reads what is kept.
    before : mapping, optional
        The manifest of the version before.
    profiles_before : callable, optional
        Gives the profiles of that, as they are kept.
    on_rows : callable, optional
        Told how many more rows are done.
    """
    schema = table.schema
    before = before or {}
    by = cutting_columns(schema, before.get("cut_by", ()))
    cuts = [int(each, 16) for each in before.get("cuts", ())] if by == before.get("cut_by") else []
    slabs = Slabs(table.batches, schema, by, cuts, before.get("slabs", ()))
    columns = [_Column(each.name) for each in schema]
    encoding = _Encoding(intake)
    places: dict[bytes, str] = {}
    lengths: list[int] = []
    size = 0
    for slab, prints in _printed(slabs):
        known = repository.slabs([each for each in prints if each not in places])
        here = intake.here([_hash(place) for place, _ in known.values()])
        places |= {key: place for key, (place, _) in known.items() if _hash(place) in here}
        for column, key, content in zip(columns, prints, slab.columns, strict=True):
            column.prints.append(key)
            if key not in places:
                encoding.begin(key, column.name, content)
        encoding.end_slab()
        lengths.append(len(slab))
        size += bytes_of(slab)
        if on_rows is not None:
            on_rows(len(slab))
    profiles = _Profiles(schema, columns, places, repository, read, before, profiles_before)
    if encoding.begun:
        # While the others are being encoded; where nothing is, it is the version before, and has them.
        profiles.make()
    fresh = encoding.ended()
    places |= {key: each.object for key, each in fresh.items()}
    profiles.fresh = {key: each.profile for key, each in fresh.items()}
    manifest = table_manifest(
        schema,
        table.restore,
        lengths,
        by,
        [f"{each:016x}" for each in slabs.cuts],
        [[places[key] for key in each.prints] for each in columns],
    )
    return Taken(
        manifest,
        "table",
        size,
        rows=sum(lengths),
        columns=len(columns),
        fields=fields_of(schema),
        slabs=list(fresh.values()),
        profiles=profiles.all,
    )


@dataclass
class _Profiles:
    """The profiles of a table's columns, made of those of its slabs where the version before has none."""

    schema: pa.Schema
    columns: Sequence[_Column]
    places: Mapping[bytes, str]
    repository: DatasetRepository
    read: Callable[[str], bytes]
    before: Mapping[str, Any]
    told_before: Callable[[], list[dict[str, Any]]] | None
    fresh: Mapping[bytes, bytes] = field(default_factory=dict)
    _told: dict[int, dict[str, Any]] = field(default_factory=dict)

    def all(self) -> list[dict[str, Any]]:
        """Of each column, as they are kept."""
        self.make()
        return [self._told[number] for number in range(len(self.columns))]

    def make(self) -> None:
        """Those of the columns of which all is known where it is."""
        ready = [
            number
            for number, each in enumerate(self.columns)
            if number not in self._told and all(key in self.places for key in each.prints)
        ]
        known = self._known
        left: list[int] = []
        for number in ready:
            column = self.columns[number]
            told = known.get((column.name, *(self.places[key] for key in column.prints)))
            if told is None:
                left.append(number)
            else:
                self._told[number] = told
        # Column by column: those of all slabs of all columns would be in memory at once.
        for number in left:
            column, kind = self.columns[number], self.schema.field(number).type
            alone = self.fresh.get(column.prints[0]) if len(column.prints) == 1 else None
            if alone is not None:
                # Nothing to merge: as it was made, whatever its column was called.
                self._told[number] = {**json.loads(decompressed(alone)), "name": column.name}
                continue
            slabs = {key: (self.places[key], kind) for key in column.prints}
            made = profiles_of_slabs(slabs, self.fresh, self.repository, self.read)
            found = [made[key] for key in column.prints]
            self._told[number] = merged_profiles(column.name, found).to_json()

    @cached_property
    def _known(self) -> dict[tuple[str, ...], dict[str, Any]]:
        if self.told_before is None:
            return {}
        try:
            told = zip(self.before["columns"], self.told_before(), strict=True)
        except PlatformError:  # damaged: they are made anew
            return {}
        return {(column["name"], *column["files"]): profile for column, profile in told}


def table_manifest(
    schema: pa.Schema,
    restore: Mapping[str, Any],
    lengths: Sequence[int],
    cut_by: Sequence[str],
    cuts: Sequence[str],
    places: Sequence[Sequence[str]],
) -> bytes:
    """What says of which files a table consists: for each column those of its slabs."""
    return manifest_of(
        {
            "kind": "table",
            "rows": sum(lengths),
            "slabs": list(lengths),
            "schema": base64.b64encode(schema.serialize()).decode(),
            "restore": restore,
            "cut_by": list(cut_by),
            "cuts": list(cuts),
            "columns": [
                {"name": name, "files": list(files)} for name, files in zip(schema.names, places, strict=True)
            ],
        }
    )


def fields_of(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns as they are recorded."""
    return [{"name": each.name, "type": str(each.type), "nullable": each.nullable} for each in schema]


def _printed(slabs: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, list[bytes]]]:
    """Slabs with the fingerprints of their columns, those of the next one being made meanwhile."""
    waiting: deque[tuple[pa.Table, list[Future[bytes]]]] = deque()
    for slab in slabs:
        waiting.append((slab, [pool().submit(fingerprint, column) for column in slab.columns]))
        if len(waiting) > 1:
            yield _result(*waiting.popleft())
    while waiting:
        yield _result(*waiting.popleft())


def _result(slab: pa.Table, under_way: Sequence[Future[bytes]]) -> tuple[pa.Table, list[bytes]]:
    return slab, [each.result() for each in under_way]


class _Encoding:
    """Columns of slabs on their way in, a few being encoded ahead of the one that is taken in.

    They are of two slabs at most: the rows of no more are in memory.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: deque[tuple[bytes, Future[tuple[Hashed, bytes]]]] = deque()
        self.begun: set[bytes] = set()
        self._before: set[bytes] = set()  # of the slab before
        self._done: dict[bytes, Slab] = {}
        self._ready: list[tuple[bytes, Hashed, bytes]] = []
        self._ready_bytes = 0

    def begin(self, key: bytes, name: str, column: pa.ChunkedArray) -> None:
        """Encode a column, unless one with its fingerprint is being encoded."""
        if key in self.begun:
            return
        self.begun.add(key)
        self._waiting.append((key, pool().submit(slab_of, name, column)))
        if len(self._waiting) > _AHEAD:
            self._end_next()

    def end_slab(self) -> None:
        """What is begun from now on is of another slab."""
        while self._waiting and self._waiting[0][0] in self._before:
            self._end_next()
        self._before = {key for key, _ in self._waiting}

    def ended(self) -> dict[bytes, Slab]:
        """All of them, by their fingerprints."""
        while self._waiting:
            self._end_next()
        self._put()
        return self._done

    def _end_next(self) -> None:
        key, under_way = self._waiting.popleft()
        try:
            content, profile = under_way.result()
            self._ready.append((key, content, profile))
            self._ready_bytes += content.size_bytes
            if self._ready_bytes >= _TOGETHER_BYTES or len(self._ready) == _TOGETHER:
                self._put()
        except BaseException:
            for _, each in self._waiting:
                each.cancel()
            raise

    def _put(self) -> None:
        """Small ones together: looked up, compressed and written at once."""
        kept = self._intake.put_hashed([content for _, content, _ in self._ready])
        for (key, _, profile), each in zip(self._ready, kept, strict=True):
            self._done[key] = Slab(key, each.location, each.size_bytes, profile)
        self._ready, self._ready_bytes = [], 0


def slab_of(name: str, column: pa.ChunkedArray) -> tuple[Hashed, bytes]:
    """A stretch of a column as a file, and its profile."""
    from nbproof.storage.content.store import Hashed

    array = one_array(column)
    if is_text(array.type) and texts_repeat(array):
        # A dictionary is made once, for the file and for the profile.
        content = encoded(array, repeats=True)
        profile = profile_column(name, array, coded=coded_in(content))
    else:
        profile = profile_column(name, array)
        number = profile.kind in ("numeric", "datetime")
        content = encoded(array, repeats=number and profile.distinct <= len(array) * _REPEATING)
    profile = replace(profile, type=str(column.type))  # in one piece it may have had to be a large one
    told = json.dumps(profile.to_json(), separators=(",", ":"))
    return Hashed.of(memoryview(content).cast("B")), compress(told.encode())


def profiles_of_slabs(
    slabs: Mapping[bytes, tuple[str, pa.DataType]],
    fresh: Mapping[bytes, bytes],
    repository: DatasetRepository,
    read: Callable[[str], bytes],
) -> dict[bytes, ColumnProfile]:
    """The profiles of stretches of columns by their fingerprints, of which is given where they are.

    Parameters
    ----------
    fresh : mapping
        Those that were made just now.
    read : callable
        Reads a stretch whose profile was collected as garbage while it was found to be kept already.
    """
    known = {**repository.slab_profiles([key for key in slabs if key not in fresh]), **fresh}
    return {
        key: ColumnProfile.from_json(json.loads(decompressed(known[key])))
        if key in known
        else profile_column("", decoded(read(place), kind))
        for key, (place, kind) in slabs.items()
    }


def merged_profiles(name: str, profiles: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of a column, of those of its stretches."""
    return replace(merge(list(profiles)), name=name)


def _hash(location: str) -> bytes:
    from nbproof.storage.content.store import hash_of

    return hash_of(location)


def look_at_rows(taken: Taken, files: RowFiles | None, name: str, watch: KeyWatch | None) -> None:
    """Find of files of rows what is known of tables: how many rows, which columns, their profiles."""
    from nbproof.datasets.rows import profiles_of

    if files is None:
        taken.no_table = f"a {taken.kind} is no table"
        return
    try:
        schema = files.schema(name)
        batches = files.batches(name, schema)
        if watch is not None and watch.key:
            batches = watch.watched(batches)
        rows, profiles = profiles_of(schema, batches)
    except Invalid as error:
        taken.no_table = error.message
        taken.note = note_of(error)
        return
    taken.rows, taken.columns, taken.fields = rows, len(schema), fields_of(schema)
    taken.profiles = lambda: [each.to_json() for each in profiles]


def look_at_start(path: Path) -> str | None:
    """What has to be known of a file or folder that says it has rows, and whose beginning can't be read."""
    try:
        files = rows_at(path)
        if files is not None:
            files.look(path.name)
    except Invalid as error:
        return note_of(error)
    return None


def note_of(unreadable: Invalid) -> str:
    """What is said to whoever registers what can't be read."""
    return f"{unreadable.message}; it is kept as it is, without columns and statistics"


def rows_at(path: Path) -> RowFiles | None:
    """The file or folder at a path as files of rows; None where it is none."""
    from nbproof.datasets.rows import row_files

    if not path.is_dir():
        return row_files([(path.name, str(path))], folder=False)
    found = [
        ("/".join((*parts, name)), each)
        for parts, files, _ in walked(path, (), set())
        for each, name, _ in files
    ]
    return row_files(found, folder=True)


def everything_at(path: Path) -> dict[Path, tuple[int, ...]]:
    """The files at a path, with what changes with them."""
    if not path.is_dir():
        return {path: marks_of(path)}
    return {
        Path(each): marks_in(state) for _, files, _ in walked(path, (), set()) for each, _, state in files
    }


# -- files and folders -------------------------------------------------------------------------------------


def take_file(
    intake: Intake, path: Path, *, like: str | None = None, on_bytes: OnBytes | None = None
) -> Taken:
    """Take in a file as it is; `like` is where the file that it may resemble is in the store.

    Raises
    ------
    Conflict
        It changed while it was read.
    """
    before = marks_of(path)
    (kept,) = intake.put_many([path], like=like, on_bytes=on_bytes)
    if marks_of(path) != before:
        raise refuse_changed([path.name])
    return Taken(file_manifest(kept.size_bytes, kept.location), "file", kept.size_bytes, files=1)


def file_manifest(size: int, location: str) -> bytes:
    """What says which content a file has."""
    return manifest_of({"kind": "file", "size": size, "file": location})


def take_folder(intake: Intake, root: Path, *, on_bytes: OnBytes | None = None) -> Taken:
    """Take in all files below a folder; a manifest for each folder, so that a change rewrites few of them.

    Symbolic links are followed; one that leads into a folder above it is refused.  A folder ``.nbproof``, and
    a link to one, is left out.

    Raises
    ------
    Conflict
        Something in it changed while it was read.
    """
    listing = list(walked(root, (), set()))
    states = {path: state for _, found, _ in listing for path, _, state in found}
    paths = list(states)
    contents = intake.put_many(paths, states=list(states.values()), on_bytes=on_bytes)
    kept = dict(zip(paths, contents, strict=True))
    # What was not read is what it was when its folder was looked at.
    changed = [
        os.path.relpath(path, root)
        for path in paths
        if path in intake.files_read and marks_of(path) != marks_in(states[path])
    ]
    if changed:
        raise refuse_changed(changed)
    tree = {
        parts: ([(name, kept[path].size_bytes, kept[path].location) for path, name, _ in found], below)
        for parts, found, below in listing
    }
    size = sum(each.size_bytes for each in kept.values())
    return Taken(folder_manifest(intake, tree), "folder", size, files=len(paths))


Tree: TypeAlias = Mapping[tuple[str, ...], tuple[Sequence[tuple[str, int, str]], Sequence[str]]]
"""Of each folder, by the names that lead to it: name, size and place of its files; names of its folders."""


def folder_manifest(intake: Intake, tree: Tree, **more: Any) -> bytes:
    """What says of which files a folder consists; a manifest for each folder in it is taken in."""
    from nbproof.storage.content.store import Hashed, location_of

    folders: dict[tuple[str, ...], str] = {}
    waiting: list[Hashed] = []
    waiting_bytes = 0
    # Deepest first: a folder names the manifests of those in it.
    for parts, (files, below) in sorted(tree.items(), key=lambda each: -len(each[0])):
        told = manifest_of(
            {
                "kind": "directory",
                "files": [list(each) for each in files],
                "folders": [[name, folders[*parts, name]] for name in below],
            }
        )
        waiting.append(Hashed.of(memoryview(told)))
        folders[parts] = location_of(waiting[-1].hash)
        waiting_bytes += len(told)
        if len(waiting) >= _FOLDERS_TOGETHER or waiting_bytes >= _FOLDERS_TOGETHER_BYTES:
            intake.put_hashed(waiting)
            waiting, waiting_bytes = [], 0
    intake.put_hashed(waiting)
    count = sum(len(files) for files, _ in tree.values())
    size = sum(size for files, _ in tree.values() for _, size, _ in files)
    return manifest_of({"kind": "folder", "files": count, "size": size, "root": folders[()], **more})


def walked(
    folder: Path, parts: tuple[str, ...], above: set[tuple[int, int]]
) -> Iterator[tuple[tuple[str, ...], list[tuple[str, str, os.stat_result]], list[str]]]:
    """Each folder with its files, by path, name and state, and the names of its folders, in order."""
    try:
        state = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Invalid(
            f"{str(folder)!r} can't be read: {error.strerror}", details={"field": "path"}
        ) from error
    key = (state.st_dev, state.st_ino)
    if key in above:
        raise Invalid(
            f"{str(folder)!r} is a link to a folder that holds it",
            hint="take the link away, or register the folder that it leads to",
            details={"field": "path"},
        )
    files, below = [], []
    for entry in entries:
        _check_name(entry.name)
        try:
            state = os.stat(entry.path)
        except OSError as error:
            what = broken_link(entry.path) or f"can't be read: {error.strerror}"
            raise Invalid(
                f"{entry.path!r} {what}",
                hint="make that it can be read, or take it away",
                details={"field": "path"},
            ) from error
        if stat.S_ISDIR(state.st_mode):
            if not _is_workspace(entry):
                below.append(entry.name)
        elif stat.S_ISREG(state.st_mode):
            files.append((entry.path, entry.name, state))
        else:
            raise Invalid(f"{entry.path!r} is neither file nor folder", details={"field": "path"})
    yield parts, files, below
    for name in below:
        yield from walked(folder / name, (*parts, name), above | {key})


def _is_workspace(entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink():
        return os.path.basename(os.path.realpath(entry.path)) == ".nbproof"
    return entry.name == ".nbproof"


def _check_name(name: str) -> None:
    if name.isascii():
        return
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Invalid(
            f"the name {os.fsencode(name)!r} is not UTF-8", hint="rename it", details={"field": "path"}
        ) from None


def marks_of(path: Path | str) -> tuple[int, ...]:
    """What changes with a file."""
    try:
        state = os.stat(path)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", details={"field": "path"}) from None
    except OSError as error:
        raise Invalid(f"{str(path)!r} can't be read: {error.strerror}", details={"field": "path"}) from error
    return marks_in(state)


def marks_in(state: os.stat_result) -> tuple[int, ...]:
    """The same, of what was asked of it already."""
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def refuse_changed(names: Sequence[str]) -> Conflict:
    """The error of files that changed while they were read."""
    told = ", ".join(names[:_SOME]) + (f" and {len(names) - _SOME:,} more" if len(names) > _SOME else "")
    return Conflict(
        f"{told} changed while being read",
        hint="nothing was registered: try again when nobody writes to it",
        details={"field": "path"},
    )
