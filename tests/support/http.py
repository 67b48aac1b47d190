"""Requests to nbproof's routes, spelled as on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

__all__ = ["Reply", "encoded"]


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, after a look at its shape."""
        told = self.json
        assert set(told) == {"error"}, told
        error: dict[str, Any] = told["error"]
        assert set(error) == {"code", "message", "hint", "details"}, error
        assert isinstance(error["message"], str)
        assert error["message"]
        assert error["hint"] is None or isinstance(error["hint"], str)
        assert isinstance(error["details"], dict)
        assert "Traceback" not in self.body.decode()
        return error


def encoded(name: str) -> str:
    """A name as a segment of a path."""
    return quote(name, safe="")
