"""Several processes that write one run, and how a run's process learns that it shall stop.

``NBPROOF_RUN_ID`` in the environment makes the runs of a process one run with those of others: the workers
of a distributed training, the steps of a shell script.  Whoever finds the run live joins it and, when it is
done, only leaves it; whoever is first to find it missing or ended starts it or goes on with it, and ends it.

Who is first is decided by a file that only one process can make, in ``<workspace>/claims``.  A request to
stop is a file, too, in ``<workspace>/cancel``: looking for it costs two microseconds, and no database.

Standard library only: this is on the hot path.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["RUN_ID", "Signals", "asked_run", "is_one_of_several"]

RUN_ID = "NBPROOF_RUN_ID"

# What launchers of parallel processes set: torchrun and accelerate, Slurm, Open MPI, MPICH, Horovod.
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "HOROVOD_RANK")


def asked_run(environ: Mapping[str, str]) -> str | None:
    """The run that the environment says to join: an id, or any other way to name a run."""
    return environ.get(RUN_ID, "").strip() or None


def is_one_of_several(environ: Mapping[str, str]) -> bool:
    """Whether a launcher started this process beside others that do the same."""
    return any(environ.get(name, "").isdigit() for name in _RANKS)


class Signals:
    """Files by which the processes of a workspace tell each other something about a run.

    Parameters
    ----------
    folder : Path, optional
        The workspace's folder; without one, nobody claims and only `ask` is asked.
    ask : callable, optional
        Looks into the records whether a run was asked to stop: for processes that may be on another machine
        than who asks.  Looked at only so often as `every_seconds`.
    """

    def __init__(
        self,
        folder: Path | None,
        ask: Callable[[str], bool] | None = None,
        *,
        every_seconds: float = 5.0,
    ) -> None:
        self._folder = folder
        self._ask = ask
        self._every = every_seconds
        self._next: dict[str, float] = {}

    def claim(self, name: str) -> bool:
        """Whether this process is the first to claim something; True where that cannot be told."""
        if self._folder is None:
            return True
        path = self._folder / "claims" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        except OSError:
            return True  # two starts of one run are one run
        return True

    def cancel(self, run_id: str) -> None:
        """Tell the process of a run to stop; where that fails, the records say it."""
        if self._folder is not None:
            with suppress(OSError):
                path = self._folder / "cancel" / run_id
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()

    def settled(self, run_id: str) -> None:
        """Forget a request to stop."""
        if self._folder is not None:
            with suppress(OSError):
                os.unlink(self._folder / "cancel" / run_id)

    def cancelled(self, run_ids: Iterable[str | None]) -> bool:
        """Whether one of these runs was asked to stop."""
        ids = [run_id for run_id in run_ids if run_id]
        if self._folder is not None:
            folder = f"{self._folder}/cancel/"
            if any(os.path.exists(folder + run_id) for run_id in ids):
                return True
        if self._ask is None:
            return False
        for run_id in ids:
            began = time.monotonic()
            if began >= self._next.get(run_id, 0.0):
                asked_to_stop = self._ask(run_id)
                took = time.monotonic() - began
                # A server that hardly answers must not slow a loop that asks at each step.
                self._next[run_id] = began + took + max(self._every, 20 * took)
                if asked_to_stop:
                    return True
        return False
