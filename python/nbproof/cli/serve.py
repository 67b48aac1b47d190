"""`nbproof serve`."""

from __future__ import annotations

import importlib
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
    port = values.get("port")
    if port is not None and not (port.isdigit() and int(port) < 65536):
        raise Invalid(f"--port is a number below 65536, found {port!r}", details={"field": "port"})
    if session.environ.get("NBPROOF_URL"):
        raise Invalid(
            "NBPROOF_URL (or --url) names a server, and that one serves its records; here a folder is served",
            hint="unset NBPROOF_URL, or leave out --url",
            details={"field": "url"},
        )
    # Faces do not import each other, so the server is looked up at run time, as the shell would.
    serve_folder = importlib.import_module("nbproof.server.serve").serve
    folder = values.get("folder") or session.environ.get("NBPROOF_WORKSPACE")
    given = {
        key: values[key] for key in ("host", "base_url", "token", "config", "allow_root") if key in values
    }
    if port is not None:
        given["port"] = int(port)
    code: int = serve_folder(Path(folder) if folder else None, **given)
    return code
