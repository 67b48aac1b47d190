"""``nbproof serve`` on PostgreSQL with a team of notebooks, each of which logs 1,000 points a second."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.table import Row, Table
from tests.support.plain_user import PlainUser, stop
from tests.support.postgres import PostgresServer, find_postgres
from tests.support.served import Served

_NOTEBOOKS = 20
_A_SECOND = 1000
_SECONDS = 10

ROWS = {
    "lag": Row(
        f"{_NOTEBOOKS} notebooks x {_A_SECOND:,} points/s to a server: the last is there", "s", at_most=5
    ),
    "arrived": Row("points of those notebooks that arrived", "points", all=True),
    "pace": Row("those notebooks together", "points/s", at_least=0.95 * _NOTEBOOKS * _A_SECOND),
    "p99": Row("log_metric in those notebooks, p99, the worst of them", "µs"),
}

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
took = time.perf_counter() - began
late.sort()
print(took, late[len(late) * 99 // 100] * 1e6, run.unacknowledged, flush=True)
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
    table = Table(ROWS)
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
    before = _processor_seconds(server)
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
    used = _processor_seconds(server) - before
    table.line("lag", lag, note=f"the server used {used:.1f} s of the processor")
    table.line("arrived", arrived, of=expected)
    table.line("pace", expected / max(float(each[0]) for each in told))
    table.line("p99", max(float(each[1]) for each in told))


def _processor_seconds(server: Served) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end_senders(place: Path) -> None:
    for path in place.glob("data/nbproof/queues/*/sender.json"):
        with suppress(OSError, ValueError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
