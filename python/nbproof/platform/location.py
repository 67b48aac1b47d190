"""Which workspace: where the folder ``.nbproof`` of a notebook or script is, or will be.

The order, tried from the top:

1. ``NBPROOF_URL``: a server;
2. ``NBPROOF_WORKSPACE``: the folder that holds ``.nbproof`` (or that folder itself);
3. the nearest ``.nbproof`` upward from the notebook's or script's folder, but never one in the home
   folder, the root, or a folder where anybody may put one (``/tmp``): there it would swallow every project
   below.  One that can't be written is read; what is recorded goes where rules 4 and 5 say, and once
   something is there, that is the workspace;
4. a new one at the root of the git repository, or beside the notebook where there is no git;
5. where that would be one of those, or a folder that can't be written: a folder of the user's own data
   directory that belongs to that place.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbproof.core.errors import Invalid

__all__ = ["FOLDER", "Location", "find_location", "running_source", "user_folder"]

FOLDER = ".nbproof"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a workspace is.

    Attributes
    ----------
    root : Path
        The folder that holds ``.nbproof``.
    exists : bool
        Whether ``.nbproof`` is there already.
    why : str
        Which rule found it, in words for the user.
    url : str or None
        Set for a workspace behind a server; `root` then means nothing.
    instead : Location or None
        Where what is recorded goes, because this one was found and can only be read.
    """

    root: Path
    exists: bool
    why: str
    url: str | None = None
    instead: Location | None = None

    @property
    def folder(self) -> Path:
        """The ``.nbproof`` folder itself."""
        return self.root / FOLDER


def find_location(
    start: Path, environ: Mapping[str, str] | None = None, *, home: Path | None = None
) -> Location:
    """The workspace of what runs in the folder `start`; nothing is created.

    Raises
    ------
    Invalid
        ``NBPROOF_WORKSPACE`` names a file.
    """
    environ = os.environ if environ is None else environ
    if url := environ.get("NBPROOF_URL"):
        return Location(Path(), True, "NBPROOF_URL", url.rstrip("/"))
    if named := environ.get("NBPROOF_WORKSPACE"):
        root = Path(named).expanduser().absolute()
        if root.name == FOLDER:
            root = root.parent
        if root.exists() and not root.is_dir():
            raise Invalid(
                f"NBPROOF_WORKSPACE names {named!r}, which is not a folder",
                hint="name the folder that holds .nbproof",
                details={"field": "NBPROOF_WORKSPACE"},
            )
        return Location(root, (root / FOLDER).is_dir(), "NBPROOF_WORKSPACE")
    home = (home or Path.home()).resolve()
    start = start.resolve()
    git_root: Path | None = None
    for folder in (start, *start.parents):
        if _too_wide(folder, home):
            continue
        if os.path.isdir(folder / FOLDER):  # unlike Path.is_dir, no error where we may not look
            nearest = Location(folder, True, f"the nearest {FOLDER} upward from {start}")
            if _takes_records(nearest.folder):
                return nearest
            return _read_only(nearest, start, git_root, environ, home)
        if git_root is None and os.path.exists(folder / ".git"):
            git_root = folder
    root, why = (
        (git_root, "the root of the git repository") if git_root else (start, "beside the notebook or script")
    )
    if _too_wide(root, home):
        return _own_place(root, environ, home, f"{root} is no project's folder")
    if not _writable(root):
        if root != start and _is_place(start, home):
            return Location(start, False, "beside the notebook or script")
        return _own_place(root, environ, home, f"{root} can't be written")
    return Location(root, False, why)


def _read_only(
    nearest: Location, start: Path, git_root: Path | None, environ: Mapping[str, str], home: Path
) -> Location:
    """Somebody else's workspace, with the place for what we record below it; if it is there, that place."""
    because = f"{nearest.folder} can't be written"
    for root, what in (
        (git_root, "the root of the git repository"),
        (start, "beside the notebook or script"),
    ):
        if root not in (None, nearest.root) and _is_place(root, home):
            return replace(nearest, instead=Location(root, False, f"{what}, because {because}"))
    own = _own_place(nearest.root, environ, home, because)
    return own if own.exists else replace(nearest, instead=own)


