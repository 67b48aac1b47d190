"""Secrets in what other machines recorded: blanked once more where it arrives.

The tracker blanks before it records.  A journal that comes over the network may be of an older version, of
another program, or of somebody who means it: what it says is looked at by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nbproof.core.redaction import redact_value, without_credentials
from nbproof.storage.journal.reader import Batch

__all__ = ["blanked"]

# What users say in words, by the kind of the event; names, hashes and times are no such thing.
_WORDS = {
    "run.start": ("notes", "params", "tags", "command"),
    "run.update": ("notes",),
    "run.provenance": ("command",),
    "params": ("values",),
    "tags": ("values",),
    "artifact": ("metadata", "reference"),
}


def blanked(batch: Batch) -> Batch:
    """A batch without secrets in its events; the same one where there are none.

    What is blanked is added to what the event counts, as the tracker counts it.
    """
    events = [_blanked(event) for event in batch.events]
    if all(new is old for new, old in zip(events, batch.events, strict=True)):
        return batch
    return replace(batch, events=events)


def _blanked(event: dict[str, Any]) -> dict[str, Any]:
    fields = _WORDS.get(str(event.get("kind")), ())
    found = {name: redact_value("", event[name]) for name in fields if event.get(name)}
    changed = {name: value for name, (value, count) in found.items() if count}
    total = sum(count for _, count in found.values())
    if (git := _git(event)) is not None:
        changed["git"] = git
    if not changed:
        return event
    before = event.get("redacted")
    return {**event, **changed, "redacted": total + (before if type(before) is int else 0)}


def _git(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is said of git, if its remote has a password in its address."""
    git = event.get("git")
    remote = git.get("remote") if isinstance(git, Mapping) else None
    if not isinstance(remote, str) or (left := without_credentials(remote)) == remote:
        return None
    return {**git, "remote": left}  # type: ignore[dict-item]  # a mapping, or there is no remote
