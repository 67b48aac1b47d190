"""What the versions of a dataset have to keep to, and whether one does.

A contract is plain JSON; every part of it is optional::

    {"columns": {"id": {"type": "integer", "nullable": false},
                 "city": {"values": ["Oslo", "Rome"]},
                 "price": {"type": "float64", "min": 0, "max": 1000},
                 "note": {"required": false}},
     "key": ["id"], "min_rows": 1, "max_rows": 1000000,
     "extra_columns": false, "on_breach": "refuse"}

A type is Arrow's, as text or in the words of lists, or a family: number, integer, text, boolean, time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from nbproof.core.clock import datetime_of, microseconds_of
from nbproof.core.errors import Invalid, near_names
from nbproof.core.listing import count_text
from nbproof.core.operation import Json, View, validated
from nbproof.core.type_words import TYPE_WORDS, is_misspelt, retyped_words, stored_alike, type_words

if TYPE_CHECKING:
    from nbproof.datasets.handle import DatasetHandle
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.stats.profile import ColumnProfile

__all__ = ["ColumnRule", "Contract", "DatasetContract", "DatasetContracts", "KeyWatch", "breaches_of", "read"]

OnBreach: TypeAlias = Literal["warn", "refuse"]
_FAMILIES = ("number", "integer", "text", "boolean", "time")
_FEW = 20
_INDEX = "__index_level_"  # how the index of a pandas frame is called that has no name
_SOME = 3


class ColumnRule(BaseModel):
    """What holds for a column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str | None = Field(
        None, description="Arrow's, or as lists show it, or number, integer, text, boolean, time."
    )
    required: bool = Field(True, description="Whether the column has to be there.")
    nullable: bool = Field(True, description="Whether values may be missing; NaN counts as missing.")
    min: float | int | str | None = Field(None, description="The least; of times as ISO 8601.")
    max: float | int | str | None = None
    values: list[bool | int | float | str] | None = Field(None, description="The only ones that may come.")

    @field_validator("type")
    @classmethod
    def _known(cls, type: str | None) -> str | None:
        if type is not None and type not in _FAMILIES and is_misspelt(type):
            near = near_names(type, [*_FAMILIES, *TYPE_WORDS])
            meant = f"did you mean {near[0]!r}?" if near else f"such as {', '.join(_FAMILIES)}, float64"
            raise ValueError(f"no type is called {type!r}; {meant}")
        return type

    @field_validator("min", "max", mode="before")
    @classmethod
    def _finite(cls, bound: object) -> object:
        if isinstance(bound, bool) or (isinstance(bound, float) and not math.isfinite(bound)):
            raise ValueError(f"a bound is a finite number or a time, not {bound}; leave it out for none")
        return bound

    @field_validator("values", mode="before")
    @classmethod
    def _there(cls, values: object) -> object:
        for each in values if isinstance(values, Sequence) and not isinstance(values, str) else ():
            if each is None or each != each:
                raise ValueError("what is missing is no value: whether values may be is said by nullable")
        return values

    @model_validator(mode="after")
    def _bounds(self) -> ColumnRule:
        for each in (self.min, self.max):
            if isinstance(each, str):
                try:
                    datetime.fromisoformat(each)
                except ValueError:
                    raise ValueError(
                        f"a bound is a number, or a time as ISO 8601 such as 2026-11-01, not {each!r}"
                    ) from None
        if None not in (self.min, self.max):
            if isinstance(self.min, str) != isinstance(self.max, str):
                raise ValueError("min and max are two numbers or two times")
            if _number(self.min) > _number(self.max):  # type: ignore[arg-type]  # neither is None
                raise ValueError(f"min {self.min} is greater than max {self.max}: nothing could keep to that")
        return self


