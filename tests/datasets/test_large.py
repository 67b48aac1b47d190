"""What is larger than memory is read once, from its beginning to its end, and never held as a whole."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

_GROUP = 1_000_000
_COLUMNS = 10
_REGISTER = textwrap.dedent(
    """
    import re, sys
    import pyarrow.dataset as ds
    import nbproof as nbp

    path, way = sys.argv[1:]
    version = nbp.register_dataset(ds.dataset(path) if way == "rows" else path, "large")
    # Not by getrusage, which remembers what the process was before it became another program.
    told = open("/proc/self/status").read()
    print(version.rows, version.size_bytes, re.search(r"VmHWM:\\s+(\\d+)", told)[1])
    """
)


@pytest.fixture
def parquet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file of about so many bytes, that compresses hardly, and how many rows it has."""
    path = tmp_path / "large.parquet"
    chance = np.random.default_rng(1)
    schema = pa.schema([(f"number_{column}", pa.float64()) for column in range(_COLUMNS)])
    groups = max(request.param // (8 * _GROUP * _COLUMNS), 1)
    with pq.ParquetWriter(path, schema, compression="NONE", use_dictionary=False) as writer:
        for _ in range(groups):
            writer.write_table(
                pa.table([chance.random(_GROUP) for _ in range(_COLUMNS)], schema=schema), _GROUP // 8
            )
    yield path, groups * _GROUP
    path.unlink()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nobody tells how much memory was used")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["rows", "file"])
@pytest.mark.parametrize(
    "parquet", [800 << 20, pytest.param(10 << 30, marks=pytest.mark.soak)], indirect=True, ids=["1GB", "10GB"]
)
@pytest.mark.newest
def test_a_table_larger_than_memory_is_registered_in_some_of_it(parquet, way, tmp_path):
    path, rows = parquet

    told = subprocess.run(
        [sys.executable, "-c", _REGISTER, str(path), way],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert told[0] == (str(rows) if way == "rows" else "None")
    assert int(told[1]) > rows * _COLUMNS * 8 * 0.99
    print(f"peak of {int(told[2]) // 1000:,} MB")
    assert int(told[2]) < 1_000_000  # kilobytes: the same for any size
