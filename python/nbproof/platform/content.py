"""Looking after the content store: verify, count, erase for good, make the index anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.core.listing import count_text, size_text
from nbproof.core.operation import Ask, JobAccepted, View, operation
from nbproof.jobs.service import JobContext, job

if TYPE_CHECKING:
    from nbproof.datasets.domain import VersionRecord
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.content.upkeep import Collected

__all__ = [
    "ContentCare",
    "ContentStats",
    "ForgetDataset",
    "Forgotten",
    "RebuildIndex",
    "RebuiltIndex",
    "ShowStats",
    "VerifiedContent",
    "VerifyContent",
    "content_stats",
    "forget_dataset",
    "rebuild_index",
    "verify_content",
    "verifying_content",
]

Progress = Callable[[int, int], object]
_MEND = "register or log the same content again, and it is kept anew for all that have it"


class VerifyContent(Ask):
    """How much to look at."""

    percent: float = Field(
        100.0, gt=0, le=100, description="What part of the content to read, chosen by chance."
    )


class VerifiedContent(View):
    """What reading content and comparing it with its hashes found."""

    records: int = Field(0, description="Stretches of content that were read.")
    bytes: int = Field(0, description="As they are in the store.")
    percent: float = 100.0
    damaged_records: int = 0
    damaged: list[str] = Field(
        default_factory=list, description="Dataset versions that can't be read whole any more."
    )
    damaged_artifacts: list[str] = Field(
        default_factory=list, description="Artifacts of runs that can't be read whole any more."
    )
    damaged_objects: int = Field(0, description="Files and columns that are touched, needed or not.")
    advice: str | None = Field(None, description="What can be done.")
    references: int = Field(0, description="Versions by reference that were looked at.")
    changed: list[str] = Field(
        default_factory=list, description="Versions by reference whose files have changed since."
    )
    missing: list[str] = Field(
        default_factory=list, description="Versions by reference whose files are not there any more."
    )
    unreachable: list[str] = Field(
        default_factory=list, description="Versions by reference whose files can't be read now."
    )

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show of it."""
        read = f"{self.records:,} stretches, {size_text(self.bytes)}"
        found: dict[str, object] = {
            "read": read if self.percent >= 100 else f"{read}: {self.percent:g} % of the content"
        }
        if self.references:
            found["by reference"] = f"{self.references:,} versions looked at"
        for word, names in (
            ("changed since", self.changed),
            ("not there any more", self.missing),
            ("can't be read now", self.unreachable),
        ):
            if names:
                found[word] = ", ".join(names)
        if not self.damaged_records:
            whole = "everything is as it was written"
            others = self.changed or self.missing or self.unreachable
            return {**found, "found": "what is in the store is as it was written" if others else whole}
        versions = ", ".join([*self.damaged, *self.damaged_artifacts]) or "nothing in the lists"
        return {
            **found,
            "found": f"{self.damaged_records:,} damaged",
            "can't be read whole": versions,
            "advice": self.advice,
        }


class ShowStats(Ask):
    """All of the store."""


