"""In which type values are compared of which one side has another type than the other.

A column comes from pandas today and from CSV tomorrow: texts stay texts and numbers numbers, however stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbproof.core.type_words import stored_alike

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["are_comparable", "common_type", "in_type"]

_UNITS = ("s", "ms", "us", "ns")


def are_comparable(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether equal values of two types can be told to be equal; nothing but nulls can be told from anything.

    Examples
    --------
    >>> import pyarrow as pa
    >>> are_comparable(pa.int64(), pa.float32()), are_comparable(pa.int64(), pa.string())
    (True, False)
    >>> are_comparable(pa.dictionary(pa.int8(), pa.string()), pa.large_string())
    True
    """
    import pyarrow.types as t

    one, other = _values(one), _values(other)
    if t.is_null(one) or t.is_null(other):
        return True
    families = _family(one), _family(other)
    return families[0] == families[1] != "" or stored_alike(str(one)) == stored_alike(str(other))


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that both have to be cast to before their fingerprints are compared; None if neither has to.

    Parameters
    ----------
    one, other : pyarrow.DataType
        Comparable ones.

    Examples
    --------
    >>> import pyarrow as pa
    >>> common_type(pa.int32(), pa.float32())
    DataType(double)
    >>> common_type(pa.date32(), pa.timestamp("ms"))
    TimestampType(timestamp[ms])
    >>> common_type(pa.string(), pa.large_string()) is common_type(pa.int8(), pa.int64()) is None
    True
    """
    import pyarrow as pa
    import pyarrow.types as t

    one, other = _values(one), _values(other)
    family = _family(one)
    if one == other or family != _family(other):
        return None
    if family == "number":
        if t.is_floating(one) != t.is_floating(other):
            return pa.float64()
        if t.is_decimal(one) or t.is_decimal(other):
            return pa.decimal256(76, max(getattr(each, "scale", 0) for each in (one, other)))
        if t.is_integer(one) and t.is_signed_integer(one) != t.is_signed_integer(other):
            return pa.decimal128(20)  # holds every int64 and every uint64
    if family in ("timestamp", "moment"):
        zone = getattr(one, "tz", None)
        return pa.timestamp(_finest(one, other), zone)
    if family == "time":
        finest = _finest(one, other)
        return pa.time32(finest) if finest in ("s", "ms") else pa.time64(finest)
    if family == "duration":
        return pa.duration(_finest(one, other))
    return None


def in_type(column: Any, wanted: pa.DataType) -> Any:
    """A column cast to the type; what does not fit there turns into something that equals nothing likely."""
    import pyarrow as pa

    values = _values(column.type)
    if values != column.type:
        column = column.cast(values)
    if pa.types.is_date64(values):
        column = column.cast(pa.timestamp("ms"))
    return column.cast(wanted, safe=False)


def _values(kind: pa.DataType) -> pa.DataType:
    """What a dictionary, runs or an extension are of."""
    import pyarrow as pa
    import pyarrow.types as t

    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    coded = t.is_dictionary(kind) or t.is_run_end_encoded(kind)
    return kind.value_type if coded else kind


def _family(kind: pa.DataType) -> str:
    """Types of one family hold the same values; no name where only equal types do."""
    import pyarrow.types as t

    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind):
        return "number"
    if t.is_timestamp(kind):
        return "moment" if kind.tz else "timestamp"
    if t.is_date(kind):
        return "timestamp"
    if t.is_time(kind):
        return "time"
    if t.is_duration(kind):
        return "duration"
    return "binary" if t.is_fixed_size_binary(kind) or stored_alike(str(kind)) == "binary" else ""


def _finest(*kinds: Any) -> str:
    return max((getattr(each, "unit", "s") for each in kinds), key=_UNITS.index)
