"""`nbproof serve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbproof.cli.session import Session
from nbproof.core.errors import Invalid

__all__ = ["serve"]


def serve(session: Session, values: Mapping[str, Any]) -> int:
    """Serve until Ctrl-C."""
    if session.in_notebook:
        raise Invalid("nbproof serve runs until it is stopped", hint="run it in a terminal")
    folder = Path(values.get("folder") or session.environ.get("NBPROOF_WORKSPACE") or ".").expanduser()
    if not folder.is_dir():
        raise Invalid(f"there is no folder {str(folder)!r}", details={"field": "folder"})
    port = values.get("port")
    if port is not None and (not str(port).isdigit() or not 0 <= int(port) < 65536):
        raise Invalid(f"--port is a number below 65536, found {port!r}", details={"field": "port"})
    from nbproof.server.serve import serve as serve_folder

    given = {key: values[key] for key in ("ip", "token") if values.get(key)}
    if port is not None:
        given["port"] = int(port)
    serve_folder(folder.resolve(), **given)
    return 0
