"""Brings runs from elsewhere into the journal, and tells first how each stands to what is here.

A run is compared with the one of its id:

* nothing here: it is *taken*;
* all it has is here: it is *there already*, and left alone;
* what is here is a beginning of it (an import that was cut off, or a run that has grown since): it is
  *completed* by what is missing;
* anything contradicts: it *differs*, and is left alone.

So importing again changes nothing, and importing after an interruption goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from blake3 import blake3

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import NotFound, PlatformError, Unavailable
from nbproof.core.ids import new_id, short
from nbproof.core.operation import View
from nbproof.core.redaction import redact_text, redact_value, without_credentials
from nbproof.storage.objects import StoredObject
from nbproof.storage.point_records import encoder
from nbproof.tracking.domain import NAME_LIMIT
from nbproof.tracking.models import Artifact, Run
from nbproof.tracking.points import Points
from nbproof.tracking.repository.stored import clean
from nbproof.tracking.transfer.archive import Tally
from nbproof.tracking.transfer.portable import PIECE, Findings, PortableArtifact, PortableRun
from nbproof.tracking.values import plain, tag_value, without_secrets

if TYPE_CHECKING:
    from nbproof.storage.journal.writer import JournalWriter
    from nbproof.storage.objects import ObjectStorage
    from nbproof.tracking.repository import RunRepository
    from nbproof.tracking.transfer.models import Outcome

__all__ = ["OWN_RUN_FIELDS", "Recorder", "Standing", "artifact_facts", "facts_of", "record_points"]

OWN_RUN_FIELDS = frozenset(
    "id name experiment experiment_id status started ended parent_id notes params metrics tags artifacts git "
    "code newest_metric children previews cancel_requested deleted".split()
)
"""Fields of a run that moving knows by name, or that are made anew where it arrives.

