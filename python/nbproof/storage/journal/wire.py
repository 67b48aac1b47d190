"""A stretch of a journal on its way to a server.

One line of JSON that says whose it is and how long its parts are, then the lines of the events and the
records of the points as they stand in the journal, with their checksums.  Described for people in
``docs/explanation/journal-format.md``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nbproof.storage.journal.format import (
    FORMAT,
    POINT_BYTES,
    encode_event,
    event_line,
    parse_line,
    valid_points,
)
from nbproof.storage.journal.process import Process
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo

__all__ = ["MEDIA_TYPE", "Sent", "decode", "encode"]

MEDIA_TYPE = "application/vnd.nbproof.journal"

_LONGEST_HEAD = 1 << 16
_INT64 = range(2**63)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender tells.

    Attributes
    ----------
    batch : Batch
        Without records (``from_ == to``) it is a sign of life.
    ended : {"closed", "died"} or None
        The journal has no more: its process said so, or is dead.
    durable : bool
        The sender deletes its copy on the answer: what was taken must survive a power cut by then.
    torn : int
        Damaged records behind the last good one of a journal that has ended.
    """

    batch: Batch
    ended: Literal["closed", "died"] | None = None
    durable: bool = False
    torn: int = 0


def encode(sent: Sent) -> bytes:
    """The bytes of the request's body."""
    batch = sent.batch
    writer = batch.writer
    lines = b"".join(
        event_line(event["seq"], encode_event({key: value for key, value in event.items() if key != "seq"}))
        for event in batch.events
    )
    head = {
        "format": FORMAT,
        "writer": {
            "id": writer.id,
            "version": writer.version,
            "created_us": writer.created_us,
            "closed_us": writer.closed_us,
            "process": asdict(writer.process),
        },
        "from": batch.from_,
        "to": batch.to,
        "bad": batch.bad,
        "events_bytes": len(lines),
        "points_bytes": len(batch.points),
        "ended": sent.ended,
        "durable": sent.durable,
        "torn": sent.torn,
    }
    return b"%s\n%s%s" % (json.dumps(head).encode("ascii"), lines, batch.points)


def decode(body: bytes) -> Sent:
    """What `encode` was given.

    Raises
    ------
    ValueError
        The bytes are something else, were damaged on the way, or are of a later format.
    """
    end = body.find(b"\n", 0, _LONGEST_HEAD)
    head = json.loads(body[:end]) if end >= 0 else None
    if not isinstance(head, dict):
        raise ValueError("it does not begin with a line of JSON")
    if head.get("format") != FORMAT:
        raise ValueError(f"it has format {head.get('format')!r}, this nbproof reads format {FORMAT}")
    try:
        events_bytes, points_bytes = _number(head["events_bytes"]), _number(head["points_bytes"])
        from_, to, bad = _number(head["from"]), _number(head["to"]), _number(head["bad"])
        writer = _writer(head["writer"])
        ended, durable, torn = head["ended"], head["durable"] is True, _number(head["torn"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"its first line lacks or misspells {error}") from None
    if ended not in (None, "closed", "died") or from_ > to or bad > to - from_:
        raise ValueError("its first line contradicts itself")
    at = end + 1
    if len(body) != at + events_bytes + points_bytes or points_bytes % POINT_BYTES:
        raise ValueError(f"it has {len(body):,} bytes, its first line announces another number")
    events = _events(body[at : at + events_bytes], from_, to)
    points = body[at + events_bytes :]
    if valid_points(points)[0] != points:
        raise ValueError("points were damaged on the way")
    batch = Batch(writer, from_, to, events, points, bad, Cursor(to))
    return Sent(batch, ended, durable, torn)


def _events(lines: bytes, from_: int, to: int) -> list[dict[str, Any]]:
    events = []
    for line in lines.splitlines():
        event = parse_line(line)
        if event is None or not from_ < event["seq"] <= to:
            raise ValueError("an event was damaged on the way")
        events.append(event)
    return events


def _writer(told: Any) -> WriterInfo:
    process = told["process"]
    closed = told["closed_us"]
    return WriterInfo(
        id=_text(told["id"]),
        process=Process(
            host=_text(process["host"]),
            boot_id=_text(process["boot_id"]),
            pid=_number(process["pid"]),
            pid_started=_text(process["pid_started"]),
            pid_space=_text(process["pid_space"]),
        ),
        version=_text(told["version"]),
        created_us=_number(told["created_us"]),
        closed_us=None if closed is None else _number(closed),
    )


def _number(value: object) -> int:
    if type(value) is not int or value not in _INT64:
        raise TypeError(f"a number, found {str(value)[:40]!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text, found {str(value)[:40]!r}")
    return value
