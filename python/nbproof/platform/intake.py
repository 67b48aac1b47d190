"""Takes what was recorded on other machines: stretches of their journals, and the content that goes along."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
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
    from nbproof.core.clock import Clock
    from nbproof.storage.drain import Drain
    from nbproof.storage.objects import ObjectStorage
    from nbproof.tracking.repository import RunRepository

__all__ = ["Intake"]

_LARGEST_BYTES = 256 << 20
_AWAITED_US = 3600 * 1_000_000  # for so long content stays for a journal that is to name it


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
    clock : Clock
        Says when nothing more is to be expected of a sender.
    """

    def __init__(
        self,
        drain: Callable[[], Drain],
        content: Callable[[], ObjectStorage],
        runs: Callable[[], RunRepository],
        *,
        clock: Clock,
    ) -> None:
        self._drain = drain
        self._content = content
        self._runs = runs
        self._awaited = _Awaited(lambda location: content().let_go(location), clock)

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
            # What was not taken is sent again, and its content is needed then.
            if event["seq"] <= drained and event.get("kind") == "artifact":
                self._awaited.arrived(writer, event.get("location"))
        return TakenJournal(drained=drained, cancel=self._runs().cancelled_of(writer))

    def keep_content(self, hash: str, path: Path, writer: str | None = None) -> KeptContent:
        """Keep content; it stays until the journal that names it is here, or an hour.

        Parameters
        ----------
        writer : str, optional
            Whose journal is to name it.

        Raises
        ------
        Invalid
            The bytes have another hash: they were damaged on the way.
        """
        kept = self._content().put(path)
        # Earlier senders announce a hash of another kind.
        if hash != kept.hash and hash != _older_hash(path):
            self._content().let_go(kept.location)
            raise Invalid(
                f"the content has the hash {kept.hash}, announced was {hash}", details={"field": "hash"}
            )
        self._awaited.add(writer, kept.location)
        return KeptContent(hash=kept.hash, size_bytes=kept.size_bytes, location=kept.location)

    def find_content(self, hash: str, writer: str | None = None) -> FoundContent:
        """Where the content of a hash is, if it is here: to be asked for what is not is no mistake.

        It stays until the journal that names it is here, or an hour, however often it is asked for.
        """
        kept = self._content().find(hash)
        if kept is None:
            return FoundContent(hash=hash, location=None)
        self._awaited.add(writer, kept.location)
        return FoundContent(hash=hash, location=kept.location)

    def let_go_of_old(self) -> None:
        """Let go of content that no journal named within an hour."""
        self._awaited.expire()


class _Awaited:
    """Content that journals of other machines are about to name: held once for each journal and content.

    Whoever asks may never come back, and may ask again because an answer was lost.

    Parameters
    ----------
    let_go : callable
        Gives one hold of a location back.
    clock : Clock
    """

    def __init__(self, let_go: Callable[[str], object], clock: Clock) -> None:
        self._let_go = let_go
        self._clock = clock
        self._lock = threading.Lock()
        self._until: OrderedDict[tuple[str | None, str], int] = OrderedDict()  # the next to end is the first

    def add(self, writer: str | None, location: str) -> None:
        """Take over the hold that whoever calls has taken."""
        key = writer, location
        with self._lock:
            again = key in self._until
            self._until[key] = self._clock.now_us() + _AWAITED_US
            self._until.move_to_end(key)
        if again:
            self._let_go(location)
        self.expire()

    def arrived(self, writer: str, location: object) -> None:
        """Give back what was held for a journal, or for one of which the sender did not tell the name."""
        if not isinstance(location, str):
            return
        with self._lock:
            keys = [(writer, location), (None, location)]
            found = next((key for key in keys if key in self._until), None)
            if found is None:
                return
            del self._until[found]
        self._let_go(location)

    def expire(self) -> None:
        """Give back what nobody named in time."""
        now = self._clock.now_us()
        over = []
        with self._lock:
            while self._until and next(iter(self._until.values())) <= now:
                over.append(self._until.popitem(last=False)[0][1])
        for location in over:
            self._let_go(location)


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
    return intake.keep_content(ask.hash, ask.path, ask.writer)


@operation("content.find", "GET /content/{hash}", action="read")
def find_content(intake: Intake, ask: FindContent) -> FoundContent:
    """Tell whether content is here, so that it need not be sent."""
    return intake.find_content(ask.hash, ask.writer)