class ContentStats(View):
    """What the content of datasets and artifacts takes."""

    versions: int = Field(0, description="Of datasets.")
    artifacts: int = Field(0, description="Versions of artifacts of runs.")
    logical_bytes: int = Field(0, description="Of all of these, as if each were kept alone.")
    unique_bytes: int = Field(0, description="What differs, before compression.")
    stored_bytes: int = Field(0, description="Of all packs.")
    chunks: int = 0
    packs: int = 0
    dedup_ratio: float | None = Field(None, description="Bytes of them for one that differs.")
    compression_ratio: float | None = Field(None, description="Bytes that differ for one in a pack.")
    place: str | None = Field(None, description="Where the packs are, if not in the workspace's folder.")
    referenced_versions: int = Field(0, description="Versions by reference.")
    referenced_bytes: int = Field(0, description="What they refer to: none of it is in the store.")

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show of it."""
        told: dict[str, object] = {
            "dataset versions": f"{self.versions:,}",
            "artifacts": f"{self.artifacts:,}",
            "together": size_text(self.logical_bytes),
            "kept": f"{size_text(self.stored_bytes)} in {count_text(self.packs, 'pack')} of "
            f"{count_text(self.chunks, 'chunk')}",
        }
        if self.place:
            told["at"] = self.place
        if self.referenced_versions:
            told["by reference"] = (
                f"{count_text(self.referenced_versions, 'version')}, {size_text(self.referenced_bytes)} that "
                "stay where they are: 0 bytes of them are kept"
            )
        if self.dedup_ratio is not None and self.compression_ratio is not None:
            told["sharing"] = (
                f"each byte is used {self.dedup_ratio:.2f} times"
                if self.dedup_ratio >= 1
                else f"{1 - self.dedup_ratio:.0%} of it nobody needs any more: gc frees that after its grace"
            )
            told["compression"] = f"{self.compression_ratio:.2f} bytes of content in one that is kept"
        return told


class ForgetDataset(Ask):
    """Which content to erase for good."""

    id: Annotated[
        str,
        StringConstraints(min_length=1, max_length=1000),
        Field(description="A version, `name@v3`, also a deleted one; or with `all` the name of a dataset."),
    ]
    all: bool = Field(False, description="Erase all versions of the dataset.")
    dry_run: bool = Field(False, description="Only say what would be erased.")
    yes: bool = Field(False, description="Do it; erasing can't be undone.")


class Forgotten(View):
    """Content that was, or would be, erased for good."""

    versions: list[str] = Field(description="What can't be read any more.")
    erased_bytes: int = Field(0, description="Nothing else needs them.")
    shared_bytes: int = Field(0, description="They stay: others have the same content.")
    shared_with: list[str] = Field(
        default_factory=list, description="Those others: dataset versions, and artifacts of runs."
    )
    freed_bytes: int = Field(0, description="What the store shrank by.")
    complete: bool = Field(
        False, description="Nothing of it is left in the store; false where somebody was writing there."
    )
    dry_run: bool = False

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show of it."""
        told: dict[str, object] = {
            "would be erased" if self.dry_run else "erased": f"{', '.join(self.versions)}: "
            f"{size_text(self.erased_bytes)} that nothing else needs"
        }
        if self.shared_bytes:
            told["stays"] = (
                f"{size_text(self.shared_bytes)} that {', '.join(self.shared_with)} "
                f"{'has' if len(self.shared_with) == 1 else 'have'} too"
            )
        if self.dry_run:
            told["nothing was changed"] = "do it with --yes (yes=True); it can't be undone"
            return told
        told["in the lists"] = "as erased, with name, number, digest, description and tags"
        if self.complete:
            told["freed"] = size_text(self.freed_bytes)
        else:
            told["not yet"] = (
                "somebody was writing to the store: it can't be read any more, but bytes of it are left; "
                "say the same again when nothing is being registered"
            )
        told["elsewhere"] = "backups and downloads that were made before still have it"
        return told


class RebuildIndex(Ask):
    """All of the index."""


