"""One file of runs: a zip that anybody can read.

What is in it is told by its own ``README.md`` (`README` below).  Artifacts that are large or compressed
already are stored, the rest is deflated; so no archive of ours expands much, and one that would is refused.

Points are CSV and not Parquet: every machine reads it, ours writes it without another package, and decimals
that read back as the same float lose nothing.

Reading trusts nothing: every member must be named in the manifest, has its size and hash checked, and is
read by the name the manifest gives it; nothing is ever extracted by name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from blake3 import blake3

from nbproof._version import __version__
from nbproof.core.clock import datetime_of, microseconds_of
from nbproof.core.errors import Invalid, PlatformError, Unavailable
from nbproof.core.ids import is_id
from nbproof.tracking.domain import STATUSES
from nbproof.tracking.points import Points
from nbproof.tracking.repository.artifacts import MOST_VERSIONS
from nbproof.tracking.repository.stored import from_special, to_special
from nbproof.tracking.repository.views import instant
from nbproof.tracking.transfer.portable import (
    PIECE,
    Findings,
    PortableArtifact,
    PortableExperiment,
    PortableRun,
    Step,
    nothing,
)
from nbproof.tracking.values import artifact_name

__all__ = ["ArchiveSource", "Tally", "is_archive", "write_archive"]

FORMAT = "nbproof runs"
VERSION = 1

README = """\
# Runs exported by nbproof

This file is a zip. Everything in it is text or the files as they were logged; no program of ours is needed.

| | |
|---|---|
| `manifest.json` | `format`, `version`, when and by what it was written, size and SHA-256 of each member |
| `experiments.json` | name, description and tags of the experiments |
| `runs/<id>/run.json` | a run: name, experiment, status, times, params, tags, notes, git and all else |
| `runs/<id>/metrics.csv` | every point of every metric |
| `runs/<id>/artifacts/...` | the run's files, under their names |
| `runs/<id>/versions/<number>/...` | earlier versions of these files |

- Times in JSON are RFC 3339 in UTC. `parent_id` is the run that a run is nested in.
- `params` keep their JSON types; integers may be longer than 64 bits. NaN and the infinities, which JSON
  lacks, are `{"$float": "NaN"}`, `{"$float": "Infinity"}` and `{"$float": "-Infinity"}`.
- `metrics.csv` has the columns `metric,step,time_us,value`: `step` is a 64-bit integer, `time_us` counts
  microseconds since 1970-01-01 UTC (64 bits), `value` is a 64-bit float in the shortest decimal that reads
  back as the same number, or `nan`, `inf`, `-inf`. The points of a metric are in the order they were logged.
- `param_history` has all values in the order of time of params that had others before, or were logged later
  than the run's start.
- `lineage` has the edges that were told about the run and its artifacts: what came of what.
- `hash` of an artifact is BLAKE3-256 of its bytes, BLAKE2b-256 in exports of before there was a content store
  for artifacts. An artifact whose `file` is null was not at hand; one
  with a `reference` is elsewhere, and only named here. `artifact_versions` are the versions that do not show.

For example, in Python:

    import zipfile, pandas
    with zipfile.ZipFile("runs.zip") as archive:
        for name in archive.namelist():
            if name.endswith("metrics.csv"):
                print(name, pandas.read_csv(archive.open(name), keep_default_na=False, na_values=["nan"]))

`nbproof runs import FILE` brings the runs into a workspace.
"""

# What zipfile raises for bytes that are not as they should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
)
_HEADER = ("metric", "step", "time_us", "value")
_ROWS = 1 << 16  # of metrics.csv at once
_MOST_TEXT = 256 << 20  # bytes of a JSON member
_STORE_FROM = 64 << 20  # from this size on artifacts are stored as they are
_MOST_RATIO, _RATIO_FROM = 200, 1 << 30
_PACKED = re.compile(
    r"^(image/(?!svg|bmp|x-ms-bmp|tiff)|video/|audio/(?!x-wav|wav)|font/woff|application/(zip|gzip|x-gzip|x-bzip2"
    r"|x-xz|zstd|x-7z-compressed|vnd\.rar|pdf|vnd\.apache\.parquet|java-archive|vnd\.openxmlformats.*)$)"
)
_PACKED_NAME = re.compile(
    r"\.(parquet|zst|npz|pt|pth|safetensors|joblib|whl|lz4|br|xz|bz2|gz|zip)$", re.IGNORECASE
)


@dataclass(slots=True)
class Tally:
    """How much was moved."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("runs", "params", "tags", "metrics", "points", "artifacts"), 0)
    )

    def add(self, what: str, number: int = 1) -> None:
        """So many more."""
        self.counts[what] = self.counts.get(what, 0) + number


