"""A run on its way: what every source gives and every target takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:  # declaring the verbs must load no numpy
    from nbproof.tracking.points import Points

__all__ = [
    "PIECE",
    "Findings",
    "PortableArtifact",
    "PortableExperiment",
    "PortableRun",
    "Source",
    "Step",
    "derived_id",
    "nothing",
]

PIECE = 1 << 20
"""Bytes that are read at once."""

Step = Callable[[float, str], None]
"""Told how far it is, from 0 to 1, and with what; may raise to stop the work."""


def nothing(fraction: float, message: str) -> None:
    """A `Step` for work that nobody watches."""


@dataclass(frozen=True, slots=True)
class PortableExperiment:
    """What an experiment has beside its runs."""

    name: str
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PortableArtifact:
    """A version of a file of a run.

    Attributes
    ----------
    open : callable or None
        Gives its bytes, as often as it is asked; None for a reference, of which nothing is kept.
    size_bytes : int
    hash : str or None
        BLAKE3-256, where the source knows it; what an earlier nbproof exported has BLAKE2b-256.
    facts : dict
        What else its model says of it, as JSON: media type, time, and whatever later versions add.
    version : int or None
        Its number, where the source counts versions.
    shown : bool
        Whether it is the version of its name that shows.
    """

    name: str
    open: Callable[[], BinaryIO] | None
    size_bytes: int
    hash: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    version: int | None = None
    shown: bool = True


@dataclass(slots=True)
class PortableRun:
    """A run.

    Attributes
    ----------
    status : str
        One that a run ends with, or ``running``.
    param_history : dict
        Of params that had other values before, or were logged later than the start: every value in the order
        of time, each as ``(time_us, value)``.
    artifacts : list
        All versions; those of one name in the order logged.
    facts : dict
        What else the model of a run says of it, as JSON: source, user, host, and whatever later versions add.
    points : callable
        Gives the points of all metrics in pieces, ``(metric, points)``, those of one metric one after the
        other and in the order logged; as often as it is asked.
    lineage : list
        Its edges and those of its artifacts, as JSON.
    timed : bool
        Whether its times are known; otherwise they are the file's and not compared.
    """

    id: str
    name: str
    experiment: str
    started_us: int
    status: str = "finished"
    ended_us: int | None = None
    parent_id: str | None = None
    notes: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    param_history: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    code: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    artifacts: list[PortableArtifact] = field(default_factory=list)
    points: Callable[[], Iterator[tuple[str, Points]]] = lambda: iter(())
    lineage: list[dict[str, Any]] = field(default_factory=list)
    timed: bool = True


class Findings:
    """What is not taken, and why: each thing once, however often it is met."""

    def __init__(self) -> None:
        self.not_taken: dict[tuple[str, str], dict[str, None]] = {}
        self.notes: dict[str, None] = {}

    def skip(self, kind: str, name: str, reason: str) -> None:
        """A thing is not taken."""
        self.not_taken.setdefault((kind, reason), {})[name] = None

    def note(self, text: str) -> None:
        """Something the reader of the report should know."""
        self.notes[text] = None


class Source(Protocol):
    """Where runs come from.

    Laws: reading changes nothing there; `runs` may be asked again and gives the same; what is damaged raises
    `Invalid` in `check`, before anything is recorded, or is found in `findings`.
    """

    format: str
    findings: Findings

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of all its runs."""
        ...

    def experiments(self) -> list[PortableExperiment]:
        """Experiments of which more is known than the name."""
        ...

    def check(self, step: Step) -> None:
        """Read what can be damaged."""
        ...

    def runs(self) -> Iterator[PortableRun]:
        """The runs, parents and children in any order."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


def derived_id(*parts: str, started_us: int | None = None) -> str:
    """An id that the same parts always get; by `started_us` it sorts among ids made then.

    Examples
    --------
    >>> derived_id("csv", "results", "a") == derived_id("csv", "results", "a")
    True
    >>> derived_id("csv", "a", started_us=1_767_225_600_000_000)[:12]
    '019b76daa800'
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    number = int.from_bytes(digest.digest(), "big")
    milliseconds = max(0, (started_us or 0) // 1000) & ((1 << 48) - 1)
    random = number & ((1 << 62) - 1)
    return (
        f"{(milliseconds << 80) | (0x7 << 76) | ((number >> 64 & 0xFFF) << 64) | (0b10 << 62) | random:032x}"
    )
