from __future__ import annotations

import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbproof.storage.journal import reader
from nbproof.storage.journal.format import BODY, POINT_BYTES, event_line, parse_line, valid_points
from nbproof.storage.journal.reader import (
    Cursor,
    has_news,
    last_seq,
    read_batch,
    read_writer,
    torn_records,
    writer_ids,
)
from tests.support.journals import all_values, new_writer, read_all


def record(seq: int, value: float = 0.0) -> bytes:
    body = BODY.pack(1, seq, seq, 0, value)
    return body + zlib.crc32(body).to_bytes(4, "little")


def journal(tmp_path: Path, points: int, notes: int = 0) -> Path:
    """A closed journal: a series, points, and notes spread among them; returns its folder."""
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    for number in range(points):
        series.log(float(number))
        if notes and number % (points // notes) == 0:
            writer.event("note", number=number)
    path = writer.path
    writer.close()
    return path


# -- the checksums ------------------------------------------------------------------------------------------


def test_whole_blocks_of_valid_records_pass_by_one_comparison() -> None:
    data = b"".join(record(seq, seq * 0.5) for seq in range(1, 10_001))
    assert valid_points(data) == (data, len(data))


def test_zeros_are_not_a_record() -> None:
    assert valid_points(bytes(POINT_BYTES * 3)) == (b"", 0)


@given(st.integers(0, 9_999), st.integers(0, POINT_BYTES * 8 - 1))
@settings(deadline=None)
def test_a_flipped_bit_takes_out_its_record_and_no_other(index: int, bit: int) -> None:
    data = bytearray(b"".join(record(seq, seq * 0.5) for seq in range(1, 10_001)))
    data[index * POINT_BYTES + bit // 8] ^= 1 << bit % 8
    good, end = valid_points(bytes(data))
    at = index * POINT_BYTES
    assert good == bytes(data[:at] + data[at + POINT_BYTES :])
    assert end == (len(data) if index < 9_999 else at)


@given(st.dictionaries(st.text(), st.text()), st.data())
def test_any_change_of_a_line_is_noticed(fields: dict[str, str], data: st.DataObject) -> None:
    import json

    line = event_line(7, json.dumps({"kind": "note", "values": fields}))
    whole = parse_line(line[:-1])
    assert whole is not None
    assert whole["values"] == fields
    at = data.draw(st.integers(0, len(line) - 2))
    changed = bytearray(line[:-1])
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    parsed = parse_line(bytes(changed))
    # Hex digits mean the same in capitals; nothing else may pass.
    assert parsed is None or (parsed == whole and at < 8)


# -- batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 7, 1_000, 100_000])
def test_batches_join_without_gap_or_overlap(tmp_path: Path, limit: int) -> None:
    points = 300 if limit < 100 else 20_000
    path = journal(tmp_path, points, notes=50)
    batches = read_all(tmp_path / "journal", limit)
    assert [batch.from_ for batch in batches[1:]] == [batch.to for batch in batches[:-1]]
    assert [value for batch in batches for *_, value in batch.iter_points()] == list(
        map(float, range(points))
    )
    assert [e["number"] for b in batches for e in b.events if e["kind"] == "note"] == list(
        range(0, points, points // 50)
    )
    assert sum(batch.bad for batch in batches) == 0
    assert last_seq(path) == batches[-1].to


def test_a_cursor_without_places_gives_the_same_batches(tmp_path: Path) -> None:
    path = journal(tmp_path, 10_000, notes=10)
    info = read_writer(path)
    assert info is not None
    for batch in read_all(tmp_path / "journal", 900):
        again = read_batch(path, info, Cursor(batch.from_), 900)
        assert again is not None
        assert (again.from_, again.points[:40], again.events[:1]) == (
            batch.from_, batch.points[:40], batch.events[:1]
        )  # fmt: skip


def test_a_cursor_survives_json_and_nonsense_counts_as_the_beginning() -> None:
    cursor = Cursor(9, 1, 20, 3, 400)
    assert Cursor.of(9, {**cursor.as_json(), "pid_space": "x"}) == cursor
    for nonsense in (
        None,
        3,
        {},
        {**cursor.as_json(), "points_at": -1},
        {**cursor.as_json(), "events_at": "1"},
    ):
        assert Cursor.of(9, nonsense) == Cursor(9)


def test_news_are_told_apart_from_idleness(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")

    def cursor() -> Cursor:
        return read_all(tmp_path / "journal")[-1].cursor

    writer.event("note")
    assert has_news(writer.path, Cursor())
    assert not has_news(writer.path, cursor())
    old = cursor()
    series.log(1.0)
    assert has_news(writer.path, old)
    old = cursor()
    assert not has_news(writer.path, old)
    series.log(2.0)
    assert has_news(writer.path, old)
    old = cursor()
    writer.event("note")
    assert has_news(writer.path, old)
    assert not has_news(writer.path, cursor())


def test_a_part_of_a_batch_holds_what_lies_between(tmp_path: Path) -> None:
    journal(tmp_path, 100, notes=10)
    (batch,) = read_all(tmp_path / "journal")
    left, right = batch.part(0, 40), batch.part(40, batch.to)
    assert left.points + right.points == batch.points
    assert left.events + right.events == batch.events
    assert all(seq <= 40 for _, seq, *_ in left.iter_points())


@pytest.mark.parametrize("there", [3000, 0])
@pytest.mark.parametrize("after", range(1, 10))
def test_points_that_come_between_two_pieces_of_a_reading_leave_no_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int, after: int
) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    series.log(0.0)
    info = read_writer(writer.path)
    assert info is not None
    first = read_batch(writer.path, info, Cursor())
    assert first is not None
    for number in range(1, there):
        series.log(float(number))
    really = reader._pread
    readings = 0

    def interrupted(fd: int, length: int, at: int) -> bytes:
        nonlocal readings
        found = really(fd, length, at)
        readings += 1
        if readings == after:  # pieces were read, with room behind their points; now they go on beyond it
            for number in range(max(there, 1), 9000):
                series.log(float(number))
        return found

    monkeypatch.setattr(reader, "_pread", interrupted)
    found = []
    cursor = first.cursor
    while readings <= after or has_news(writer.path, cursor):
        batch = read_batch(writer.path, info, cursor, patience_seconds=0)
        if batch is not None:
            assert batch.bad == 0
            found += [value for *_, value in batch.iter_points()]
            cursor = batch.cursor
    writer.close()

    assert found == [float(number) for number in range(1, 9000)]


def test_a_live_journal_is_read_without_holes(tmp_path: Path) -> None:
    program = """
import sys, threading, time
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), clock=SystemClock())
series = writer.series("r", "loss")
deadline = time.monotonic() + 2
def log():
    number = 0
    while time.monotonic() < deadline:
        series.log(float(number))
        if number % 7 == 0:
            writer.event("note", number=number)
        number += 1
threads = [threading.Thread(target=log) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
writer.close()
"""
    folder = tmp_path / "journal"
    seqs: list[int] = []
    live = 0
    with subprocess.Popen([sys.executable, "-c", program, str(folder)]) as logger:
        cursor, info = Cursor(), None
        randomness = random.Random(1)
        while True:
            alive = logger.poll() is None
            ids = writer_ids(folder)
            info = info or (read_writer(folder / ids[0]) if ids else None)
            limit = randomness.choice([1_000, 10_000, 100_000])
            batch = read_batch(folder / ids[0], info, cursor, limit, patience_seconds=0) if info else None
            if batch is None:
                if not alive:
                    break
                continue
            assert batch.bad == 0
            live += alive
            seqs += [event["seq"] for event in batch.events] + [seq for _, seq, *_ in batch.iter_points()]
            cursor = batch.cursor
    assert live  # how often depends on who else uses the machine
    assert sorted(seqs) == list(range(1, last_seq(folder / ids[0]) + 1))


# -- damage -------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_damage_anywhere_costs_what_was_damaged_and_is_counted(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tmp_path = tmp_path_factory.mktemp("damage")
    path = journal(tmp_path, 500, notes=20)
    total = last_seq(path)
    hit: set[int] = set()
    name = data.draw(st.sampled_from(["points-1.bin", "events-1.jsonl"]))
    file = path / name
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    before = file.read_bytes()
    file.write_bytes(content)
    if name.startswith("points"):
        size = POINT_BYTES
        for at in range(0, len(before), size):
            if bytes(content[at : at + size]) != before[at : at + size]:
                hit.add(at)
    seqs: list[int] = []
    bad = 0
    for batch in read_all(tmp_path / "journal", data.draw(st.sampled_from([50, 100_000]))):
        found = [event["seq"] for event in batch.events] + [seq for _, seq, *_ in batch.iter_points()]
        assert len(found) + batch.bad == batch.to - batch.from_
        seqs += found
        bad += batch.bad
    assert len(seqs) == len(set(seqs))
    if name.startswith("points"):
        assert len(seqs) == total - len(hit)
    else:
        assert total - 30 <= len(seqs) <= total


def test_a_torn_end_is_not_read_and_counted_when_the_writer_is_gone(tmp_path: Path) -> None:
    path = journal(tmp_path, 10)
    with open(path / "points-1.bin", "ab") as points, open(path / "events-1.jsonl", "ab") as events:
        points.write(record(99)[:33] + bytes(7))
        events.write(event_line(100, '{"kind":"note"}')[:12])
    (batch,) = read_all(tmp_path / "journal")
    assert (batch.to, batch.bad) == (11, 0)
    assert torn_records(path, batch.cursor) == 2


def test_what_follows_a_damaged_stretch_longer_than_a_batch_is_found(tmp_path: Path) -> None:
    path = journal(tmp_path, 30_000)
    content = bytearray((path / "points-1.bin").read_bytes())
    content[400 : 20_000 * POINT_BYTES] = bytes(20_000 * POINT_BYTES - 400)
    (path / "points-1.bin").write_bytes(content)
    batches = read_all(tmp_path / "journal", 100)
    assert sum(batch.bad for batch in batches) == 20_000 - 10
    assert len([value for batch in batches for *_, value in batch.iter_points()]) == 10_010


def test_a_journal_of_a_later_format_is_not_guessed_at(tmp_path: Path) -> None:
    path = journal(tmp_path, 1)
    file = path / "writer.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match="format 2"):
        read_writer(path)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    path = journal(tmp_path, 3)
    (tmp_path / "journal" / "rejected").mkdir()
    (tmp_path / "journal" / "notes.txt").write_text("mine")
    (path / "points-01.bin").write_text("mine")
    (path / "points-2.bin.part").write_text("mine")
    assert writer_ids(tmp_path / "journal") == [path.name]
    assert all_values(tmp_path / "journal") == [0.0, 1.0, 2.0]


# -- files that are mostly empty ----------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 255)), max_size=5),
    st.integers(0, 20_001),
)
@settings(deadline=None)
def test_the_used_part_of_a_file_ends_with_the_last_record_in_which_there_is_something(
    marks: list[tuple[int, int]], size: int
) -> None:
    raw = bytearray(20_001)
    for place, value in marks:
        raw[place] = value
    whole = bytes(raw[:size])

    end = len(whole.rstrip(b"\0"))
    assert reader._used(whole) == -(-end // POINT_BYTES) * POINT_BYTES
