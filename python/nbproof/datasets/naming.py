"""Names of datasets, and how a version is named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Invalid

__all__ = ["Reference", "alias_name", "alias_names", "dataset_name", "parsed", "tags_of"]

_VERSION = re.compile(r"v([1-9][0-9]{0,8})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{6,64}")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Reference:
    """A version as somebody names it.

    Attributes
    ----------
    name : str
        Of the dataset; or, where nothing else is set, perhaps a digest or an id.
    version : int, optional
    alias : str, optional
    before_us : int, optional
        The latest version that was registered before this.
    """

    name: str
    version: int | None = None
    alias: str | None = None
    before_us: int | None = None

    @property
    def digest(self) -> str | None:
        """What may be the beginning of a digest or an id."""
        bare = self.version is None and self.alias is None and self.before_us is None
        return self.name if bare and _DIGEST.fullmatch(self.name) else None


def dataset_name(name: object) -> str:
    """A name that a dataset can have, or `Invalid`.

    Examples
    --------
    >>> dataset_name("sales/2026 🎈")
    'sales/2026 🎈'
    """
    if not isinstance(name, str) or not name.strip():
        raise Invalid(
            f"a dataset needs a name, found {name!r}" if isinstance(name, str) else
            f"a dataset's name is a text, found {type(name).__name__}",
            hint='register_dataset(frame, "sales")',
            details={"field": "name"},
        )  # fmt: skip
    if len(name) > _LONGEST:
        raise Invalid(
            f"a dataset's name has at most {_LONGEST} characters, found {len(name):,}",
            details={"field": "name"},
        )
    if "@" in name or name != name.strip() or any(not each.isprintable() for each in name):
        raise Invalid(
            f"{name!r} can't be the name of a dataset",
            hint="an @ stands before a version, as in sales@v3; unseen signs and blanks at an end get lost",
            details={"field": "name"},
        )
    return name


def alias_name(alias: str) -> str:
    """A name that an alias can have, or `Invalid`."""
    if (
        not isinstance(alias, str)
        or not _ALIAS.fullmatch(alias)
        or _VERSION.fullmatch(alias)
        or alias == "latest"
    ):
        raise Invalid(
            f"{alias!r} can't be an alias",
            hint="letters, digits, _ . -, beginning with a letter; v3 and latest name versions by themselves",
            details={"field": "alias"},
        )
    return alias


def alias_names(given: str | Iterable[str]) -> list[str]:
    """Names that aliases can have; one text is one alias.

    Examples
    --------
    >>> alias_names("prod"), alias_names(["prod", "best"])
    (['prod'], ['prod', 'best'])
    """
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [given]
    return [alias_name(each) for each in names]


def tags_of(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags as texts, or `Invalid`.

    Examples
    --------
    >>> tags_of({"rows": 3}), tags_of(None)
    ({'rows': '3'}, {})
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Invalid(
            f"tags are names with values, found {type(given).__name__}",
            hint='such as {"team": "growth"}; a name alone is an alias',
            details={"field": "tags"},
        )
    return {str(key): str(value) for key, value in given.items()}


def parsed(reference: str) -> Reference:
    """What a text means.

    Raises
    ------
    Invalid
        It means nothing, or is no text.

    Examples
    --------
    >>> parsed("sales@v3").version, parsed("sales@prod").alias, parsed("sales").alias
    (3, 'prod', None)
    """
    if not isinstance(reference, str):
        raise Invalid(
            f"a version is named by a text, found {type(reference).__name__}",
            hint="such as sales, sales@v3 or sales@prod",
            details={"field": "id"},
        )
    name, at, which = reference.rpartition("@")
    if not at:
        return Reference(dataset_name(reference))
    dataset_name(name)
    if which == "latest":
        return Reference(name)
    if found := _VERSION.fullmatch(which):
        return Reference(name, version=int(found[1]))
    if _DAY.fullmatch(which):
        return Reference(name, before_us=_end_of(which, reference))
    if _ALIAS.fullmatch(which):
        return Reference(name, alias=which)
    raise Invalid(
        f"{which!r} in {reference!r} names no version",
        hint=f"{name}@v3, {name}@prod for an alias, {name}@2026-11-01 for the latest of that day, or {name}",
        details={"field": "id"},
    )


def _end_of(day: str, reference: str) -> int:
    try:
        when = datetime.fromisoformat(day)
    except ValueError as error:
        raise Invalid(f"{day!r} in {reference!r} is no date: {error}", details={"field": "id"}) from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return microseconds_of(when + timedelta(days=1) if len(day) == 10 else when)
