"""What is wrong with a symbolic link."""

from __future__ import annotations

import errno
import os

__all__ = ["broken_link"]


def broken_link(path: str | os.PathLike[str]) -> str | None:
    """How a link fails, as words that follow its name; None for one that leads somewhere, and for no link."""
    if not os.path.islink(path):
        return None
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "is a link that leads back to itself"
        return f"is a link that leads nowhere: to {os.readlink(path)!r}"
    return None