class Contract(BaseModel):
    """What holds for each version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    key: list[str] = Field(default_factory=list, description="Columns that name a row: no two have the same.")
    min_rows: int | None = Field(None, ge=0)
    max_rows: int | None = Field(None, ge=0)
    extra_columns: bool = Field(True, description="Whether there may be columns that are not named here.")
    on_breach: OnBreach = Field("warn", description="warn, or refuse: then nothing is registered.")

    @field_validator("max_rows")
    @classmethod
    def _not_less(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_rows")
        if most is not None and least is not None and least > most:
            raise ValueError(f"it is less than min_rows {least:,}, so that nothing could keep to both")
        return most


class DatasetContract(View):
    """The contract of a dataset, or one that is proposed."""

    dataset: str
    contract: Json = Field(None, description="As it is written down; null where there is none.")
    proposed: bool = Field(False, description="Made from a version, and not in force.")

    def told(self) -> dict[str, object]:
        """What a cell shows of it."""
        if self.contract is None:
            return {"dataset": self.dataset, "contract": "none"}
        rules = dict(self.contract)
        columns = rules.pop("columns", {})
        told: dict[str, object] = {"dataset": self.dataset}
        if self.proposed:
            told["proposed"] = "not in force: give it to set_contract"
        told |= rules
        told["columns"] = [{"column": name, **rule} for name, rule in columns.items()]
        return told


def read(given: Mapping[str, Any] | Contract, on_breach: OnBreach | None = None) -> Contract:
    """A contract, checked; `Invalid` names the field that is wrong."""
    if isinstance(given, Contract):
        contract = given
    elif isinstance(given, Mapping):
        contract = validated(Contract, given)
    else:
        raise Invalid(
            f"a contract is an object, found {type(given).__name__}",
            hint='such as {"columns": {"price": {"min": 0}}, "key": ["id"]}',
            details={"field": "contract"},
        )
    if on_breach is not None:
        contract = validated(Contract, {**contract.model_dump(), "on_breach": on_breach})
    return contract


# -- checking ----------------------------------------------------------------------------------------------


class KeyWatch:
    """Watches the rows of a table go by: whether no two have the same key.

    Eight bytes a row stay in memory.
    """

    def __init__(self, key: Sequence[str]) -> None:
        self.key = list(key)
        self._hashes: list[Any] = []

    def watched(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches, as they are."""
        from nbproof.stats.hashing import hash_column, hash_rows

        for batch in batches:
            if all(name in batch.schema.names for name in self.key):
                self._hashes.append(hash_rows([hash_column(batch.column(name)) for name in self.key]))
            yield batch

    @property
    def repeated(self) -> int:
        """How many rows have a key that came before."""
        import numpy as np

        from nbproof.stats.hashing import distinct

        if not self._hashes:
            return 0
        every = np.concatenate(self._hashes)
        return len(every) - len(distinct(every))


def breaches_of(
    contract: Contract, profiles: Sequence[ColumnProfile], rows: int, repeated: int = 0
) -> list[str]:
    """Each way in which a table does not keep to its contract, in words.

    Parameters
    ----------
    repeated : int
        How many rows have a key that another row has.
    """
    found = []
    known = {each.name: each for each in profiles}
    if contract.min_rows is not None and rows < contract.min_rows:
        found.append(f"{count_text(rows, 'row')}, at least {contract.min_rows:,} are expected")
    if contract.max_rows is not None and rows > contract.max_rows:
        found.append(f"{count_text(rows, 'row')}, at most {contract.max_rows:,} are expected")
    for name, rule in contract.columns.items():
        if name in known:
            found += [f"{name}: {each}" for each in _broken(rule, known[name])]
        elif rule.required:
            found.append(f"{name}: the column is missing")
    if not contract.extra_columns:
        found += [
            f"{name}: the column is not expected"
            for name in known
            if name not in contract.columns and not name.startswith(_INDEX)
        ]
    told = ", ".join(contract.key)
    if missing := [name for name in contract.key if name not in known]:
        found.append(f"key {told}: there is no column {', '.join(missing)}")
    elif repeated:
        found.append(
            f"key {told}: {count_text(repeated, 'row repeats', 'rows repeat')} that of an earlier row"
        )
    return found


