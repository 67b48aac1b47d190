"""stub"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    html: bytes
    policy: str


def render(document: dict[str, Any]) -> Page:
    return Page(b"<h1>nbproof</h1>", "default-src 'none'")