All others travel as they are; whether they arrived is looked at afterwards.
"""

OWN_ARTIFACT_FIELDS = frozenset("name version size_bytes hash location".split())

_EMPTY: tuple[Any, ...] = (None, [], {}, "")
_ENTRIES = 500  # of params or tags in one event
_DRAIN_EVERY = 2_000_000  # points, so that the journal stays small


def artifact_facts(artifact: Artifact) -> dict[str, Any]:
    """`facts_of` an artifact, its metadata as it is: JSON has no NaN."""
    facts = facts_of(artifact, OWN_ARTIFACT_FIELDS)
    return {**facts, "metadata": artifact.metadata} if artifact.metadata else facts


def facts_of(view: View, own: frozenset[str]) -> dict[str, Any]:
    """The fields of a model that moving does not know by name, as JSON, without the empty ones."""
    told = view.model_dump(mode="json", exclude=set(own))
    return {key: value for key, value in told.items() if value not in _EMPTY}


def record_points(journal: JournalWriter, run_id: str, pieces: Iterable[tuple[str, Points]]) -> None:
    """Write points into the journal, those of a metric in their order."""
    name = series = None
    for metric, points in pieces:
        if metric != name or series is None:
            name, series = metric, journal.series(run_id, metric)
        series.log_many(points.n, encoder(points.steps, points.times, points.values))


@dataclass(slots=True)
class Standing:
    """How a run from elsewhere stands to the one of its id."""

    outcome: Outcome
    differences: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: list[PortableArtifact] = field(default_factory=list)
    points_here: dict[str, int] = field(default_factory=dict)
    points: bool = True
    end: bool = True
    notes: bool = False
    provenance: bool = True


class Recorder:
    """Takes runs, one after the other.

    Parameters
    ----------
    journal, records, catch_up, storage
        Those of the workspace.
    findings : Findings
        Takes what cannot be kept.
    """

    def __init__(
        self,
        journal: JournalWriter,
        records: Callable[[], RunRepository],
        catch_up: Callable[[], object],
        storage: Callable[[], ObjectStorage],
        findings: Findings,
    ) -> None:
        self._journal = journal
        self._records = records
        self._catch_up = catch_up
        self._storage = storage
        self._findings = findings
        self._undrained = 0
        self.tally = Tally()

    # -- looking -----------------------------------------------------------------------------------

    def standing(self, run: PortableRun) -> Standing:
        """Compare a run with what is here; records nothing."""
        self._make_fit(run)
        try:
            here = self._records().get_run(run.id)
        except NotFound:
            if self._records().trash.purged([run.id]):
                return Standing("differs", ["it was purged here; new_ids takes it as another run"])
            return Standing("taken", params=run.params, tags=run.tags, artifacts=run.artifacts)
        if here.deleted is not None:
            return Standing("differs", ["it is in the trash here; bring it back first"])
        found = Standing("there already", provenance=here.git is None and here.code is None)
        self._compare_facts(run, here, found)
        self._compare_points(run, here, found)
        if found.differences:
            found.outcome = "differs"
        elif found.params or found.tags or found.artifacts or found.points or found.end or found.notes:
            # Only what is over may be completed: a live run belongs to those who write it.
            if here.status == "running":
                found.outcome, found.differences = "differs", ["it is running here"]
            else:
                found.outcome = "completed"
        return found

    def _compare_facts(self, run: PortableRun, here: Run, found: Standing) -> None:
        def differ(what: str, ours: object, theirs: object) -> None:
            found.differences.append(f"{what} is {_brief(ours)} here and {_brief(theirs)} there")

        pairs: list[tuple[str, object, object]] = [
            ("name", here.name, run.name),
            ("experiment", here.experiment, run.experiment),
            ("parent", here.parent_id, run.parent_id),
        ]
        if run.timed:
            pairs.append(("start", microseconds_of(here.started), run.started_us))
        for what, ours, theirs in pairs:
            if ours != theirs:
                differ(what, ours, theirs)
        if run.notes and not here.notes:
            found.notes = True
        elif run.notes and here.notes != run.notes:
            differ("notes", here.notes, run.notes)
        for key, value in run.params.items():
            if key not in here.params:
                found.params[key] = value
            elif not _same(here.params[key], value):
                differ(f"param {key!r}", here.params[key], value)
        for key, text in run.tags.items():
            if key not in here.tags:
                found.tags[key] = text
            elif here.tags[key] != text:
                differ(f"tag {key!r}", here.tags[key], text)
        self._compare_artifacts(run, here, found)
        ending = _ending(run)
        found.end = here.status != ending and here.status == "interrupted"
        if here.status not in (ending, "interrupted", "running"):
            if ending == "interrupted":
                return  # it was looked at earlier there than here
            differ("status", here.status, ending)

    def _compare_artifacts(self, run: PortableRun, here: Run, found: Standing) -> None:
        kept: dict[tuple[str, int | None], Artifact | None] = {}
        last: dict[str, int] = {}
        if any(artifact.version is not None for artifact in run.artifacts):
            for each, _, deleted in self._records().artifacts_of(run.id):
                kept[each.name, each.version] = None if deleted else each
                last[each.name] = each.version
        kept.update({(each.name, None): each for each in here.artifacts})
        for artifact in run.artifacts:
            key = artifact.name, artifact.version
            called = artifact.name if artifact.shown else f"{artifact.name}@v{artifact.version}"
            if key not in kept:
                if (artifact.version or 0) < last.get(artifact.name, 0):
                    found.differences.append(f"artifact {called!r} is not here, and later versions are")
                else:
                    found.artifacts.append(artifact)
                continue
            ours = kept[key]
            if ours is None:
                continue  # it was deleted here, and stays so
            if artifact.size_bytes != ours.size_bytes:
                sizes = ours.size_bytes, artifact.size_bytes
                found.differences.append(
                    f"artifact {called!r} has {sizes[0]:,} bytes here and {sizes[1]:,} there"
                )
            elif artifact.open is None or not ours.location:
                if artifact.facts.get("reference") != ours.reference:
                    found.differences.append(f"artifact {called!r} refers to something else here")
            elif artifact.hash != ours.hash and _hash_of(artifact) != ours.hash:
                found.differences.append(f"artifact {called!r} has another content here")

    def _compare_points(self, run: PortableRun, here: Run, found: Standing) -> None:
        found.points = False
        known: dict[str, Points] = {}
        at: dict[str, int] = {}
        for name, points in run.points():
            if name not in known:
                known = {name: self._points_here(run.id, name) if name in here.metrics else Points.none()}
                at.setdefault(name, 0)
                found.points_here[name] = known[name].n
            ours = known[name].at(slice(at[name], at[name] + points.n))
            if not _same_points(ours, points.at(slice(0, ours.n)), timed=run.timed):
                found.differences.append(f"the points of metric {name!r} are others here")
                return
            at[name] += points.n
            found.points = found.points or ours.n < points.n

    def _points_here(self, run_id: str, name: str) -> Points:
        return Points(*self._records().metric_columns(run_id, name))

    def _make_fit(self, run: PortableRun) -> None:
        """Names and values as they are kept here; what does not fit is found."""

        def fits(kind: str, name: str) -> bool:
            if name.strip() and len(name) <= NAME_LIMIT:
                return True
            self._findings.skip(kind, f"{run.name}: {name[:40]}", f"a name has 1 to {NAME_LIMIT} characters")
            return False

        run.name = clean(run.name)[:NAME_LIMIT].strip() or short(run.id)
        run.experiment = clean(run.experiment)[:NAME_LIMIT].strip() or "imported"
        run.params = {clean(key): plain(value) for key, value in run.params.items() if fits("param", key)}
        run.param_history = {
            clean(key): [(time_us, plain(value)) for time_us, value in values]
            for key, values in run.param_history.items()
        }
        run.tags = {clean(key): tag_value(value) or "" for key, value in run.tags.items() if fits("tag", key)}
        run.notes = clean(run.notes) or None
        self._blank(run)
        run.artifacts = [each for each in run.artifacts if fits("artifact", each.name)]
        run.artifacts = [
            replace(each, facts=_without_password(redact_value("", each.facts).value))
            for each in run.artifacts
        ]
        read = run.points
        run.points = lambda: ((clean(name), points) for name, points in read() if fits("metric", name))

    def _blank(self, run: PortableRun) -> None:
        """Blank what looks like a secret: other tools keep what nobody should have logged.

        Before anything is compared, so that a run that was brought in before is the same.
        """
        if run.git and run.git.get("remote"):
            run.git = {**run.git, "remote": without_credentials(str(run.git["remote"]))}
        # Of what a param was before, the count is not told: what shows counts.
        run.param_history = {
            key: [(time_us, redact_value(key, value).value) for time_us, value in values]
            for key, values in run.param_history.items()
        }
        params, in_params = without_secrets(run.params)
        tags, in_tags = without_secrets(run.tags)
        notes, in_notes = redact_text(run.notes or "")
        command, in_command = redact_text(str(run.facts.get("command") or ""))
        blanked = {**in_params, **in_tags, "notes": in_notes, "command": in_command}
        count = sum(in_params.values()) + sum(in_tags.values()) + in_notes + in_command
        if not count:
            return
        run.params, run.tags, run.notes = dict(params), dict(tags), notes or None
        before = run.facts.get("redacted")
        run.facts = {**run.facts, "redacted": count + (before if type(before) is int else 0)}
        if command:
            run.facts["command"] = command
        for name in (name for name, times in blanked.items() if times):
            self._findings.note(f"what looks like a secret was blanked in {name!r}")

    # -- recording -----------------------------------------------------------------------------------

    def take(self, run: PortableRun, standing: Standing, watch: Callable[[str], None]) -> None:
        """Record a run, or the rest of it.

        Parameters
        ----------
        run : PortableRun
        standing : Standing
            ``taken`` or ``completed``.
        watch : callable
            Told of each piece of an artifact; may raise, and then nothing of the run was recorded.
        """
        kept = [(artifact, self._keep(run, artifact, watch)) for artifact in standing.artifacts]
        start = run.started_us
        if standing.outcome == "taken":
            self._event(
                "run.start",
                start,
                **_unknown(run.facts),
                run=run.id,
                experiment={"id": new_id(), "name": run.experiment},
                name=run.name,
                parent=run.parent_id,
                notes=run.notes,
                detached=False,
            )
        elif standing.notes:
            self._event("run.update", start, run=run.id, notes=run.notes)
        try:
            for time_us, values in _in_time(run, standing.params):
                for some in _portions(values):
                    self._event("params", time_us, run=run.id, values=some)
            for some in _portions(cast("dict[str, Any]", standing.tags)):
                self._event("tags", start, run=run.id, values=some)
            if standing.provenance and (run.git or run.code or run.facts):
                # How many secrets were blanked is a sum, which the start has told already.
                facts = {key: value for key, value in _unknown(run.facts).items() if key != "redacted"}
                self._event("run.provenance", start, **facts, run=run.id, git=run.git, code=run.code)
            if standing.provenance and run.facts.get("environment_hash"):
                self._environment(run, start)
            for artifact, stored in kept:
                self._artifact(run, artifact, stored)
            self._points(run, standing)
        except BaseException:
            # Whole or to be completed: never a run that seems to be going on.
            with suppress(Unavailable):
                self._event("run.end", _last(run), run=run.id, status="interrupted")
            raise
        if standing.outcome == "taken" or standing.end or standing.points:
            self._event("run.end", _last(run), run=run.id, status=_ending(run))
        self._add(standing)
        if self._undrained >= _DRAIN_EVERY:
            self._undrained = 0
            self._catch_up()

    def count(self, run: PortableRun, standing: Standing) -> None:
        """Only count what `take` would record."""
        self._add(standing)
        self.tally.add("artifacts", len(standing.artifacts))
        for _ in self._missing(run, standing):
            pass

    def _add(self, standing: Standing) -> None:
        self.tally.add("runs")
        self.tally.add("params", len(standing.params))
        self.tally.add("tags", len(standing.tags))

    def _environment(self, run: PortableRun, start: int) -> None:
        facts = run.facts
        self._event(
            "run.environment",
            start,
            run=run.id,
            environment=facts["environment_hash"],
            os=facts.get("os"),
            gpu=facts.get("gpu"),
            facts=facts.get("environment"),
        )

    def _points(self, run: PortableRun, standing: Standing) -> None:
        try:
            record_points(self._journal, run.id, self._missing(run, standing))
        except OSError as error:
            raise _unrecorded(error) from error

    def _missing(self, run: PortableRun, standing: Standing) -> Iterator[tuple[str, Points]]:
        """The points that are not here yet; they are counted."""
        if not standing.points:
            return
        metrics: set[str] = set()
        left = dict(standing.points_here)
        for name, points in run.points():
            here = min(left.get(name, 0), points.n)
            left[name] = left.get(name, 0) - here
            rest = points.at(slice(here, None))
            if rest.n:
                if name not in metrics:
                    metrics.add(name)
                    self.tally.add("metrics")
                self.tally.add("points", rest.n)
                self._undrained += rest.n
                yield name, rest

    def _keep(self, run: PortableRun, artifact: PortableArtifact, watch: Callable[[str], None]) -> Any:
        if artifact.open is None:
            return StoredObject(artifact.hash or "", artifact.size_bytes, "")
        try:
            with artifact.open() as stream:
                return self._storage().put(cast(BinaryIO, _Watched(stream, lambda: watch(artifact.name))))
        except OSError as error:
            raise Unavailable(
                f"artifact {artifact.name!r} of run {run.name!r} can't be read: {error.strerror or error}",
                hint="nothing of this run was recorded; import again when it can",
            ) from error

    def _artifact(self, run: PortableRun, artifact: PortableArtifact, stored: Any) -> None:
        import mimetypes

        facts = dict(artifact.facts)
        created = facts.pop("created", None)
        media_type = facts.pop("media_type", None) or mimetypes.guess_type(artifact.name)[0]
        self._event(
            "artifact",
            _instant(created, run.started_us),
            **_unknown(facts),
            run=run.id,
            name=artifact.name,
            size=stored.size_bytes,
            type=facts.get("kind"),  # `kind` is the event's own
            media_type=media_type or "application/octet-stream",
            hash=stored.hash,
            location=stored.location,
            version=artifact.version,
        )
        if stored.location:
            self._storage().let_go(stored.location)
        self.tally.add("artifacts")

    def _event(self, kind: str, time_us: int, **fields: Any) -> None:
        try:
            self._journal.event(kind, time=time_us, **fields)
        except OSError as error:
            raise _unrecorded(error) from error

    def look_again(self, run: PortableRun) -> None:
        """Say what of a run that was taken did not arrive: fields that this version does not keep."""
        try:
            here = self._records().get_run(run.id)
        except PlatformError as error:
            self._findings.skip("run", run.name, f"it was recorded and can't be read: {error}")
            return
        kept: dict[tuple[str, int | None], dict[str, Any]] = {}
        for each, _, deleted in self._records().artifacts_of(run.id):
            if not deleted:
                kept[each.name, each.version] = artifact_facts(each)
        kept.update({(each.name, None): artifact_facts(each) for each in here.artifacts})
        pairs = [("field of a run", run.facts, facts_of(here, OWN_RUN_FIELDS))]
        pairs += [
            ("field of an artifact", artifact.facts, kept.get((artifact.name, artifact.version), {}))
            for artifact in run.artifacts
        ]
        for kind, sent, arrived in pairs:
            for key, value in sent.items():
                if key in ("environment", "preview") or value in _EMPTY:
                    continue  # what is told otherwise, or not at all
                if not _same(arrived.get(key), value):
                    self._findings.skip(kind, key, "this nbproof does not take it")


# What the journal's events say themselves, or what is said of them.
_EVENT_WORDS = frozenset(
    "kind seq time run experiment name parent tags params notes detached values size media_type hash "
    "location writer id git code environment".split()
)


def _hash_of(artifact: PortableArtifact) -> str:
    """The hash of a file whose source knows none, or one of another kind: an export of before."""
    assert artifact.open is not None
    digest = blake3()
    try:
        with artifact.open() as stream:
            while piece := stream.read(PIECE):
                digest.update(piece)
    except OSError as error:
        raise Unavailable(
            f"artifact {artifact.name!r} can't be read: {error.strerror or error}",
            hint="import again when it can",
        ) from error
    return digest.hexdigest()


def _unknown(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that are handed on by their own names: whoever knows them takes them from the event."""
    return {key: value for key, value in facts.items() if key not in _EVENT_WORDS}


