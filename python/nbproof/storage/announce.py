"""Who is there: small files in Jupyter's runtime folder by which kernels and servers find each other.

===========================  ================================================================
``server-<pid>.json``        a server that drains, and the folders it serves
``workspace-<hash>.json``    a workspace that somebody opened, wherever it lies
===========================  ================================================================

They are hints.  Nothing is lost when they are missing, so nothing here raises where the disk fails.  Standard
library only: a kernel asks at the end of each run.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbproof.storage.journal.process import Process, is_dead, this_process

__all__ = [
    "announce_server",
    "announce_workspace",
    "announced_workspaces",
    "runtime_dir",
    "server_alive",
    "withdraw_server",
]


def runtime_dir() -> Path:
    """``<jupyter_runtime_dir>/nbproof``, without importing Jupyter where nobody has."""
    paths = sys.modules.get("jupyter_core.paths")
    if paths is not None:
        return Path(paths.jupyter_runtime_dir(), "nbproof")
    if runtime := os.environ.get("JUPYTER_RUNTIME_DIR"):
        return Path(runtime, "nbproof")
    return Path(_data_dir(), "runtime", "nbproof")


def _data_dir() -> Path:
    environ = os.environ
    if data := environ.get("JUPYTER_DATA_DIR"):
        return Path(data)
    if environ.get("JUPYTER_PLATFORM_DIRS", "no").lower() not in ("no", "n", "false", "off", "0", "0.0"):
        # Rare, and the rules are not ours to copy.
        with suppress(ImportError):
            from jupyter_core.paths import jupyter_data_dir

            return Path(jupyter_data_dir())
    home = Path.home().resolve()
    platform: str = sys.platform
    if platform == "darwin":
        return home / "Library" / "Jupyter"
    if platform == "win32":
        if appdata := environ.get("APPDATA"):
            return Path(appdata, "jupyter").resolve()
        return Path(environ.get("JUPYTER_CONFIG_DIR") or home / ".jupyter") / "data"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share", "jupyter")


# -- servers -----------------------------------------------------------------------------------------------


def announce_server(roots: Iterable[str | Path]) -> Path:
    """Say that this process drains the workspaces below these folders; once more replaces what was said."""
    path = runtime_dir() / f"server-{os.getpid()}.json"
    _write(path, {**asdict(this_process()), "roots": [_real(root) for root in roots]})
    return path


def withdraw_server() -> None:
    """Take back what `announce_server` said."""
    with suppress(OSError):
        (runtime_dir() / f"server-{os.getpid()}.json").unlink(missing_ok=True)


def server_alive(root: str | Path) -> bool:
    """Whether a living server of this machine drains the workspace in this folder."""
    place = Path(_real(root))
    here = this_process()
    for path, facts in _read("server-*.json"):
        try:
            process = Process(
                *(facts[name] for name in ("host", "boot_id", "pid", "pid_started", "pid_space"))
            )
            roots = [Path(served) for served in facts["roots"]]
        except (KeyError, TypeError):
            continue
        if process.host != here.host or process.pid_space != here.pid_space:
            continue
        if is_dead(process):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        elif any(place.is_relative_to(served) for served in roots):
            return True
    return False


# -- workspaces --------------------------------------------------------------------------------------------


def announce_workspace(root: str | Path) -> None:
    """Say that there is a workspace in this folder, the one that holds ``.nbproof``."""
    place = _real(root)
    # Not hashlib: loading OpenSSL takes longer than everything else that a first run needs.
    encoded = os.fsencode(place)
    digest = f"{zlib.crc32(encoded):08x}{zlib.adler32(encoded):08x}"
    path = runtime_dir() / f"workspace-{digest}.json"
    if not path.exists():
        _write(path, {"root": place, "announced_us": time.time_ns() // 1000})


def announced_workspaces() -> list[Path]:
    """The folders of all workspaces that were announced and are still there."""
    found = []
    for path, facts in _read("workspace-*.json"):
        root = facts.get("root")
        if not isinstance(root, str):
            continue
        if Path(root, ".nbproof").is_dir():
            found.append(Path(root))
        elif not Path(root).parent.exists():
            continue  # perhaps a disk that is not mounted today
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return sorted(found)


# -- files -------------------------------------------------------------------------------------------------


def _real(path: str | Path) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _write(path: Path, facts: dict[str, Any]) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_text(json.dumps(facts), encoding="utf-8")
        partial.replace(path)


def _read(pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    try:
        paths = sorted(runtime_dir().glob(pattern))
    except OSError:
        return
    for path in paths:
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(facts, dict):
            yield path, facts
