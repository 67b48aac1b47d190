"""What changes in IPython when the extension is loaded.

This runs within ``%load_ext``, so it loads nothing that a first log call would not load as well: magics know
their names, and read the rest of their declaration when they are first used.
"""

from __future__ import annotations

from typing import Any

from nbproof._version import __version__
from nbproof.core.errors import PlatformError
from nbproof.notebook import live
from nbproof.notebook.magics import DriftMagic, Magic, NbproofMagic, TrackDataMagic
from nbproof.platform.location import FOLDER
from nbproof.platform.rooms import magic_names
from nbproof.platform.workspace import Workspace, current
from nbproof.tracking.active import ActiveRun

__all__ = ["load", "unload"]


def load(ip: Any) -> None:
    """Register magics and the panel of live runs, and say where things are recorded."""
    again = isinstance(ip.magics_manager.magics["line"].get("nbproof"), NbproofMagic)
    magics: list[Magic | NbproofMagic | TrackDataMagic] = [
        *(DriftMagic() if name == "drift" else Magic(name) for name in magic_names()),
        TrackDataMagic(),
        NbproofMagic(),
    ]
    for magic in magics:
        ip.register_magic_function(magic, magic_kind="line", magic_name=magic.name)
    ip.display_formatter.ipython_display_formatter.for_type(ActiveRun, live.display_run)
    live.watch(ip)
    if not again:
        print(_where())  # noqa: T201 - below the cell that loads the extension


def unload(ip: Any) -> None:
    """Take back what `load` did; live runs go on."""
    magics = ip.magics_manager.magics["line"]
    ours = (Magic, TrackDataMagic, NbproofMagic)
    for name in [name for name, magic in magics.items() if isinstance(magic, ours)]:
        del magics[name]
    ip.display_formatter.ipython_display_formatter.pop(ActiveRun, None)
    live.unwatch(ip)


def _where() -> str:
    """One line about the workspace; what is wrong with it must not keep the magics from loading."""
    try:
        workspace = current()
        if not isinstance(workspace, Workspace):
            return f"nbproof {__version__}: recording to {workspace.url}"
        if not workspace.exists:
            place = f"a new workspace will be {workspace.folder}"
            return f"nbproof {__version__}: {place} ({workspace.location.why})"
        if instead := workspace.location.instead:
            place = f"reading {workspace.folder}; a new workspace will be {instead.folder}"
            return f"nbproof {__version__}: {place} ({instead.why})"
        from nbproof.storage.announce import announce_workspace

        announce_workspace(workspace.root)
        return f"nbproof {__version__}: recording into {workspace.root / FOLDER}"
    except PlatformError as error:
        return f"nbproof {__version__} can't record yet: {error}"
