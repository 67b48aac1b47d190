"""The rules of the trash: what may be thrown away, what goes along, what comes back, what goes for good.

* A live run is not thrown away: it is ended or cancelled first.
* What is nested in a run, and what is in an experiment, goes along and comes back along.
* What is written to a run in the trash is kept: it is there when the run comes back.
* What is purged is gone; what a process still writes to it is put aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nbproof.core.errors import Conflict, Invalid
from nbproof.core.ids import short

if TYPE_CHECKING:
    from nbproof.tracking.repository.trash import Lineage

__all__ = ["brought_back", "none_is_live", "refuse_purge", "thrown_away"]


def thrown_away(lineage: Iterable[Lineage]) -> list[str]:
    """The runs to throw away: these, but for those that are in the trash already.

    Raises
    ------
    Conflict
        One of them is live.
    """
    going = [run for run in lineage if run.deleted_us is None]
    none_is_live(going)
    return [run.id for run in going]


def none_is_live(runs: Iterable[Lineage]) -> None:
    """Raise `Conflict` if one of the runs is live."""
    live = [run for run in runs if run.status == "running"]
    if live:
        others = f" (and {len(live) - 1} more)" if len(live) > 1 else ""
        raise Conflict(
            f"run {live[0].name!r} ({short(live[0].id)}){others} is running and is not thrown away",
            hint=f"end it first: nbproof runs end {short(live[0].id)}",
            details={"running": [run.id for run in live]},
        )


def brought_back(asked: Sequence[str], lineage: Sequence[Lineage]) -> dict[str, int]:
    """The runs to bring back, each with the time it was thrown away.

    Of what is nested in a run comes back what went along with it: what was thrown away at the same time.
    """
    gone = {run.id: run.deleted_us for run in lineage if run.deleted_us is not None}
    times = {gone[run] for run in asked if run in gone}
    return {run: deleted_us for run, deleted_us in gone.items() if deleted_us in times}


def refuse_purge(lineage: Iterable[Lineage], *, dry_run: bool, yes: bool) -> None:
    """Raise for a purge that was not meant, or of runs that are not in the trash."""
    for run in lineage:
        if run.deleted_us is None:
            raise Conflict(
                f"run {run.name!r} ({short(run.id)}) is not in the trash",
                hint=f"throw it away first: nbproof runs delete {short(run.id)}",
                details={"run": run.id},
            )
    if not (dry_run or yes):
        raise Invalid(
            "purging can't be undone",
            hint="say --yes (yes=True) to do it, or --dry-run (dry_run=True) to see what would go",
            details={"field": "yes"},
        )