def _broken(rule: ColumnRule, profile: ColumnProfile) -> Iterator[str]:
    empty = profile.rows == profile.missing
    if rule.type is not None and not _has_type(rule.type, profile):
        yield f"type {retyped_words(profile.type, rule.type)[0]}, {rule.type} is expected"
        return  # bounds of another type say nothing
    missing = profile.missing + profile.nans
    if not rule.nullable and missing:
        yield f"{count_text(missing, 'value is', 'values are')} missing, none may be"
    if empty:
        return
    yield from _out_of_bounds(rule, profile)
    if rule.values is not None:
        allowed = {_same(each) for each in rule.values}
        if profile.other or (profile.count and not profile.top):
            yield f"{profile.distinct:,} different values, only {len(allowed):,} are allowed"
        elif odd := [value for value, _ in profile.top if _same(value) not in allowed]:
            rows = sum(count for value, count in profile.top if _same(value) not in allowed)
            some = ", ".join(map(repr, odd[:_SOME])) + (", ..." if len(odd) > _SOME else "")
            told = count_text(rows, "row has a value that is", "rows have values that are")
            yield f"{told} not allowed: {some}"


def _out_of_bounds(rule: ColumnRule, profile: ColumnProfile) -> Iterator[str]:
    if rule.min is None and rule.max is None:
        return
    if profile.kind not in ("numeric", "datetime"):
        yield f"has no numbers or times, so that bounds can't be kept (type {type_words(profile.type)})"
        return
    if profile.infinities:
        yield f"{profile.infinities:,} values are infinite"
    low, high = profile.minimum, profile.maximum
    if rule.min is not None and low is not None and low < _number(rule.min):
        yield f"the least is {_shown(low, profile)}, at least {rule.min} is expected"
    if rule.max is not None and high is not None and high > _number(rule.max):
        yield f"the greatest is {_shown(high, profile)}, at most {rule.max} is expected"


def _has_type(wanted: str, profile: ColumnProfile) -> bool:
    if wanted not in _FAMILIES:
        # A file, pandas and Arrow store the same texts in three ways.
        return stored_alike(wanted) in (stored_alike(profile.type), type_words(profile.type))
    if wanted == "integer":
        return profile.type.removeprefix("u").startswith("int")
    kinds = {"number": ("numeric",), "text": ("categorical", "text"), "boolean": ("boolean",)}
    return profile.kind in kinds.get(wanted, ("datetime",))


def _number(bound: float | int | str) -> float:
    if not isinstance(bound, str):
        return bound
    when = datetime.fromisoformat(bound)
    return microseconds_of(when if when.tzinfo else when.replace(tzinfo=UTC))


def _shown(value: float, profile: ColumnProfile) -> str:
    if profile.type.startswith(("timestamp", "date")):
        return datetime_of(int(value)).isoformat()
    # As long as the bound that it is told beside: 2^53 + 1 is not 9.0072e+15.
    return f"{int(value)}" if abs(value) < 1e18 and value == int(value) else f"{value:.12g}"


def _same(value: object) -> object:
    """1, 1.0 and True are three things to a contract but the first two."""
    return ("boolean", value) if isinstance(value, bool) else value


# -- proposing ---------------------------------------------------------------------------------------------


def proposed(profiles: Sequence[ColumnProfile]) -> dict[str, Any]:
    """A contract that a version keeps to: a draft, to be loosened by who knows the data."""
    columns: dict[str, Any] = {}
    key: list[str] = []
    for each in profiles:
        rule: dict[str, Any] = {"type": _proposed_type(each)}
        if not each.missing + each.nans and each.rows:
            rule["nullable"] = False
        if each.kind in ("numeric", "datetime") and each.minimum is not None and each.maximum is not None:
            if not each.type.startswith(("time32", "time64", "duration")):
                rule["min"], rule["max"] = (_bound(value, each) for value in (each.minimum, each.maximum))
        elif each.kind == "categorical" and each.knows_all_values and each.distinct <= _FEW:
            rule["values"] = sorted(value for value, _ in each.top)
        columns[each.name] = rule
        single = each.distinct_exact and each.distinct == each.rows > 1 and not each.missing
        if not key and single and each.kind in ("numeric", "text", "categorical") and _names_rows(each.name):
            key = [each.name]
            rule.pop("min", None), rule.pop("max", None), rule.pop("values", None)
    return {"columns": columns, "key": key, "min_rows": 1, "on_breach": "warn"}


