"""TensorBoard's folders, written by tensorboardX and tensorboard (see `assets/make_all.py`) and by hand."""

from __future__ import annotations

import math
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.core.errors import Invalid
from nbproof.tracking.transfer.event_files import Damaged, crc32c, event_of, records


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked(head)) + data + struct.pack("<I", masked(data))


def varint(number):
    out = b""
    number &= (1 << 64) - 1
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def message(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def scalar(seconds, step, tag, value):
    told = message(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    return b"\x09" + struct.pack("<d", seconds) + b"\x10" + varint(step) + message(5, message(1, told))


def event_file(folder, *events, name="events.out.tfevents.1767225600.host"):
    folder.mkdir(parents=True, exist_ok=True)
    first = b"\x09" + struct.pack("<d", 1767225600.0) + message(3, b"brain.Event:2")
    file = folder / name
    file.write_bytes(b"".join(map(record, (first, *events))))
    return file


def test_a_folder_arrives_with_scalars_hparams_images_and_texts(workspace, store):
    target = workspace("target")

    report = target.transfer.import_runs(store("tensorboard") / "logs")

    assert (report.format, report.outcomes) == ("tensorboard", {"taken": 3})
    train = target.tracker.get_run("lr=0.1/train")
    assert (train.experiment, train.status) == ("logs", "finished")
    history = train.metric_history("loss")
    assert history["step"].tolist() == [0, 1, 2, 3, 4]
    assert history["value"].tolist() == [float(np.float32(1 / (step + 1))) for step in range(5)]
    assert history["time"].iloc[0].isoformat() == "2026-01-01T00:00:00.250000+00:00"
    odd = train.metric_history("odd")
    assert math.isnan(odd["value"][0]) and odd["value"].tolist()[1:] == [math.inf, -math.inf]
    assert odd["step"].tolist() == [0, 2**40, 2**41]
    files = {each.name: each for each in train.artifacts}
    assert set(files) == {"images/samples/digit/3.png", "text/summary/text_summary/4.md"}
    with target.storage.open(files["images/samples/digit/3.png"].location) as image:
        assert image.read(4) == b"\x89PNG"
    with target.storage.open(files["text/summary/text_summary/4.md"].location) as text:
        assert text.read() == b"it **learns**"
    tuned = target.tracker.get_run("lr=0.1/train/hp")
    assert tuned.params == {"lr": 0.1, "layers": 3, "optimizer": "adam", "bias": True}
    assert tuned.metrics == {"final/auc": float(np.float32(0.9))}
    tensors = target.tracker.get_run("tf2")
    assert tensors.metric_history("epoch_loss")["value"].tolist() == [0.0, 0.25, 0.5]
    assert tensors.metric_history("epoch_auc")["value"].tolist() == [0.0, 0.1, 0.2]
    assert [(each.kind, each.names) for each in report.not_taken] == [
        ("histogram", ["lr=0.1/train: weights"])
    ]


def test_importing_again_changes_nothing_and_what_has_grown_is_completed(workspace, project):
    target = workspace("target")
    file = event_file(project / "logs" / "a", scalar(1767225601.0, 0, "loss", 1.0))
    target.transfer.import_runs(project / "logs")

    assert target.transfer.import_runs(project / "logs").outcomes == {"there already": 1}
    with file.open("ab") as more:
        more.write(record(scalar(1767225602.0, 1, "loss", 0.5)))
    assert target.transfer.import_runs(project / "logs").outcomes == {"completed": 1}
    assert target.tracker.get_run("a").metric_history("loss")["value"].tolist() == [1.0, 0.5]


def test_a_last_record_that_is_cut_off_is_left_out_and_said(workspace, project):
    file = event_file(project / "logs", scalar(1767225601.0, 0, "x", 1.0), scalar(1767225602.0, 1, "x", 2.0))
    file.write_bytes(file.read_bytes()[:-9])
    target = workspace("target")

    report = target.transfer.import_runs(project / "logs")

    assert target.tracker.get_run("logs").metric_history("x")["value"].tolist() == [1.0]
    (left,) = report.not_taken
    assert "ends in the middle" in left.reason


def test_a_record_with_a_wrong_checksum_is_left_out_and_the_next_ones_read(workspace, project):
    events = [scalar(1767225600.0 + step, step, "x", step) for step in range(3)]
    file = event_file(project / "logs", *events)
    data = bytearray(file.read_bytes())
    data[data.index(record(events[1])) + 14] ^= 1
    file.write_bytes(data)
    target = workspace("target")

    report = target.transfer.import_runs(file)

    assert target.tracker.get_run("@last").metric_history("x")["step"].tolist() == [0, 2]
    assert [each.reason for each in report.not_taken] == ["its checksum is wrong"]


def test_a_wrong_length_ends_a_file_and_is_said(workspace, project):
    events = [scalar(1767225600.0 + step, step, "x", step) for step in range(3)]
    file = event_file(project / "logs", *events)
    data = bytearray(file.read_bytes())
    data[data.index(record(events[1]))] ^= 1
    file.write_bytes(data)
    target = workspace("target")

    report = target.transfer.import_runs(project / "logs")

    assert target.tracker.get_run("logs").metric_history("x")["step"].tolist() == [0]
    assert [each.kind for each in report.not_taken] == ["rest of a file"]


def test_several_files_of_a_folder_are_one_run_in_the_order_of_their_names(workspace, project):
    for number in (2, 1):
        name = f"events.out.tfevents.176722560{number}.host"
        event_file(project / "logs", scalar(1767225600.0 + number, -number, "x", number), name=name)
    target = workspace("target")
    target.transfer.import_runs(project / "logs")
    assert target.tracker.get_run("logs").metric_history("x")["step"].tolist() == [-1, -2]


def test_odd_tags_become_names_that_stay_inside_the_run(workspace, project):
    image = message(1, b"../..//x\\y") + message(4, message(4, b"\x89PNGxyz"))
    event = b"\x09" + struct.pack("<d", 1767225601.0) + message(5, message(1, image))
    event_file(project / "logs", event, scalar(1767225601.0, 0, "ü 💥", 1.0), scalar(math.nan, 0, "y", 1.0))
    target = workspace("target")
    target.transfer.import_runs(project / "logs")
    run = target.tracker.get_run("logs")
    assert [each.name for each in run.artifacts] == ["images/_/_/_/x_y/0.png"]
    assert set(run.metrics) == {"ü 💥", "y"}


def test_a_folder_without_event_files_is_refused(workspace, project):
    (project / "empty").mkdir()
    with pytest.raises(Invalid, match="no event files"):
        workspace("target").transfer.import_runs(project / "empty", from_="tensorboard")


@given(st.binary(max_size=5000))
def test_the_checksum_is_the_same_however_long_the_data(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_the_checksum_of_long_data_is_that_of_castagnoli():
    # RFC 3720, B.4, and the same repeated beyond what is summed byte by byte.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    rng = np.random.default_rng(0)
    for size in (1023, 1024, 1025, 4096, 100_001):
        data = rng.bytes(size)
        crc = 0
        for at in range(0, size, 1000):  # joined by hand: raw registers go on
            crc = _continued(crc, data[at : at + 1000])
        assert crc32c(data) == crc


def _continued(crc, data):
    from nbproof.tracking.transfer.event_files import _table

    register = crc ^ 0xFFFFFFFF
    for byte in data:
        register = _table()[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


@given(st.binary(max_size=300))
def test_noise_is_an_event_or_damaged_and_nothing_else(data):
    with suppress(Damaged):
        event_of(data)


@given(st.binary(max_size=200), st.integers(0, 100))
def test_a_file_with_noise_behind_good_records_gives_the_good_ones(noise, cut):
    import io

    good = record(scalar(1.0, 2, "x", 3.0))
    found = []
    try:
        for _, data in records(io.BytesIO(good + noise[: len(noise) - cut])):
            found.append(data)
    except (Damaged, EOFError):
        pass
    assert found[0] is not None and event_of(found[0]).values[0].number == 3.0