def running_source(environ: Mapping[str, str] | None = None) -> tuple[Path, Path | None]:
    """Folder and path of the notebook or script that is running, as far as it can be known.

    Jupyter Server tells a kernel its notebook by ``JPY_SESSION_NAME``, once: where there is no such file any
    more it was renamed, and the server is asked.  Editors tell by a variable ``__vsc_ipynb_file__``; a script
    is ``__main__.__file__``.  The path is None where nothing tells.
    """
    environ = os.environ if environ is None else environ
    main = sys.modules.get("__main__")
    session = environ.get("JPY_SESSION_NAME")
    if session and session.endswith(".ipynb"):
        path = Path(session)
        if path.is_absolute():
            if not os.path.exists(path):
                path = _renamed(path, environ)
            return path.parent, path
        # Some front ends give a path relative to a root that the kernel does not know.
        beside = Path.cwd() / path.name
        return Path.cwd(), beside
    notebook = getattr(main, "__vsc_ipynb_file__", None)
    if isinstance(notebook, str):
        return Path(notebook).parent, Path(notebook)
    if "ipykernel" in sys.modules and getattr(main, "get_ipython", None) is not None:
        return Path.cwd(), None
    script = getattr(main, "__file__", None)
    if isinstance(script, str) and not _is_command(main):
        path = Path(script).absolute()
        return path.parent, path
    return Path.cwd(), None


_new_names: dict[Path, Path] = {}


def _renamed(path: Path, environ: Mapping[str, str]) -> Path:
    """Where the notebook of this kernel is by now, as its server says; `path` if that can't be known."""
    known = _new_names.get(path)
    if known is not None and known.exists():
        return known
    try:
        found = _asked_of_server(environ)
    except Exception:
        return path  # a name is not worth an error in somebody's cell, whatever it is that answers
    if found is None:
        return path
    _new_names[path] = found
    return found


def _asked_of_server(environ: Mapping[str, str]) -> Path | None:
    import json
    from urllib.request import Request, urlopen

    from ipykernel.connect import get_connection_file  # there: a kernel asks

    from nbproof.storage.announce import runtime_dir

    kernel = Path(get_connection_file()).stem.removeprefix("kernel-")
    told = runtime_dir().parent / f"jpserver-{int(environ['JPY_PARENT_PID'])}.json"
    server = json.loads(told.read_text(encoding="utf-8"))
    request = Request(f"{server['url']}api/sessions", headers={"Authorization": f"token {server['token']}"})
    with urlopen(request, timeout=0.5) as answer:
        sessions = json.load(answer)
    for session in sessions:
        if session["kernel"]["id"] == kernel and str(session["path"]).endswith(".ipynb"):
            found = Path(server["root_dir"], session["path"])
            return found if found.exists() else None
    return None


def _is_command(main: object) -> bool:
    # A console script or `python -m something` of an installed package is not the user's work.
    spec = getattr(main, "__spec__", None)
    script = str(getattr(main, "__file__", ""))
    return spec is not None or Path(script).parent == Path(sys.executable).parent


def _too_wide(folder: Path, home: Path) -> bool:
    return folder == home or folder == folder.parent or _is_for_everybody(folder)


def _is_place(folder: Path, home: Path) -> bool:
    """Whether a workspace may be made here: one that is not looked for again would be lost."""
    return not _too_wide(folder, home) and _writable(folder)


def _is_for_everybody(folder: Path) -> bool:
    """Whether everybody may write there, and nobody may delete what others wrote, as in ``/tmp``."""
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)


def _writable(folder: Path) -> bool:
    # A folder that is not there yet can be made in the nearest one that is.
    there = next(each for each in (folder, *folder.parents) if os.path.exists(each))
    return os.access(there, os.W_OK | os.X_OK)


def _takes_records(folder: Path) -> bool:
    """Whether a ``.nbproof`` that is there can be recorded into: its journal is what is written to."""
    return _writable(folder) and _writable(folder / "journal")


def user_folder(environ: Mapping[str, str] | None = None, *, home: Path | None = None) -> Path:
    """Where nbproof keeps what belongs to the user and to no project."""
    environ = os.environ if environ is None else environ
    home = home or Path.home()
    base = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    return base / "nbproof"


def _own_place(place: Path, environ: Mapping[str, str], home: Path, why: str) -> Location:
    import hashlib

    digest = hashlib.blake2b(str(place).encode(), digest_size=4).hexdigest()
    root = user_folder(environ, home=home) / "workspaces" / f"{place.name or 'root'}-{digest}"
    return Location(root, (root / FOLDER).is_dir(), f"a folder of your own, because {why}")
