"""Drift between two tables: found from their stored profiles or from the data, and kept as a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbproof.core.clock import Clock, datetime_of, microseconds_of
from nbproof.core.errors import NotFound
from nbproof.core.ids import new_id
from nbproof.core.operation import Page
from nbproof.datasets.drift_models import ColumnDriftView, DriftFinding, DriftReport, DriftTogether
from nbproof.datasets.lineage import edges_of_comparing
from nbproof.datasets.sides import Side, checked_columns, side_of
from nbproof.storage.content.codec import compress, decompressed
from nbproof.storage.progress import Progress

if TYPE_CHECKING:
    from nbproof.datasets.handle import DatasetHandle
    from nbproof.datasets.repository import DatasetRepository, DriftReportRepository
    from nbproof.lineage.domain import Edge
    from nbproof.stats.drift import DriftResult
    from nbproof.stats.profile import ColumnProfile

__all__ = ["DriftReports"]

_BARS = 24
_LABELS = 8
_TAIL = 0.002  # of the rows on each side, which bars leave out: else one outlier makes all the rest one bar
_ALL = 1_000_000
# What a view has of its own, or has made otherwise.
_OWN = {"findings", "edges", "labels", "reference_bars", "current_bars"}
_TAKEN = set(ColumnDriftView.model_fields) - _OWN


class DriftReports:
    """Reports of drift in one workspace.

    Laws: safe from any thread; of two versions there is one report for each way of asking.

    Parameters
    ----------
    handle : callable
        Opens the version that a text names.
    datasets, reports : callable
        The records, made when they are first needed.
    clock : Clock
    prepare : callable, optional
        Called before the first write.
    run_id : callable, optional
        The run that is live, if any.
    draw : callable, optional
        Keeps edges of lineage.
    """

    def __init__(
        self,
        handle: Callable[[str], DatasetHandle],
        datasets: Callable[[], DatasetRepository],
        reports: Callable[[], DriftReportRepository],
        *,
        clock: Clock,
        prepare: Callable[[], object] | None = None,
        run_id: Callable[[], str | None] | None = None,
        draw: Callable[[list[Edge]], None] | None = None,
    ) -> None:
        self._handle = handle
        self._datasets = datasets
        self._reports = reports
        self._clock = clock
        self._prepare = prepare
        self._run_id = run_id
        self._draw = draw

    def detect(
        self,
        reference: Any,
        current: Any,
        *,
        exact: bool,
        columns: Sequence[str] | None,
        run_id: str | None = None,
    ) -> DriftReport:
        """Compare and keep what was found."""
        one, other = (
            side_of(given, self._handle, field)
            for given, field in ((reference, "reference"), (current, "current"))
        )
        wanted = checked_columns(columns, one, other)
        with Progress(f"comparing {one.name} with {other.name}", 100, unit="%") as bar:
            result = _found(one, other, wanted, exact=exact, progress=bar.share)
        pictures = {each.name: each for each in reversed(one.profiles)}
        others = {each.name: each for each in reversed(other.profiles)}
        now_us = self._clock.now_us()
        report = DriftReport(
            id=new_id(now_us // 1000),
            reference=one.name,
            current=other.name,
            reference_id=one.version_id,
            current_id=other.version_id,
            severity=result.severity,
            score=result.score,
            share_drifted=result.share_drifted,
            sentence=result.sentence,
            action=result.action,
            exact=exact,
            reference_rows=result.reference_rows,
            current_rows=result.current_rows,
            columns=[
                ColumnDriftView(
                    **{name: getattr(each, name) for name in _TAKEN},
                    findings=[DriftFinding(**finding.__dict__) for finding in each.findings],
                    **_bars(pictures.get(each.name), others.get(each.name)),
                )
                for each in result.columns
            ],
            together=None
            if result.multivariate is None
            else DriftTogether(
                **{
                    key: value
                    for key, value in result.multivariate.to_json().items()
                    if key in DriftTogether.model_fields
                }
            ),
            run_id=run_id or (None if self._run_id is None else self._run_id()),
            created_at=datetime_of(now_us),
        )
        return self.keep(report, wanted)

    def keep(self, report: DriftReport, columns: Sequence[str] | None) -> DriftReport:
        """Keep a report, in place of one that was asked for in the same way; it has that one's id then.

        Raises
        ------
        NotFound
            It is about a version that is not here.
        """
        ids = {each for each in (report.reference_id, report.current_id) if each is not None}
        if missing := ids - {each.id for each in self._datasets().with_ids(list(ids))}:
            raise NotFound(f"no dataset version {min(missing)}", details={"field": "report"})
        if self._prepare is not None:
            self._prepare()
        identifier = self._reports().add(
            {
                "id": report.id,
                "reference_id": report.reference_id,
                "current_id": report.current_id,
                "asked": _asked(columns, exact=report.exact),
                "reference": report.reference,
                "current": report.current,
                "severity": report.severity,
                "report": compress(report.model_dump_json().encode()),
                "run_id": report.run_id,
                "created_us": microseconds_of(report.created_at),
            }
        )
        kept = report.model_copy(update={"id": identifier})
        if self._draw is not None:
            self._draw(edges_of_comparing(kept))
        return kept

    def list_drift_reports(
        self, dataset: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[DriftReport]:
        """The reports that are kept, latest first.

        Parameters
        ----------
        dataset : str, optional
            Only those in which a version of this dataset was compared.

        Raises
        ------
        NotFound
            There is no such dataset.
        """
        versions = (
            None
            if dataset is None
            else [each.id for each in self._datasets().versions(dataset.partition("@")[0], limit=_ALL)]
        )
        rows = self._reports().reports(version_ids=versions, limit=limit + 1, before=after)
        items = [_report(row) for row in rows[:limit]]
        return Page[DriftReport](items=items, next=items[-1].id if len(rows) > limit else None)

    def get_drift_report(self, id: str) -> DriftReport:
        """A report that is kept, by its id or the last six digits of it.

        Raises
        ------
        NotFound
            There is none.
        """
        row = self._reports().get(id)
        if row is None:
            raise NotFound(
                f"no drift report {id!r}", hint="the list of drift reports shows those that are kept"
            )
        return _report(row)


def _report(row: dict[str, Any]) -> DriftReport:
    told = json.loads(decompressed(bytes(row["report"])))
    return DriftReport.model_validate({**told, "id": row["id"]})


def _asked(columns: Sequence[str] | None, *, exact: bool) -> str:
    which = "all"
    if columns is not None:
        which = hashlib.blake2b(json.dumps(sorted(columns)).encode(), digest_size=16).hexdigest()
    return f"{'exact' if exact else 'profiles'} {which}"


def _found(
    one: Side,
    other: Side,
    columns: list[str] | None,
    *,
    exact: bool,
    progress: Callable[[float], object],
) -> DriftResult:
    from nbproof.stats.drift import detect_drift, detect_drift_exact

    if not exact:
        return detect_drift(
            _chosen(one.profiles, columns), _chosen(other.profiles, columns), progress=progress
        )
    tables = [
        side.table(None if columns is None else [each for each in columns if each in side.names])
        for side in (one, other)
    ]
    return detect_drift_exact(*tables, multivariate=True, progress=progress)


def _chosen(profiles: list[ColumnProfile], columns: list[str] | None) -> list[ColumnProfile]:
    return profiles if columns is None else [each for each in profiles if each.name in columns]


def _bars(one: ColumnProfile | None, other: ColumnProfile | None) -> dict[str, Any]:
    """The shares of rows that both have, bar by bar."""
    known = [each for each in (one, other) if each is not None and each.count > 0]
    if len(known) < 2 or known[0].kind == "nested" or known[1].kind == "nested":
        return {}
    first, second = known
    if first.edges and second.edges:
        return _number_bars(first, second)
    if not first.edges and not second.edges:
        return _label_bars(first, second)
    return {}


def _number_bars(one: ColumnProfile, other: ColumnProfile) -> dict[str, Any]:
    import numpy as np

    from nbproof.stats.profile import distribution_at

    ends = [each.quantile(share) for each in (one, other) for share in (_TAIL, 1 - _TAIL)]
    known = [each for each in ends if each is not None]
    low, high = min(known), max(known)
    if not low < high or not np.isfinite(high - low):
        return {}
    edges = np.linspace(low, high, _BARS + 1)
    bars = []
    for each in (one, other):
        below, upto, _ = distribution_at(each, edges)
        sums = np.append(below[:-1], upto[-1]).astype(float)
        bars.append([round(value, 6) for value in (np.diff(sums) / each.count).tolist()])
    return {"edges": edges.tolist(), "reference_bars": bars[0], "current_bars": bars[1]}


def _label_bars(one: ColumnProfile, other: ColumnProfile) -> dict[str, Any]:
    shares = [{str(value): count / each.count for value, count in each.top} for each in (one, other)]
    together = {name: shares[0].get(name, 0.0) + shares[1].get(name, 0.0) for side in shares for name in side}
    most = sorted(together, key=lambda name: (-together[name], name))[:_LABELS]
    return {
        "labels": most,
        "reference_bars": [round(shares[0].get(name, 0.0), 6) for name in most],
        "current_bars": [round(shares[1].get(name, 0.0), 6) for name in most],
    }
