"""`nbproof doctor`: what is installed, where the workspace is, what does not work and how to mend it.

Looks and changes nothing, but for one file in the workspace that it writes and removes.  Whatever is broken
is a finding: the doctor itself never falls ill.
"""

from __future__ import annotations

import importlib.metadata as metadata
import importlib.util
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbproof._version import __version__
from nbproof.cli.session import Session
from nbproof.core.errors import PlatformError

if TYPE_CHECKING:
    from nbproof.platform.location import Location

__all__ = ["Finding", "doctor", "findings"]

Verdict = Literal["ok", "warn", "fail"]

# What is looked for, whether nbproof works without it, and what it is for.
_PACKAGES = (
    ("jupyterlab", False, "the panel beside the notebook", "pip install jupyterlab"),
    ("jupyter_server", True, "the server extension", "pip install -U nbproof"),
    ("ipykernel", False, "notebooks in this environment", "pip install ipykernel"),
    ("ipython", True, "magics", "pip install -U nbproof"),
    ("anywidget", True, "the live run panel in a cell", "pip install anywidget"),
    ("pandas", True, "search results and histories as frames", "pip install -U nbproof"),
    ("sqlalchemy", True, "records", "pip install -U nbproof"),
    ("psycopg", False, "records in PostgreSQL", 'pip install "nbproof[postgres]"'),
)
_LOW_BYTES = 500 << 20
_SKEW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    verdict: Verdict
    message: str
    mend: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def doctor(session: Session, values: Mapping[str, Any]) -> int:
    """Print what was found; 0 where nothing has failed."""
    found = list(findings(session))
    failed = any(each.verdict == "fail" for each in found)
    if session.json:
        session.print_json({"ok": not failed, "findings": [asdict(each) for each in found]})
        return 1 if failed else 0
    from rich.text import Text

    from nbproof.cli.render import Printer

    printer = Printer(in_notebook=session.in_notebook)
    signs = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}
    about = ""
    for each in found:
        word, style = signs[each.verdict]
        printer.line(
            Text(word, style=style), f"  {each.about if each.about != about else '':<12}{each.message}"
        )
        if each.mend:
            printer.line(f"{'':<18}-> {each.mend}")
        about = each.about
    counted = {verdict: sum(each.verdict == verdict for each in found) for verdict in signs}
    printer.line("")
    printer.line(
        "all is well"
        if counted["ok"] == len(found)
        else f"{counted['fail']} failed, {counted['warn']} to look at"
    )
    return 1 if failed else 0


def findings(session: Session) -> Iterator[Finding]:
    """Everything that is looked at, in order."""
    yield from _guarded("python", _python)
    yield from _guarded("packages", _packages)
    yield from _guarded("jupyter", _jupyter)
    locations: list[Location] = []
    yield from _guarded("workspace", lambda: _location(session, locations))
    if not locations:
        return
    location = locations[0]
    if location.url is not None:
        yield from _guarded("server", lambda: _remote(session))
        return
    yield from _guarded("settings", lambda: _settings(location, session.environ))
    if location.exists:
        yield from _guarded("disk", lambda: _disk(location))
        yield from _guarded("database", lambda: _database(session, location))
        yield from _guarded("content", lambda: _content(session, location))
        yield from _guarded("journal", lambda: _journal(session, location))
        yield from _guarded("clock", lambda: _clock(location))
    yield from _guarded("servers", lambda: _servers(location))


