from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from tests.support.journals import new_writer, notebook_drain, open_notebook, stored_values


def test_a_database_locked_for_five_seconds_stops_neither_logging_nor_the_drain(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with open_notebook(tmp_path / "meta.db", tmp_path / "backups") as database:
        series = new_writer(folder).series("r", "loss")
        series.log(0.0)
        locker = sqlite3.connect(tmp_path / "meta.db", isolation_level=None, check_same_thread=False)
        locker.execute("BEGIN EXCLUSIVE")
        unlock = threading.Timer(5, locker.execute, ("ROLLBACK",))
        unlock.start()
        start = time.monotonic()
        for number in range(1, 100):
            series.log(float(number))
        assert unlock.is_alive()  # logging did not wait for the lock
        report = notebook_drain(folder, database).run_once()  # waits, and then does it
        assert time.monotonic() - start > 4
        assert report.points == 100
        assert stored_values(database) == [float(number) for number in range(100)]
        unlock.join()
        locker.close()
