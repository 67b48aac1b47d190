"""Takes what was recorded on other machines: stretches of their journals, and the content that goes along."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbproof.core.errors import Invalid
from nbproof.core.operation import operation
from nbproof.platform.models import (
    FindContent,
    FoundContent,
    KeepContent,
    KeptContent,
    TakeJournal,
    TakenJournal,
)
from nbproof.storage.content.logged import EVENT
from nbproof.storage.journal.wire import decode
from nbproof.tracking.blanking import blanked

if TYPE_CHECKING:
    from nbproof.storage.drain import Drain
    from nbproof.storage.objects import ObjectStorage
    from nbproof.tracking.repository import RunRepository

__all__ = ["Intake"]

_LARGEST_BYTES = 256 << 20


class Intake:
    """The receiving end of a workspace.

    Laws: safe from any thread; a stretch that follows the writer's mark is taken whole, any other not at all;
    what looks like a secret is blanked before anything is written.

    Parameters
    ----------
    drain : callable
        Gives the drain of the workspace.
    content : callable
        Gives its storage.
    runs : callable
        Gives the records of runs.
    """

    def __init__(
        self,
        drain: Callable[[], Drain],
        content: Callable[[], ObjectStorage],
        runs: Callable[[], RunRepository],
    ) -> None:
        self._drain = drain
        self._content = content
        self._runs = runs

    def take_journal(self, writer: str, path: Path) -> TakenJournal:
        """Take a stretch of a journal; how far it has arrived, and what its process shall stop.

        Raises
        ------
        Invalid
            The bytes are no such stretch, or belong to another writer.
        Unavailable
            The database can't be used now; nothing was taken.
        """
        if path.stat().st_size > _LARGEST_BYTES:
            raise Invalid("a stretch of a journal is at most 256 MiB", details={"field": "path"})
        try:
            sent = decode(path.read_bytes())
        except ValueError as error:
            raise Invalid(
                f"this is no stretch of a journal: {error}",
                hint="the same release series of nbproof on both sides understands it",
                details={"field": "path"},
            ) from None
        if sent.batch.writer.id != writer:
            raise Invalid(
                f"the journal is {sent.batch.writer.id!r}, the address names {writer!r}",
                details={"field": "writer"},
            )
        if any(event.get("kind") == EVENT for event in sent.batch.events):
            raise Invalid(
                "a journal from another machine cannot say what is where in this one's content store",
                details={"field": "path"},
            )
        drained = self._drain().take(replace(sent, batch=blanked(sent.batch)))
        for event in sent.batch.events:
            if event.get("kind") == "artifact" and isinstance(event.get("location"), str):
                self._content().let_go(event["location"])
        return TakenJournal(drained=drained, cancel=self._runs().cancelled_of(writer))

    def keep_content(self, hash: str, path: Path) -> KeptContent:
        """Keep content.

        Raises
        ------
        Invalid
            The bytes have another hash: they were damaged on the way.
        """
        kept = self._content().put(path)  # held till the journal that refers to it is here
        # Earlier senders announce a hash of another kind.
        if hash != kept.hash and hash != _older_hash(path):
            self._content().let_go(kept.location)
            raise Invalid(
                f"the content has the hash {kept.hash}, announced was {hash}", details={"field": "hash"}
            )
        return KeptContent(hash=kept.hash, size_bytes=kept.size_bytes, location=kept.location)

    def find_content(self, hash: str) -> FoundContent:
        """Where the content of a hash is, if it is here: to be asked for what is not is no mistake."""
        kept = self._content().find(hash)
        return FoundContent(hash=hash, location=None if kept is None else kept.location)


def _older_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


@operation("journal.take", "POST /journal/{writer}", action="write", upload="path")
def take_journal(intake: Intake, ask: TakeJournal) -> TakenJournal:
    """Take a stretch of the journal of a process on another machine, if it follows what is here."""
    return intake.take_journal(ask.writer, ask.path)


@operation("content.keep", "PUT /content/{hash}", action="write", upload="path")
def keep_content(intake: Intake, ask: KeepContent) -> KeptContent:
    """Keep the content of artifacts that a journal will tell of."""
    return intake.keep_content(ask.hash, ask.path)


@operation("content.find", "GET /content/{hash}", action="read")
def find_content(intake: Intake, ask: FindContent) -> FoundContent:
    """Tell whether content is here, so that it need not be sent."""
    return intake.find_content(ask.hash)