class RebuiltIndex(View):
    """The index of content, made anew from the packs."""

    records: int = 0
    packs: int = 0
    packs_in_use: int = Field(0, description="Left as they were: somebody was writing there.")
    packs_missing: int = Field(0, description="The index knew them, and they are not there.")

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show of it."""
        told: dict[str, object] = {"index": f"{self.records:,} records of {self.packs:,} packs"}
        if self.packs_in_use:
            told["left"] = f"{self.packs_in_use:,} packs that somebody writes: say it again when that is over"
        if self.packs_missing:
            told["missing"] = (
                f"{self.packs_missing:,} packs: bring them back from a copy and say it again, or see what is "
                "touched with `nbproof datasets verify`"
            )
        return told


class ContentCare:
    """Looks after the content of one workspace.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def verify(self, *, percent: float = 100.0, progress: Progress | None = None) -> VerifiedContent:
        """Read content, compare it with its hashes, and name the versions and artifacts that are damaged."""
        from nbproof.storage.content.upkeep import verify

        if not self._workspace.exists:
            return VerifiedContent(percent=percent)
        self._workspace.catch_up()
        states = self._references(read=percent >= 100)
        found = verify(self._workspace.content, share=percent / 100, progress=progress)
        touched = self._workspace.datasets.touched(set(found.damaged)) if found.damaged else []
        artifacts = self._workspace.runs.artifacts_kept(found.damaged) if found.damaged else []
        return VerifiedContent(
            records=found.records,
            bytes=found.bytes,
            percent=percent,
            damaged_records=found.damaged_records,
            damaged=[_name(each) for each in touched],
            damaged_artifacts=[str(each) for each in artifacts],
            damaged_objects=len(found.damaged),
            advice=_MEND if found.damaged else None,
            references=len(states),
            changed=[name for name, state in states if state == "changed"],
            missing=[name for name, state in states if state == "missing"],
            unreachable=[name for name, state in states if state == "unreachable"],
        )

    def _references(self, *, read: bool) -> list[tuple[str, str]]:
        """Whether each version by reference holds; where not all is read, as far as sizes and times tell."""
        from nbproof.datasets.references import state_of

        return [(each.name, state_of(each, read=read)) for each in self._workspace.datasets.references()]

    def submit_verify(self, ask: VerifyContent) -> JobAccepted:
        """Queue a `verify`."""
        queued = self._workspace.jobs.submit("content.verify", ask)
        return JobAccepted(id=queued.id, status=queued.status)

    def stats(self) -> ContentStats:
        """Count what versions and artifacts have, what of it differs, and what it takes."""
        from nbproof.storage.content.upkeep import stored

        if not self._workspace.exists:
            return ContentStats(place=self._workspace.content_address)
        self._workspace.catch_up()
        datasets, logical = self._workspace.datasets, []
        versions = datasets.live_versions()
        for each in versions:
            with suppress(NotFound, Unavailable):  # `verify` tells of that
                logical += datasets.content_of_version(each)
        artifacts = self._workspace.runs.artifacts_kept()
        logical += [each.location for each in artifacts if each.location.startswith("b3/")]
        found = stored(self._workspace.content, logical)
        return ContentStats(
            versions=len(versions),
            artifacts=len(artifacts),
            logical_bytes=found.logical_bytes,
            unique_bytes=found.unique_bytes,
            stored_bytes=found.stored_bytes,
            chunks=found.chunks,
            packs=found.packs,
            dedup_ratio=found.dedup_ratio,
            compression_ratio=found.compression_ratio,
            place=self._workspace.content_address,
            referenced_versions=sum(each.reference is not None for each in versions),
            referenced_bytes=sum(each.size_bytes for each in versions if each.reference is not None),
        )

    def forget(self, id: str, *, all: bool = False, dry_run: bool = False, yes: bool = False) -> Forgotten:
        """Erase the content of versions for good; they stay in the lists as erased.

        What an artifact of a run has too stays.

        What was deleted before goes with them: nobody can bring it back.

        Raises
        ------
        Invalid
            Neither `dry_run` nor `yes` was said.
        Unavailable
            Nobody can tell what another version needs; nothing was erased then.
        """
        datasets = self._workspace.datasets
        if self._workspace.exists:
            self._workspace.catch_up()
        records = datasets.to_forget(id, all=all)
        if not (dry_run or yes):
            raise Invalid(
                "erasing can't be undone",
                hint="say --yes (yes=True) to do it, or --dry-run (dry_run=True) to see what would go",
                details={"field": "yes"},
            )
        before = self._would_forget(records)
        if dry_run:
            return before.model_copy(update={"dry_run": True})
        datasets.forget_versions(records)
        done = self.collect(self._workspace.clock.now_us(), erase=True, patience_seconds=60.0)
        complete = not done.waiting and not done.left_bytes
        return before.model_copy(update={"freed_bytes": done.bytes, "complete": complete})

    def rebuild_index(self) -> RebuiltIndex:
        """Make the index anew from the packs: after it was lost, or with packs that were brought back."""
        from nbproof.storage.content.upkeep import rebuild

        if not self._workspace.exists:
            return RebuiltIndex()
        found = rebuild(self._workspace.content)
        return RebuiltIndex(
            records=found.records,
            packs=found.packs,
            packs_in_use=found.packs_in_use,
            packs_missing=found.packs_missing,
        )

    def collect(
        self,
        deleted_before_us: int,
        *,
        dry_run: bool = False,
        erase: bool = False,
        patience_seconds: float = 10.0,
        drain: Callable[[], object] | None = None,
    ) -> Collected:
        """Delete content that no dataset version, no artifact and nothing else refers to.

        Raises
        ------
        Unavailable
            Nobody can tell what a version needs; nothing is deleted then.
        """
        from nbproof.storage.content.logged import clear_copies
        from nbproof.storage.content.upkeep import collect

        workspace = self._workspace
        with _nothing_goes():
            done = collect(
                workspace.content,
                lambda: self._referred(deleted_before_us),
                drain or workspace.catch_up,
                dry_run=dry_run,
                erase=erase,
                patience_seconds=patience_seconds,
            )
            if not dry_run and not done.waiting:
                workspace.datasets.forget_encoded(deleted_before_us)
                index = workspace.content.index
                clear_copies(
                    workspace.folder / "content", lambda hash: bool(index.known([hash], any_state=True))
                )
        return done

    # -- inside ----------------------------------------------------------------------------------------

    def _referred(self, deleted_before_us: int) -> set[str]:
        from nbproof.storage.content.moving import moved_to
        from nbproof.storage.garbage import referred

        workspace = self._workspace
        found = set(workspace.datasets.locations(deleted_before_us))
        others = referred(workspace.database, workspace.folder / "journal" / "rejected", deleted_before_us)
        # Rows may still name places of an older layout; where that content is now is needed, too.
        moved = moved_to(workspace.database, {each for each in others if each.startswith("objects/")})
        return found | {each for each in others if each.startswith("b3/")} | set(moved.values())

    def _would_forget(self, records: Sequence[VersionRecord]) -> Forgotten:
        from nbproof.storage.content.upkeep import Key, bytes_of, needed_by

        datasets, content = self._workspace.datasets, self._workspace.content
        names = {each.id: _name(each) for each in records}
        others = [each for each in datasets.live_versions() if each.id not in names]
        with _nothing_goes():
            of_others = {_name(each): set(datasets.content_of_version(each)) for each in others}
            needed: dict[str, set[Key]] = {
                place: needed_by(content, [place]) for place in set[str]().union(*of_others.values())
            }
            artifacts = self._workspace.runs.artifacts_kept()
            of_artifacts = needed_by(content, {each.location for each in artifacts})
        kept = of_artifacts.union(*needed.values())
        going: set[Key] = set()
        for each in records:
            with suppress(NotFound, Unavailable):  # what is damaged is erased too
                for place in datasets.content_of_version(each):
                    with suppress(NotFound, Unavailable):
                        going |= needed_by(content, [place])
        shared = going & kept
        touched = {place for place, keys in needed.items() if not shared.isdisjoint(keys)}
        return Forgotten(
            versions=list(names.values()),
            erased_bytes=bytes_of(content, going - kept),
            shared_bytes=bytes_of(content, shared),
            shared_with=[
                *(name for name, places in of_others.items() if not touched.isdisjoint(places)),
                *(
                    str(each)
                    for each in (artifacts if shared & of_artifacts else ())
                    if not shared.isdisjoint(needed_by(content, [each.location]))
                ),
            ],
        )