def _proposed_type(profile: ColumnProfile) -> str:
    """As lists show it; of what comes from a file another way than from a frame, the family."""
    words = type_words(profile.type)
    if words.removeprefix("ordered ").removeprefix("category of ") == "string":
        return "text"
    return "time" if words in ("timestamp", "date") else words


def _names_rows(name: str) -> bool:
    return name.lower().rpartition("_")[2] in ("id", "key", "uuid", "guid")


def _bound(value: float, profile: ColumnProfile) -> float | int | str:
    if profile.type.startswith(("timestamp", "date")):
        return datetime_of(int(value)).isoformat()
    return int(value) if float(value).is_integer() and "int" in profile.type else value


# -- the verbs ---------------------------------------------------------------------------------------------


class DatasetContracts:
    """Contracts of the datasets of one workspace.

    Parameters
    ----------
    datasets : callable
        The records, made when they are first needed.
    handle : callable
        Opens the version that a text names.
    now_us : callable
    prepare : callable, optional
        Called before the first write.
    """

    def __init__(
        self,
        datasets: Callable[[], DatasetRepository],
        handle: Callable[[str], DatasetHandle],
        now_us: Callable[[], int],
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self._datasets = datasets
        self._handle = handle
        self._now_us = now_us
        self._prepare = prepare

    def set_contract(
        self,
        name: str,
        contract: Mapping[str, Any] | None,
        *,
        on_breach: OnBreach | None = None,
    ) -> DatasetContract:
        """Say what the versions of a dataset have to keep to, from the next one on.

        Parameters
        ----------
        name : str
            The dataset; it need not have versions yet.
        contract : mapping or None
            ``{"columns": {"price": {"type": "float64", "min": 0, "nullable": False}}, "key": ["id"]}``; None
            takes it away.
        on_breach : {"warn", "refuse"}, optional
            Instead of what the contract says, which warns where it says nothing.

        Raises
        ------
        Invalid
            It says something that no contract can; the field is named.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> contract = {"columns": {"visits": {"type": "integer", "min": 0}}}
        >>> _ = nbp.set_contract("contract-demo", contract, on_breach="refuse")
        >>> nbp.register_dataset(pd.DataFrame({"visits": [3, -5]}), "contract-demo")
        Traceback (most recent call last):
        nbproof.core.errors.Invalid: contract-demo breaks its contract: visits: the least is -5, ...
        """
        from nbproof.datasets.naming import dataset_name

        called = dataset_name(name)
        written = None if contract is None else read(contract, on_breach).model_dump(exclude_defaults=True)
        if self._prepare is not None:
            self._prepare()
        self._datasets().set_contract(called, written, now_us=self._now_us())
        return DatasetContract(dataset=called, contract=written)

    def get_contract(self, name: str, *, propose: bool = False) -> DatasetContract:
        """The contract of a dataset; or, made from a version, one that might be.

        Parameters
        ----------
        name : str
            The dataset; to propose, perhaps a version of it.
        propose : bool
            Make one of what is known of the version.

        Raises
        ------
        NotFound
            There is no such dataset.
        """
        if propose:
            handle = self._handle(name)
            return DatasetContract(
                dataset=handle.version.dataset, contract=proposed(handle.profile), proposed=True
            )
        if not self._datasets().known(name):
            raise self._datasets().no_dataset(name)
        return DatasetContract(dataset=name, contract=self._datasets().contract(name))

    def contract_of(self, version: str) -> dict[str, Any]:
        """A contract that a version keeps to: a draft for `set_contract`."""
        found: dict[str, Any] = self.get_contract(version, propose=True).contract
        return found