class _Watched:
    """A stream that tells of each read."""

    def __init__(self, stream: BinaryIO, tell: Callable[[], None]) -> None:
        self._stream, self._tell = stream, tell

    def read(self, size: int = -1) -> bytes:
        self._tell()
        return self._stream.read(size)


def _unrecorded(error: OSError) -> Unavailable:
    return Unavailable(
        f"this could not be recorded: {error}",
        hint="free the disk or mend the folder and import again: it goes on where it stopped",
    )


def _ending(run: PortableRun) -> str:
    """How it ends here: what was running when it was written down does not run here."""
    return "interrupted" if run.status == "running" else run.status


def _last(run: PortableRun) -> int:
    return max(run.started_us, run.started_us if run.ended_us is None else run.ended_us)


def _instant(text: Any, otherwise: int) -> int:
    from datetime import datetime

    try:
        return microseconds_of(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        return otherwise


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == theirs or (ours != ours and theirs != theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)


def _same_points(ours: Points, theirs: Points, *, timed: bool) -> bool:
    return (
        np.array_equal(ours.steps, theirs.steps)
        and (not timed or np.array_equal(ours.times, theirs.times))
        and np.array_equal(ours.values, theirs.values, equal_nan=True)
    )


def _in_time(run: PortableRun, params: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The values that these params had, in the order of time; the last of each is the one that shows."""
    given: list[tuple[int, str, Any]] = []
    for key, value in params.items():
        values = list(run.param_history.get(key, ()))
        if not values or not _same(values[-1][1], value):
            values.append((max([run.started_us, *(time_us for time_us, _ in values)]), value))
        given += [(time_us, key, each) for time_us, each in values]
    now = run.started_us
    together: dict[str, Any] = {}
    for time_us, key, each in sorted(given, key=lambda one: one[0]):
        if together and (time_us != now or key in together):
            yield now, together
            together = {}
        now, together[key] = time_us, each
    if together:
        yield now, together


def _without_password(facts: dict[str, Any]) -> dict[str, Any]:
    reference = facts.get("reference")
    return facts if reference is None else {**facts, "reference": without_credentials(reference)}


def _portions(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    items = list(values.items())
    for start in range(0, len(items), _ENTRIES):
        yield dict(items[start : start + _ENTRIES])


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