def _name(version: VersionRecord) -> str:
    return f"{version.dataset}@v{version.version}"


@contextmanager
def _nothing_goes() -> Iterator[None]:
    """Where it is not known what is needed, nothing is deleted; that is said."""
    try:
        yield
    except (NotFound, Unavailable) as error:
        raise Unavailable(
            f"nothing is deleted while it is not known what is needed: {error.message}",
            hint=error.hint or "nbproof datasets verify names what is damaged",
            details=error.details,
        ) from error


@operation("content.verify", "POST /content/verify", action="write", cli="datasets verify")
def verify_content(care: ContentCare, ask: VerifyContent) -> JobAccepted:
    """Read all content, compare it with its hashes, and name what of datasets and runs is damaged."""
    return care.submit_verify(ask)


@job("content.verify", restartable=True)
def verifying_content(ask: VerifyContent, context: JobContext) -> VerifiedContent:
    """Read it."""

    def tell(done: int, total: int) -> None:
        context.progress(done / total if total else None, "verifying")

    return context.service(ContentCare).verify(percent=ask.percent, progress=tell)


@operation("content.stats", "GET /content/stats", action="read", python="content_stats", cli="datasets stats")
def content_stats(care: ContentCare, ask: ShowStats) -> ContentStats:
    """Show what the content of datasets and artifacts takes, and what sharing and compression save."""
    return care.stats()


@operation("content.rebuild_index", "POST /content/index", action="write", cli="datasets rebuild-index")
def rebuild_index(care: ContentCare, ask: RebuildIndex) -> RebuiltIndex:
    """Make the index of content anew from the packs, where it was lost or packs were brought back."""
    return care.rebuild_index()


@operation(
    "datasets.forget", "POST /datasets/{id}/forget", action="write", python="forget_dataset", cli="forget"
)
def forget_dataset(care: ContentCare, ask: ForgetDataset) -> Forgotten:
    """Erase the content of a version, or with `all` of a dataset, for good; it stays in lists as erased."""
    return care.forget(ask.id, all=ask.all, dry_run=ask.dry_run, yes=ask.yes)
