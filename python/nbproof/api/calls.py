"""How a function of ``nbp.`` is made of a service's method."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

__all__ = ["of_service"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


def of_service(service: Callable[[], S], method: Callable[Concatenate[S, P], R]) -> Callable[P, R]:
    """The method, called on what the service is at that moment; it looks like a function of nbproof."""
    name = method.__name__

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        answer: R = getattr(service(), name)(*args, **kwargs)
        return answer

    # `wraps` would show the service's own first parameter.
    signature = inspect.signature(method)
    shown = signature.replace(parameters=list(signature.parameters.values())[1:])
    call.__signature__ = shown  # type: ignore[attr-defined]
    call.__module__ = "nbproof"
    del call.__wrapped__
    return call
