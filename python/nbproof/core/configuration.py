"""Raw settings, read without pydantic: what a kernel needs before its first log call.

The full, checked form is `nbproof.core.settings.Settings`; importing that costs more than the
whole budget of a first `start_run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbproof.core.errors import Invalid

__all__ = ["SETTINGS_FILE", "read_settings_file"]

SETTINGS_FILE = "nbproof.toml"


def read_settings_file(path: Path) -> dict[str, Any]:
    """The tables of an ``nbproof.toml``; empty where there is none.

    Raises
    ------
    Invalid
        The file is not TOML, or can't be read; the message names the file and the line.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}", details={"field": str(path)}) from None
    import tomllib  # only now: a first run in an empty folder has no use for it

    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path} is not valid TOML: {error}",
            hint="mend the line, or move the file away to fall back on the defaults",
            details={"field": str(path)},
        ) from None
