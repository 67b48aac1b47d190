"""What kind of disk a path is on.  Standard library only: the journal asks too."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

__all__ = ["holds_mappings", "on_network_mount"]

# Locks and shared mappings are not to be relied on there.
_NETWORK = frozenset("9p afs beegfs ceph cifs davfs gpfs lustre ncpfs nfs nfs4 smb2 smb3 smbfs".split())
# A page that is written anew takes new space there, however often it was written before: where the disk is
# full, the process that writes to a mapping is killed (SIGBUS) instead of told.
_COPIES_ON_WRITE = frozenset("bcachefs btrfs f2fs nilfs2 zfs".split())
_MOUNTINFO = "/proc/self/mountinfo"


def on_network_mount(path: str | Path) -> bool:
    """Whether a path is on a disk that other machines share (NFS, SMB, sshfs and their kind).

    A path that does not exist counts as its nearest ancestor that does; without ``/proc`` the answer is no.
    """
    return _is_network(_kind(os.path.realpath(path)))


def holds_mappings(path: str | Path) -> bool:
    """Whether space once written to stays ours, so that a shared mapping of it can always be written.

    Not on network mounts and FUSE, and not where a write takes new space.
    """
    real = os.path.realpath(path)
    if sys.platform == "darwin":
        # Without /proc: the disk that holds the home folders is meant, the others may be anything.
        try:
            return os.stat(real).st_dev == os.stat("/System/Volumes/Data").st_dev
        except OSError:
            return False
    kind = _kind(real)
    return not (_is_network(kind) or kind.startswith("fuse") or kind in _COPIES_ON_WRITE)


def _is_network(kind: str) -> bool:
    return kind in _NETWORK or (
        kind.startswith("fuse.") and not kind.startswith(("fuse.overlay", "fuse.snap"))
    )


@lru_cache(maxsize=64)
def _kind(path: str) -> str:
    kind, longest = "", -1
    for mount_point, mounted in _mounts():
        inside = path == mount_point or path.startswith(mount_point.rstrip("/") + "/")
        # Later lines hide earlier ones at the same place.
        if inside and len(mount_point) >= longest:
            kind, longest = mounted, len(mount_point)
    return kind


def _mounts() -> list[tuple[str, str]]:
    try:
        with open(_MOUNTINFO, encoding="utf-8", errors="surrogateescape") as lines:
            fields = [line.split(" ") for line in lines]
    except OSError:
        return []
    return [(_unescaped(row[4]), row[row.index("-") + 1]) for row in fields if "-" in row]


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