def _guarded(about: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except PlatformError as error:
        yield Finding(about, "fail", error.message, error.hint)
    except Exception as error:  # a doctor who faints helps nobody
        yield Finding(about, "warn", f"looking at this failed: {type(error).__name__}: {error}")


# -- what is installed ----------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    place = Path(__file__).resolve().parents[1]
    facts = {"python": version, "executable": sys.executable, "nbproof": __version__, "from": str(place)}
    yield Finding(
        "python", "ok", f"nbproof {__version__} on Python {version} ({sys.executable})", facts=facts
    )
    installed = _version("nbproof")
    if installed is not None and installed != __version__:
        yield Finding(
            "python",
            "warn",
            f"the code is nbproof {__version__}, what pip knows is {installed}",
            "pip install --force-reinstall nbproof, then restart the kernel",
        )


def _packages() -> Iterator[Finding]:
    for name, needed, purpose, mend in _PACKAGES:
        version = _version(name)
        if version is not None:
            yield Finding("packages", "ok", f"{name} {version}", facts={"package": name, "version": version})
        else:
            yield Finding(
                "packages",
                "fail" if needed else "ok",
                f"{name} is not here: {purpose}" + ("" if needed else " (optional)"),
                mend,
                {"package": name, "version": None},
            )


def _jupyter() -> Iterator[Finding]:
    yield from _server_extension()
    yield from _lab_extension()
    parent = os.environ.get("JPY_PARENT_PID")
    if parent:
        yield from _same_version(int(parent))


def _server_extension() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_config_path

    # The nearest that says something wins, as in Jupyter Server.
    for folder in jupyter_config_path():
        for path in (
            Path(folder, "jupyter_server_config.d", "nbproof.json"),
            Path(folder, "jupyter_server_config.json"),
        ):
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
                enabled = told["ServerApp"]["jpserver_extensions"]["nbproof"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if enabled:
                yield Finding("jupyter", "ok", "the server extension is enabled", facts={"by": str(path)})
            else:
                yield Finding(
                    "jupyter",
                    "warn",
                    f"the server extension is switched off by {path}",
                    "jupyter server extension enable nbproof",
                )
            return
    yield Finding(
        "jupyter",
        "warn",
        "the server extension is not enabled: no panel, and nobody drains while you work",
        "jupyter server extension enable nbproof",
    )


def _lab_extension() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        described = Path(folder, "nbproof", "package.json")
        if not described.is_file():
            continue
        version = str(json.loads(described.read_text(encoding="utf-8")).get("version"))
        facts = {"version": version, "folder": str(described.parent)}
        if _series(version) != _series(__version__):
            yield Finding(
                "jupyter",
                "warn",
                f"the panel is of nbproof {version}, this is {__version__}",
                "pip install -U nbproof in JupyterLab's environment, then reload the page",
                facts,
            )
        else:
            yield Finding("jupyter", "ok", f"the panel {version} is installed", facts=facts)
        return
    yield Finding(
        "jupyter",
        "warn",
        "JupyterLab in this environment has no panel of nbproof (one of another environment may have it)",
        "pip install nbproof in JupyterLab's environment",
    )


def _same_version(parent: int) -> Iterator[Finding]:
    """In a kernel: the server that started it may live in another environment."""
    health = _server_health(parent)
    if health is None:
        return
    version = str(health.get("version", ""))
    if _series(version) == _series(__version__):
        yield Finding("jupyter", "ok", f"kernel and JupyterLab have nbproof {__version__} and {version}")
    else:
        yield Finding(
            "jupyter",
            "warn",
            f"this kernel has nbproof {__version__}, JupyterLab {version}",
            "pip install -U nbproof in the older of the two environments",
        )


def _server_health(pid: int) -> dict[str, Any] | None:
    import http.client
    import urllib.request

    from jupyter_core.paths import jupyter_runtime_dir

    try:
        server = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{pid}.json").read_text(encoding="utf-8"))
        request = urllib.request.Request(f"{server['url']}nbproof/api/v1/health")
        if server.get("token"):
            request.add_header("Authorization", f"token {server['token']}")
        with urllib.request.urlopen(request, timeout=3) as answer:
            told = json.loads(answer.read())
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    return told if isinstance(told, dict) else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "" if package != "nbproof" and importlib.util.find_spec(package) else None


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


# -- the workspace --------------------------------------------------------------------------------


def _location(session: Session, found: list[Location]) -> Iterator[Finding]:
    from nbproof.platform.location import find_location

    environ = session.environ
    if session.in_notebook and session._given is not None and "url" not in vars(session._given):
        location = session._given.location  # type: ignore[union-attr]  # a remote one has an url
    else:
        location = find_location(Path.cwd(), environ)
    found.append(location)
    if location.url is not None:
        yield Finding(
            "workspace", "ok", f"the server {location.url} (NBPROOF_URL)", facts={"url": location.url}
        )
        yield from _queue(location.url, environ)
        return
    facts: dict[str, Any] = {"root": str(location.root), "exists": location.exists, "why": location.why}
    facts["rules"] = _rules(location, environ)
    if location.exists:
        yield Finding("workspace", "ok", f"{location.folder}", facts=facts)
        if location.instead is not None:
            yield Finding(
                "workspace",
                "warn",
                f"it is read only; what is recorded here goes to {location.instead.folder}",
                f"make {location.folder} writable to record into it",
            )
    else:
        yield Finding(
            "workspace", "ok", f"{location.folder} will be made by the first thing recorded", facts=facts
        )
    for rule in facts["rules"]:
        yield Finding(
            "workspace", "ok", f"  {'*' if rule['chosen'] else ' '} {rule['rule']}: {rule['found']}"
        )


def _queue(url: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What waits here for the server, and what keeps it from being sent."""
    from nbproof.platform.connection import Connection
    from nbproof.platform.queue import Queue

    queue = Queue.of(Connection(url), environ)
    waiting, trouble = queue.waiting(), queue.trouble()
    facts = {"queue": str(queue.folder), "waiting": waiting, "trouble": trouble}
    if not waiting:
        yield Finding("workspace", "ok", "nothing waits here for it", facts=facts)
        return
    yield Finding(
        "workspace",
        "warn" if trouble else "ok",
        f"{waiting:,} records wait here for it, in {queue.folder}" + (f": {trouble}" if trouble else ""),
        mend="mend that, then: nbproof sync" if trouble else None,
        facts=facts,
    )


def _rules(location: Location, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every rule in order, what each of them says here, and which one was taken."""
    start = Path.cwd().resolve()
    home = Path.home().resolve()
    passable = [each for each in (start, *start.parents) if each != home and each != each.parent]
    nearest = next((each for each in passable if (each / ".nbproof").is_dir()), None)
    git = next((each for each in passable if (each / ".git").exists()), None)
    rows = [
        ("NBPROOF_URL", environ.get("NBPROOF_URL") or "not set"),
        ("NBPROOF_WORKSPACE", environ.get("NBPROOF_WORKSPACE") or "not set"),
        ("the nearest .nbproof upward", str(nearest) if nearest else "none"),
        ("the root of the git repository", str(git) if git else "none"),
        ("this folder", str(start)),
        ("a folder of your own", "where none of the others can be written or is a project"),
    ]
    if environ.get("NBPROOF_WORKSPACE"):
        chosen = 1
    elif nearest is not None and location.root.resolve() == nearest:
        chosen = 2
    elif git is not None and location.root.resolve() == git:
        chosen = 3
    else:
        chosen = 4 if location.root.resolve() == start else 5
    return [
        {"rule": rule, "found": told, "chosen": place == chosen} for place, (rule, told) in enumerate(rows)
    ]


def _settings(location: Location, environ: Mapping[str, str]) -> Iterator[Finding]:
    from nbproof.core.configuration import SETTINGS_FILE, read_settings_file
    from nbproof.core.settings import load_settings
    from nbproof.platform.workspace import FORMAT

    raw = read_settings_file(location.folder / SETTINGS_FILE)
    written = raw.get("format", FORMAT)
    if isinstance(written, int) and written > FORMAT:
        yield Finding(
            "settings",
            "fail",
            f"the workspace has format {written}; this nbproof knows formats up to {FORMAT}",
            "pip install -U nbproof",
        )
        return
    settings = load_settings(location.folder, environ)
    told = ", ".join(
        f"{key} = {value!r}" for key, value in _shown(settings.model_dump(exclude_defaults=True)).items()
    )
    yield Finding("settings", "ok", told or "all at their defaults", facts=_shown(settings.model_dump()))


def _shown(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they may be pasted into an issue: without the database's password."""
    url = settings.get("database")
    if isinstance(url, str):
        url = re.sub(r"(://[^:/]*):.*@", r"\1:***@", url)
        settings = {**settings, "database": re.sub(r"(password=)[^&]*", r"\1***", url)}
    return settings


def _disk(location: Location) -> Iterator[Finding]:
    from nbproof.storage.mounts import on_network_mount

    folder = location.folder
    free = shutil.disk_usage(folder).free
    gigabytes = f"{free / 1e9:.1f} GB free"
    if free < _LOW_BYTES:
        yield Finding("disk", "warn", f"only {gigabytes}", "free some space; what can't be written is lost")
    else:
        yield Finding("disk", "ok", gigabytes, facts={"free_bytes": free})
    probe = folder / f".doctor-{os.getpid()}"
    try:
        with probe.open("xb") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()
        yield Finding("disk", "ok", "the workspace can be written")
    except OSError as error:
        probe.unlink(missing_ok=True)
        yield Finding(
            "disk",
            "fail",
            f"the workspace can't be written: {error.strerror or error}",
            f"make {folder} writable, or set NBPROOF_WORKSPACE to a folder that is",
        )
    if on_network_mount(folder):
        yield Finding(
            "disk",
            "warn",
            "the workspace is on a network mount: slower, and safe only if the mount supports file locks",
            "set a PostgreSQL database in nbproof.toml if several machines write",
        )


def _database(session: Session, location: Location) -> Iterator[Finding]:
    from nbproof.storage.database import check, current

    database = _opened(session, location)
    try:
        state = current(database)
        facts = asdict(state)
        if state.revision is None:
            yield Finding("database", "ok", f"{state.where} is made when it is first read", facts=facts)
        elif state.pending:
            yield Finding(
                "database",
                "warn",
                f"{state.where} is at revision {state.revision}, the newest is {state.head}",
                "it is upgraded, after a copy, when it is next used; or now: nbproof db upgrade",
                facts,
            )
        else:
            yield Finding("database", "ok", f"{state.where}, revision {state.revision}", facts=facts)
        yield from _free_pages(database, state.revision)
        for sentence in check(database) if state.revision is not None and not state.pending else []:
            yield Finding(
                "database", "fail", sentence, "put back a copy from .nbproof/backups; nbproof db check"
            )
    finally:
        database.close()


def _free_pages(database: Any, revision: str | None) -> Iterator[Finding]:
    from nbproof.core.listing import size_text
    from nbproof.storage.vacuum import free_pages

    if revision is None or database.dialect != "sqlite":
        return  # PostgreSQL looks after that by itself
    found = free_pages(database)
    told = (
        f"{size_text(found.free_bytes)} of {size_text(found.size_bytes)} ({found.ratio:.0%}) are free pages"
    )
    facts = {**asdict(found), "ratio": found.ratio}
    if found.worth_it:
        yield Finding("database", "warn", told, "give them back to the disk: nbproof db vacuum", facts)
    else:
        yield Finding("database", "ok", told, facts=facts)


def _opened(session: Session, location: Location) -> Any:
    from nbproof.core.settings import load_settings
    from nbproof.storage.database import Database

    url = load_settings(location.folder, session.environ).database
    return Database(url or location.folder / "meta.db")


def _journal(session: Session, location: Location) -> Iterator[Finding]:
    from nbproof.core.listing import size_text
    from nbproof.storage.condition import journal_condition

    folder = location.folder / "journal"
    database = _opened(session, location)
    try:
        found = journal_condition(folder, database)
    finally:
        database.close()
    waiting = f"{found.undrained} records wait for the next reader" if found.undrained else "all drained"
    writers = f"{found.writers} writer{'' if found.writers == 1 else 's'}"
    yield Finding(
        "journal", "ok", f"{writers}, {size_text(found.size_bytes)}, {waiting}", facts=asdict(found)
    )
    for sentence in found.unreadable:
        yield Finding("journal", "warn", sentence, "pip install -U nbproof, if a later nbproof wrote it")
    if found.bad:
        yield Finding(
            "journal",
            "warn",
            f"{found.bad} damaged records were skipped",
            "look at the disk: it lost what was written; everything else is whole",
        )
    if found.rejected:
        yield Finding(
            "journal",
            "warn",
            f"{found.rejected} records could not be applied",
            f"they are kept, each with its reason, in {folder / 'rejected'}",
        )


def _content(session: Session, location: Location) -> Iterator[Finding]:
    """The packs of content, by their names and sizes alone."""
    from nbproof.core.listing import size_text
    from nbproof.core.settings import load_settings
    from nbproof.storage.content.ends import backend_of
    from nbproof.storage.content.index import ContentIndex
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.content.upkeep import condition
    from nbproof.storage.database import current

    settings = load_settings(location.folder, session.environ)
    folder = location.folder / "content"
    database = _opened(session, location)
    try:
        state = current(database)
        if state.revision is None or state.pending:
            return  # the index is made, or upgraded, with the other records
        end = backend_of(folder, settings.content, settings.content_options)
        found = condition(ContentStore(end, ContentIndex(database), folder))
    finally:
        database.close()
    yield from _old_layout(folder)
    where = f" at {settings.content}" if settings.content else ""
    packs = f"{found.packs:,} pack{'' if found.packs == 1 else 's'} of content{where}"
    yield Finding(
        "content",
        "ok",
        f"{packs}, {size_text(found.bytes)}, {found.unfinished:,} unfinished",
        facts=asdict(found),
    )
    if found.damaged_records:
        yield Finding(
            "content",
            "fail",
            f"{found.damaged_records:,} damaged records were found by the last verify",
            "what that touches: nbproof datasets verify; registering or logging it again mends it",
        )
    if found.packs_missing:
        yield Finding(
            "content",
            "fail",
            f"{found.packs_missing:,} packs that the index knows are not there",
            "bring them back from a copy; nbproof datasets verify names what is touched",
        )
    if found.packs_unknown:
        yield Finding(
            "content",
            "warn",
            f"the index does not have all of {found.packs_unknown:,} packs",
            "nbproof datasets rebuild-index, if anything cannot be read; else nbproof gc takes it in or away",
        )


def _old_layout(folder: Path) -> Iterator[Finding]:
    """Artifacts that are still files of their own."""
    left = sum(1 for _ in (folder / "objects").glob("[0-9a-f][0-9a-f]/*"))
    if left:
        yield Finding(
            "content",
            "warn",
            f"{left:,} artifacts of an earlier nbproof are files of their own yet, or needed by nothing",
            "they are read where they are; nbproof gc moves those that are needed and deletes the rest",
        )


def _clock(location: Location) -> Iterator[Finding]:
    """The disk's clock beside ours: on a network mount it is another machine's."""
    probe = location.folder / f".doctor-clock-{os.getpid()}"
    try:
        probe.touch()
        skew = probe.stat().st_mtime - time.time()
    except OSError:
        return
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    if abs(skew) > _SKEW_SECONDS or time.time() < 1.7e9:
        yield Finding(
            "clock",
            "warn",
            f"this machine's clock and the disk's differ by {abs(skew):.0f} s",
            "set the clocks by NTP: times of records come from the machine that wrote them",
        )
    else:
        yield Finding("clock", "ok", "agrees with the disk's")


def _servers(location: Location) -> Iterator[Finding]:
    from nbproof.storage.announce import server_alive

    if server_alive(location.root):
        yield Finding("servers", "ok", "a running server drains this workspace")
    else:
        yield Finding("servers", "ok", "no running server serves this workspace; runs drain when they end")


def _remote(session: Session) -> Iterator[Finding]:
    page = session.ask("experiments.list", limit=1)
    yield Finding(
        "server", "ok", f"it answers; {'there are experiments' if page.items else 'nothing is recorded yet'}"
    )