# -- writing ----------------------------------------------------------------------------------------


def write_archive(
    target: Path,
    runs: Iterable[PortableRun],
    experiments: Iterable[PortableExperiment],
    *,
    now_us: int,
    findings: Findings,
    total: int = 0,
    step: Step = nothing,
    replace: bool = False,
) -> Tally:
    """Write runs into one file; it is there whole or not at all.

    Parameters
    ----------
    target : Path
    runs, experiments : iterable
    now_us : int
        When it is written.
    findings : Findings
        Takes what could not be written.
    total : int
        How many runs come, for progress.
    replace : bool
        Whether a file may be there already.

    Raises
    ------
    Conflict
        The file is there.
    Unavailable
        The disk is full or refuses.
    """
    from nbproof.core.errors import Conflict

    if target.is_dir() or not target.parent.is_dir():
        what = "is a folder" if target.is_dir() else f"lies in a folder that is not there: {target.parent}"
        raise Invalid(f"{str(target)!r} {what}", hint="name a file", details={"field": "output"})
    if target.exists() and not replace:
        raise Conflict(
            f"{str(target)!r} is there already",
            hint="replace it with --force (force=True), or name another file",
            details={"field": "output"},
        )
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with partial.open("xb") as file:
                tally = _Writer(file, now_us, findings).write(runs, experiments, total, step)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            raise Unavailable(
                f"{str(target)!r} could not be written: {error.strerror or error}",
                hint="free the disk, or name another place",
            ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return tally


class _Writer:
    def __init__(self, file: BinaryIO, now_us: int, findings: Findings) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=3)
        self._now_us = now_us
        self._when = max(datetime_of(now_us).timetuple()[:6], (1980, 1, 1, 0, 0, 0))
        self._findings = findings
        self._members: dict[str, dict[str, Any]] = {}
        self._tally = Tally()

    def write(
        self, runs: Iterable[PortableRun], experiments: Iterable[PortableExperiment], total: int, step: Step
    ) -> Tally:
        with self._zip:
            self._text("README.md", README)
            for done, run in enumerate(runs):
                fraction = min(1.0, done / total) if total else 0.0
                step(fraction, f"run {run.name}")
                self._run(run, lambda name, at=fraction: step(at, name))
            self._text(
                "experiments.json",
                _json([{"name": e.name, "description": e.description, "tags": e.tags} for e in experiments]),
            )
            manifest = {
                "format": FORMAT,
                "version": VERSION,
                "written": datetime_of(self._now_us).isoformat().replace("+00:00", "Z"),
                "writer": f"nbproof {__version__}",
                "counts": self._tally.counts,
                "members": self._members,
            }
            self._text("manifest.json", _json(manifest))
        return self._tally

    def _run(self, run: PortableRun, say: Any) -> None:
        folder = f"runs/{run.id}"
        metrics = self._metrics(f"{folder}/metrics.csv", run, say)
        artifacts = [
            self._artifact(f"{folder}/artifacts/{each.name}", run, each, say)
            for each in run.artifacts
            if each.shown
        ]
        versions = [
            self._artifact(f"{folder}/versions/{each.version}/{each.name}", run, each, say)
            for each in run.artifacts
            if not each.shown
        ]
        told = {
            **run.facts,
            "id": run.id,
            "name": run.name,
            "experiment": run.experiment,
            "status": run.status,
            "started": _instant(run.started_us),
            "ended": None if run.ended_us is None else _instant(run.ended_us),
            "parent_id": run.parent_id,
            "notes": run.notes,
            "params": {key: _spelled(value) for key, value in run.params.items()},
            "tags": run.tags,
            "git": run.git,
            "code": run.code,
            "metrics": metrics,
            "artifacts": artifacts,
        }
        if run.param_history:
            told["param_history"] = {
                key: [{"time": _instant(time_us), "value": _spelled(value)} for time_us, value in values]
                for key, values in run.param_history.items()
            }
        if versions:
            told["artifact_versions"] = versions
        if run.lineage:
            told["lineage"] = run.lineage
        if not run.timed:
            told["timed"] = False
        self._text(f"{folder}/run.json", _json(told))
        self._tally.add("runs")
        self._tally.add("params", len(run.params))
        self._tally.add("tags", len(run.tags))
        self._tally.add("metrics", len(metrics))

    def _metrics(self, member: str, run: PortableRun, say: Any) -> dict[str, Any]:
        told: dict[str, Any] = {}
        with self._member(member) as write:
            write(",".join(_HEADER).encode() + b"\n")
            for name, points in run.points():
                say(f"run {run.name}: {name}")
                cell = _cell(name)
                for start in range(0, points.n, _ROWS):
                    part = points.at(slice(start, start + _ROWS))
                    rows = zip(part.steps.tolist(), part.times.tolist(), part.values.tolist(), strict=True)
                    write("".join(f"{cell},{s},{t},{v!r}\n" for s, t, v in rows).encode("utf-8", "replace"))
                if points.n:
                    before = told.get(name, {"points": 0})["points"]
                    told[name] = {"points": before + points.n, "last": to_special(float(points.values[-1]))}
                    self._tally.add("points", points.n)
        return told

    def _artifact(
        self, member: str, run: PortableRun, artifact: PortableArtifact, say: Any
    ) -> dict[str, Any]:
        told = {
            "name": artifact.name,
            "size_bytes": artifact.size_bytes,
            "hash": artifact.hash,
            **_spelled(artifact.facts),
        }
        if artifact.version is not None:
            told["version"] = artifact.version
        if artifact.open is None:
            self._tally.add("artifacts")
            return {**told, "file": None}
        try:
            stream = artifact.open()
        except (PlatformError, OSError) as error:
            self._findings.skip(
                "artifact", f"{run.name}: {artifact.name}", f"its content is not at hand: {error}"
            )
            return {**told, "file": None}
        kind = str(artifact.facts.get("media_type", ""))
        packed = _PACKED.match(kind) or _PACKED_NAME.search(artifact.name)
        digest, size = blake3(), 0
        with (
            stream,
            self._member(member, stored=bool(packed) or artifact.size_bytes >= _STORE_FROM) as write,
        ):
            while piece := stream.read(PIECE):
                digest.update(piece)
                size += len(piece)
                write(piece)
                say(f"run {run.name}: {artifact.name}")
        self._tally.add("artifacts")
        if artifact.hash not in (None, digest.hexdigest()):
            self._findings.skip("artifact", f"{run.name}: {artifact.name}", "its content here is damaged")
            return {**told, "file": None}
        return {**told, "hash": digest.hexdigest(), "size_bytes": size, "file": member}

    @contextmanager
    def _member(self, name: str, *, stored: bool = False) -> Iterator[Any]:
        info = zipfile.ZipInfo(name, self._when)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as member:

            def write(data: bytes) -> None:
                nonlocal size
                digest.update(data)
                size += len(data)
                member.write(data)

            yield write
        self._members[name] = {"size_bytes": size, "sha256": digest.hexdigest()}

    def _text(self, name: str, text: str) -> None:
        with self._member(name) as write:
            write(text.encode("utf-8", "replace"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _spelled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return to_special(value)


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]|^\s|\s$', text) else text


def _instant(microseconds: int) -> str:
    return instant(microseconds).isoformat().replace("+00:00", "Z")


# -- reading ----------------------------------------------------------------------------------------


def is_archive(path: Path) -> bool:
    """Whether a file begins like a zip; whether it holds runs is seen when it is opened."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


class ArchiveSource:
    """Runs of a file that `write_archive` wrote, or of one that says it is such a file.

    Raises
    ------
    Invalid
        It is none, is cut off or damaged, of a later format, or made to do harm.
    """

    format = "archive"

    def __init__(self, path: Path) -> None:
        self.findings = Findings()
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise self._bad(f"is no zip, or was cut off: {error}") from None
        except OSError as error:
            raise Invalid(
                f"{str(path)!r} can't be read: {error.strerror}", details={"field": "path"}
            ) from None
        try:
            self._infos = self._harmless()
            self._members = self._manifest()
            self._ids = [name.split("/")[1] for name in self._members if name.endswith("/run.json")]
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> ArchiveSource:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of the runs."""
        return self._ids

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def experiments(self) -> list[PortableExperiment]:
        """Experiments with their description and tags."""
        if "experiments.json" not in self._members:
            return []
        told = self._object("experiments.json", list)
        try:
            return [
                PortableExperiment(_text(each["name"]), each.get("description"), dict(each.get("tags") or {}))
                for each in told
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._bad(f"experiments.json can't be understood: {error}") from None

    def check(self, step: Step) -> None:
        """Read every member, and compare it with the manifest; read every point."""
        total = sum(each["size_bytes"] for each in self._members.values()) or 1
        done = 0
        for name in self._members:
            with self._open(name) as stream:
                while piece := stream.read(PIECE):
                    done += len(piece)
                    step(done / total, f"checking {name.rsplit('/', 1)[-1]}")
        for run in self.runs():
            for _ in run.points():
                step(1.0, f"checking {run.name}")

    def runs(self) -> Iterator[PortableRun]:
        """The runs."""
        for identifier in self._ids:
            yield self._run(identifier)

    # -- inside ------------------------------------------------------------------------------------

    def _run(self, identifier: str) -> PortableRun:
        member = f"runs/{identifier}/run.json"
        told = self._object(member, dict)
        try:
            if told.pop("id") != identifier:
                raise ValueError("its id is not that of its folder")
            status, parent = _text(told.pop("status")), told.pop("parent_id", None)
            if status not in STATUSES:
                raise ValueError(f"no run has the status {status!r}")
            if parent is not None and not is_id(_text(parent)):
                raise ValueError("parent_id is no id")
            metrics = dict(told.pop("metrics", {}))
            ended = told.pop("ended", None)
            run = PortableRun(
                id=identifier,
                name=_text(told.pop("name")),
                experiment=_text(told.pop("experiment")),
                started_us=_microseconds(told.pop("started")),
                status=status,
                ended_us=None if ended is None else _microseconds(ended),
                parent_id=parent,
                notes=None if (notes := told.pop("notes", None)) is None else _text(notes),
                params=from_special(dict(told.pop("params", {}))),
                param_history={
                    _text(key): [
                        (_microseconds(each["time"]), from_special(each["value"])) for each in values
                    ]
                    for key, values in dict(told.pop("param_history", {})).items()
                },
                tags={_text(key): _text(value) for key, value in dict(told.pop("tags", {})).items()},
                git=None if (git := told.pop("git", None)) is None else dict(git),
                code=None if (code := told.pop("code", None)) is None else _text(code),
                timed=bool(told.pop("timed", True)),
                lineage=list(told.pop("lineage", [])),
                artifacts=self._artifacts(
                    told.pop("artifacts", []),
                    told.pop("artifact_versions", []),
                    str(told.get("name") or identifier),
                ),
                points=lambda: self._points(identifier, metrics),
                facts=told,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._bad(f"{member} can't be understood: {type(error).__name__} {error}") from None
        return run

    def _artifacts(self, shown: Any, others: Any, run: str) -> list[PortableArtifact]:
        found = []
        for each, shows in [*((each, True) for each in shown), *((each, False) for each in others)]:
            facts = dict(each)
            name, member = artifact_name(_text(facts.pop("name"))), facts.pop("file", None)
            size, hash_ = int(facts.pop("size_bytes")), facts.pop("hash", None)
            version = facts.pop("version", None)
            if version is not None and (type(version) is not int or not 0 < version <= MOST_VERSIONS):
                raise ValueError(f"the artifact {name!r} has the version {version!r}")
            if "metadata" in facts:
                facts["metadata"] = from_special(dict(facts["metadata"]))
            if member is None and facts.get("reference") is not None:
                facts["reference"] = _text(facts["reference"])
                found.append(PortableArtifact(name, None, size, hash_, facts, version, shows))
                continue
            if member is None:
                self.findings.skip(
                    "artifact", f"{run}: {name}", "its content was not at hand when it was exported"
                )
                continue
            if member not in self._members or not str(member).startswith("runs/"):
                raise ValueError(f"the artifact {name!r} is not in the file")
            found.append(
                PortableArtifact(
                    name,
                    lambda member=member: self._open(member),  # type: ignore[misc]
                    size,
                    hash_,
                    facts,
                    version,
                    shows,
                )
            )
        return sorted(found, key=lambda each: (each.name, each.version or 0))

    def _points(self, identifier: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, Points]]:
        member = f"runs/{identifier}/metrics.csv"
        if member not in self._members:
            return
        buffered = io.BufferedReader(cast(Any, self._open(member)), PIECE)
        with io.TextIOWrapper(buffered, "utf-8", newline="") as text:
            rows = csv.reader(text, strict=True)
            name: str | None = None
            steps: list[int] = []
            times: list[int] = []
            values: list[float] = []

            def piece() -> tuple[str, Points]:
                assert name is not None
                made = Points(
                    np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64)
                )
                for column in (steps, times, values):
                    column.clear()
                return name, made

            try:
                if tuple(next(rows, ())) != _HEADER:
                    raise ValueError(f"its first line must be {','.join(_HEADER)}")
                for metric, step, time_us, value in rows:
                    if metric != name or len(steps) >= _ROWS:
                        if steps:
                            yield piece()
                        name = metric
                    steps.append(int(step))
                    times.append(int(time_us))
                    values.append(float(value))
                if steps:
                    yield piece()
            except (ValueError, OverflowError, csv.Error) as error:
                raise self._bad(f"{member}, line {rows.line_num}: {error}") from None

    def _object(self, name: str, kind: type) -> Any:
        if name not in self._members:
            raise self._bad(f"{name} is missing")
        if self._members[name]["size_bytes"] > _MOST_TEXT:
            raise self._bad(
                f"{name} has {self._members[name]['size_bytes']:,} bytes, too many for what it is"
            )
        with self._open(name) as stream:
            text = b"".join(iter(lambda: stream.read(PIECE), b""))
        return self._parsed(name, text, kind)

    def _parsed(self, name: str, text: bytes, kind: type) -> Any:
        try:
            told = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._bad(f"{name} is no JSON: {error}") from None
        if not isinstance(told, kind):
            raise self._bad(f"{name} must hold a JSON {'object' if kind is dict else 'array'}")
        return told

    def _harmless(self) -> dict[str, zipfile.ZipInfo]:
        """The members by name, after a look at what a zip can be made to do."""
        infos: dict[str, zipfile.ZipInfo] = {}
        ends = 0
        for info in sorted(self._zip.infolist(), key=lambda each: each.header_offset):
            name, kind = info.orig_filename, info.external_attr >> 16
            parts = name.split("/")
            if (
                name.startswith("/")
                or "\\" in name
                or "\0" in name
                or any(part in ("", ".", "..") for part in parts[: -1 if name.endswith("/") else None])
                or re.match(r"^[A-Za-z]:", name)
            ):
                raise self._bad(f"the name {name[:80]!r} leads out of it")
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_IFMT(kind) == 0):
                raise self._bad(f"{name!r} is a link or no regular file")
            if info.flag_bits & 0x1:
                raise self._bad(f"{name!r} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._bad(f"{name!r} is compressed in a way that is not used here")
            if name in infos:
                raise self._bad(f"{name!r} is in it twice")
            if info.header_offset < ends:
                raise self._bad("its members overlap")
            ends = info.header_offset + 30 + info.compress_size
            infos[name] = info
        size = sum(info.file_size for info in infos.values())
        packed = self._path.stat().st_size
        if size > _RATIO_FROM and size > _MOST_RATIO * packed:
            raise self._bad(f"its {packed:,} bytes would become {size:,}")
        free = shutil.disk_usage(self._path.parent).free
        if size > free + packed:
            raise self._bad(f"it would become {size:,} bytes, and {free:,} are free")
        return infos

    def _manifest(self) -> dict[str, dict[str, Any]]:
        info = self._infos.get("manifest.json")
        if info is None:
            raise self._bad("it has no manifest.json", hint="a file made by: nbproof runs export")
        if info.file_size > _MOST_TEXT:
            raise self._bad(f"its manifest has {info.file_size:,} bytes")
        told = self._parsed("manifest.json", self._whole(info), dict)
        if told.get("format") != FORMAT:
            raise self._bad(f"its manifest says format {told.get('format')!r}, expected {FORMAT!r}")
        version = told.get("version")
        if not isinstance(version, int) or version < 1:
            raise self._bad(f"its manifest says version {version!r}")
        if version > VERSION:
            raise self._bad(
                f"it has version {version}; this nbproof reads up to {VERSION}", hint="pip install -U nbproof"
            )
        members = told.get("members")
        if not isinstance(members, dict):
            raise self._bad("its manifest names no members")
        for name, each in members.items():
            if not (
                isinstance(each, dict)
                and type(each.get("size_bytes")) is int
                and isinstance(each.get("sha256"), str)
            ):
                raise self._bad(f"its manifest does not say size and hash of {name!r}")
            info = self._infos.get(name)
            if info is None:
                raise self._bad(f"{name!r} is missing")
            if info.file_size != each["size_bytes"]:
                raise self._bad(f"{name!r} has {info.file_size:,} bytes, {each['size_bytes']:,} were written")
            if name.endswith("/run.json") and not re.fullmatch(r"runs/[0-9a-f]{32}/run\.json", name):
                raise self._bad(f"{name!r} is not where a run can be")
        stray = [name for name in self._infos if name not in members and not name.endswith("/")]
        if stray != ["manifest.json"]:
            stray.remove("manifest.json")
            raise self._bad(f"its manifest does not know {stray[0]!r}")
        return members

    def _whole(self, info: zipfile.ZipInfo) -> bytes:
        with self._damage(info.filename), self._zip.open(info) as stream:
            return stream.read(_MOST_TEXT)

    def _open(self, name: str) -> BinaryIO:
        with self._damage(name):
            stream = self._zip.open(self._infos[name])
        told = self._members[name]
        return cast(BinaryIO, _Checked(self, name, stream, told["size_bytes"], told["sha256"]))

    @contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        try:
            yield
        except (*_DAMAGE, RuntimeError) as error:
            raise self._bad(f"{name!r} is damaged: {error}") from None

    def _bad(self, what: str, *, hint: str | None = None) -> Invalid:
        return Invalid(
            f"{str(self._path.name)!r}: {what}",
            hint=hint or "nothing was imported; fetch or export the file again",
            details={"field": "path"},
        )


class _Checked(io.RawIOBase):
    """A member while it is read: its size is not exceeded, and at its end its hash is right."""

    def __init__(self, source: ArchiveSource, name: str, stream: Any, size: int, sha256: str) -> None:
        self._source, self._name, self._stream = source, name, stream
        self._left, self._sha256 = size, sha256
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self.readall()
        with self._source._damage(self._name):
            data: bytes = self._stream.read(size)
        self._digest.update(data)
        self._left -= len(data)
        if self._left < 0 or (not data and self._left):
            raise self._source._bad(f"{self._name!r} has another size than was written")
        if not data and self._digest.hexdigest() != self._sha256:
            raise self._source._bad(f"{self._name!r} is damaged: it has another hash than was written")
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _microseconds(text: Any) -> int:
    return microseconds_of(datetime.fromisoformat(_text(text)))
