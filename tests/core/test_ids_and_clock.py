"""Ids sort by time; clocks are exact to the microsecond."""

from __future__ import annotations

import os
import threading
import uuid
from datetime import UTC, datetime

import pytest

from nbproof.core.clock import FixedClock, SystemClock, datetime_of, microseconds_of
from nbproof.core.ids import is_id, new_id, short


def test_an_id_is_a_uuid_of_version_seven():
    parsed = uuid.UUID(hex=new_id())
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_ids_made_one_after_the_other_sort_in_that_order():
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_made_by_many_threads_are_distinct():
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(new_id() for _ in range(2_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000


def test_an_id_tells_the_millisecond_it_was_made():
    assert int(new_id(1_700_000_000_000)[:12], 16) == 1_700_000_000_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_makes_other_ids():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 32).decode() != new_id()


def test_what_is_an_id_and_its_short_form():
    identifier = new_id()
    assert is_id(identifier)
    assert not is_id("churn")
    assert short(identifier) == identifier[-6:]


def test_a_fixed_clock_moves_only_when_told():
    clock = FixedClock("2026-01-01T00:00:00Z")
    before = clock.now_us()
    clock.advance(-0.000001)
    assert clock.now_us() == before - 1
    clock.set("2026-01-01T01:00:00+01:00")
    assert clock.now_us() == before


@pytest.mark.parametrize("microseconds", [0, 1, -1, 1_790_000_000_123_456, -62_135_596_800_000_000])
def test_microseconds_and_datetimes_convert_exactly(microseconds):
    assert microseconds_of(datetime_of(microseconds)) == microseconds


def test_a_datetime_without_a_zone_is_utc():
    assert microseconds_of(datetime(1970, 1, 1)) == 0  # noqa: DTZ001 - the case in question
    assert datetime_of(0).tzinfo is UTC


def test_the_system_clock_tells_microseconds():
    assert abs(SystemClock().now_us() / 1e6 - datetime.now(UTC).timestamp()) < 60
