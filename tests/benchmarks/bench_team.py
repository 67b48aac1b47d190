"""``nbproof serve`` on PostgreSQL with a team of notebooks, each of which logs 1,000 points a second."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.table import Table
from tests.support.plain_user import PlainUser, stop
from tests.support.postgres import PostgresServer, find_postgres
from tests.support.served import Served

_NOTEBOOKS = 20
_A_SECOND = 1000
_SECONDS = 10

_NOTEBOOK = f"""
import sys, time
import nbproof as nbp

run = nbp.start_run(f"notebook {{sys.argv[1]}}", experiment="team")
late = []
began = time.perf_counter()
for step in range({_A_SECOND * _SECONDS}):
    due = began + step / {_A_SECOND}
    if (wait := due - time.perf_counter()) > 0:
        time.sleep(wait)
    before = time.perf_counter()
    run.log_metric("x", float(step))
    late.append(time.perf_counter() - before)
late.sort()
print(late[len(late) * 99 // 100] * 1e6, run.unacknowledged, flush=True)
import os
os._exit(0)  # as a kernel that is killed: what waits is sent by somebody else
"""


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    programs = find_postgres()
    user = PlainUser()
    if programs is None or (reason := user.open_the_way()):
        print(f"a team was not measured: {'PostgreSQL is not installed' if programs is None else reason}")
        return 0
    table = Table()
    postgres = PostgresServer(programs, user)
    try:
        root = user.folder("team")
        (root / ".nbproof").mkdir()
        settings = f'format = 1\ndatabase = "{postgres.create_database()}"\n'
        (root / ".nbproof" / "nbproof.toml").write_text(settings)
        server = Served(user, root)
        try:
            _measure(table, user, server)
        finally:
            server.close()
    finally:
        postgres.close()
        user.close()
    return table.exit_code


def _measure(table: Table, user: PlainUser, server: Served) -> None:
    places = [user.folder(f"notebook{number}") for number in range(_NOTEBOOKS)]
    server.get("/runs/search")
    notebooks = [
        user.start(
            [sys.executable, "-c", _NOTEBOOK, str(number)],
            cwd=place,
            env=user.environment(
                NBPROOF_URL=server.url, NBPROOF_TOKEN=server.token, XDG_DATA_HOME=str(place / "data")
            ),
            stdout=subprocess.PIPE,
        )
        for number, place in enumerate(places)
    ]
    try:
        told = [notebook.communicate(timeout=600)[0].split() for notebook in notebooks]
        ended = time.perf_counter()
        expected = _NOTEBOOKS * _A_SECOND * _SECONDS
        arrived = 0
        while arrived < expected and time.perf_counter() - ended < 120:
            arrived = sum(
                metric["count"]
                for run in server.get("/runs/search?limit=100")["items"]
                for metric in server.get(f"/runs/{run['id']}/metrics")["items"]
            )
        lag = time.perf_counter() - ended
    finally:
        for notebook in notebooks:
            stop(notebook)
        for place in places:
            _end_senders(place)
    table.line(
        f"{_NOTEBOOKS} notebooks x {_A_SECOND:,} points/s to a server: the last is there",
        lag, "s", bar=5.0, note=f"{arrived:,} of {expected:,} points",
    )  # fmt: skip
    table.line("... none lost, none twice", arrived, "points", passed=arrived == expected, told="all")
    table.line(
        "... log_metric meanwhile, p99, the worst notebook", max(float(each[0]) for each in told), "µs"
    )


def _end_senders(place: Path) -> None:
    import os
    import signal
    from contextlib import suppress

    for path in place.glob("data/nbproof/queues/*/sender.json"):
        with suppress(OSError, ValueError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
