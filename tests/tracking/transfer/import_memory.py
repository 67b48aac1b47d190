"""Imports a store in a process of its own and says by how many MB its memory grew.

``python -m tests.tracking.transfer.import_memory FOLDER SMALL LARGE``: a workspace is made in FOLDER, the
store SMALL is imported, so that whatever is loaded and kept once is there, then the store LARGE.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


def told_mb(field: str) -> float:
    """What Linux says of this process; `getrusage` would count the peak of who started it, too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {field} in /proc/self/status")


def main(folder: str, small: str, large: str) -> None:
    workspace = Workspace(
        Location(Path(folder), False, "a test"),
        say=lambda line: None,
        environ={"NBPROOF_CAPTURE_GIT": "0"},
    )
    workspace.transfer.import_runs(small)
    before = told_mb("VmRSS")
    report = workspace.transfer.import_runs(large)
    grown = told_mb("VmHWM") - before
    print(json.dumps({"points": report.taken["points"], "grown_mb": grown, "started_mb": before}))
    workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
