"""nbproof in a notebook: magics, and the panel of the live run below the cell."""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ip: Any) -> None:
    """What ``%load_ext nbproof`` does; done again it does nothing new."""
    from nbproof.notebook.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """What ``%unload_ext nbproof`` does: everything as it was before."""
    from nbproof.notebook.extension import unload

    unload(ip)
