"""What a plain install brings: ours from the wheel, the peers from the registry, each in its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks.environments import NAMES, beside, figures, python_of
from tests.benchmarks.table import Row, Table

_NOT_ITS_OWN = ("pip", "setuptools")

ROWS = {
    "packages": Row("plain install, packages"),
    "disk": Row("plain install, on disk", "MB"),
}


def size(name: str, _: Path) -> tuple[int, float]:
    """Distributions and MB in an environment, without pip's own and setuptools'."""
    packages = next((python_of(name).parents[1] / "lib").glob("python*")) / "site-packages"
    brought = [each for each in packages.glob("*.dist-info") if not each.name.startswith(_NOT_ITS_OWN)]
    total = 0
    for folder, folders, files in os.walk(packages):
        if Path(folder) == packages:
            folders[:] = [each for each in folders if not each.startswith(_NOT_ITS_OWN)]
        total += sum(os.lstat(os.path.join(folder, each)).st_blocks * 512 for each in files)
    return len(brought), total / 1e6


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    sizes = beside(NAMES, size)
    for place, row in enumerate(ROWS):
        ours, peers = figures(sizes, lambda answer, place=place: answer[place])  # type: ignore[misc]  # its own place
        table.line(row, ours, peers=peers, note="tensorboardX with TensorBoard, which reads what it writes")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())
