"""A disk of a few MB, so that a full one can be tried."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["SIZE_BYTES", "mount_small_disk", "unmount"]

SIZE_BYTES = 4 << 20


def mount_small_disk(folder: Path) -> Path | None:
    """Mount a tmpfs of 4 MiB over a folder; None where that is not allowed."""
    program = shutil.which("mount")
    if program is None:
        return None
    options = f"size={SIZE_BYTES},mode=0777"
    done = subprocess.run(
        [program, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    return folder if done.returncode == 0 else None


def unmount(folder: Path) -> None:
    """Take it away again, also while somebody is still in it."""
    subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)
