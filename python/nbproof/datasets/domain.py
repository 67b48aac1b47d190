"""What the rules of datasets think in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["NewVersion", "Slab", "VersionRecord"]


@dataclass(frozen=True, slots=True)
class Slab:
    """A stretch of a column that was encoded before."""

    fingerprint: bytes
    object: str
    size_bytes: int
    profile: bytes  # JSON, compressed


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What is to be registered."""

    kind: str
    digest: str
    manifest: str | None
    profile: str | None = None
    rows: int | None = None
    columns: int | None = None
    files: int | None = None
    size_bytes: int = 0
    new_bytes: int = 0
    fields: list[dict[str, Any]] | None = None
    description: str | None = None
    tags: Mapping[str, str] | None = None
    source: str | None = None
    reference: Mapping[str, Any] | None = None
    breaches: list[str] | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version as recorded."""

    id: str
    dataset_id: str
    dataset: str
    version: int
    kind: str
    digest: str
    manifest: str | None
    profile: str | None
    rows: int | None
    columns: int | None
    files: int | None
    size_bytes: int
    new_bytes: int
    fields: list[dict[str, Any]] | None
    description: str | None
    tags: dict[str, str] | None
    source: str | None
    reference: dict[str, Any] | None
    breaches: list[str] | None
    run_id: str | None
    created_us: int
    deleted_us: int | None
    forgotten_us: int | None
    aliases: tuple[str, ...] = field(default=())
