"""A folder of artifacts as a zip: in bounded memory, whole or not at all, and never out of its place."""

from __future__ import annotations

import io
import os
import stat
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbproof.core.errors import Conflict, Unavailable
from nbproof.core.generated import Generated
from nbproof.tracking.contents import Contents
from nbproof.tracking.folders import arrived, unzip_below, zipped
from nbproof.tracking.models import Artifact


def artifact(name: str, path: Path | None = None) -> Artifact:
    made = Artifact(
        name=name,
        version=1,
        kind="file",
        size_bytes=0,
        media_type="text/plain",
        hash="",
        created=datetime.now(UTC),
    )
    if path is not None:
        made._contents = Contents("0" * 32, None, lambda _: path, lambda _: path.open("rb"))  # type: ignore[arg-type]
    return made


def archive_of(*files: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_large_folder_is_zipped_kept_and_unpacked_in_bounded_memory(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        path = tmp_path / f"{number}"
        path.write_bytes(os.urandom(1 << 20) * 20)
        files.append((f"large/{number}", artifact(f"large/{number}", path)))
    target = tmp_path / "copies"
    tracemalloc.start()
    try:
        with arrived(io.BufferedReader(Generated(zipped(files)), 1 << 20), target) as file:
            made = unzip_below(file, target)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 10 << 20  # of 60 MiB
    assert (made, below(target)) == (target / "large", ["large", "large/0", "large/1", "large/2"])
    assert all((made / name).read_bytes() == (tmp_path / name).read_bytes() for name in "012")


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "hostile",
    [
        "../escaped",
        "plots/../../escaped",
        "/tmp/escaped",
        "C:/escaped",
        "plots/..\\..\\escaped",
        "plots\\escaped",
        "plots//escaped",
        "plots/./escaped",
        "plots/folder/",
        "elsewhere/a.txt",
        "alone",
        link("plots/link"),
    ],
    ids=lambda name: name if isinstance(name, str) else "a symbolic link",
)
def test_what_would_leave_the_folder_is_refused_before_anything_is_written(
    tmp_path: Path, hostile: str
) -> None:
    with pytest.raises(Unavailable, match=r"nothing was kept"):
        unzip_below(archive_of(("plots/a.txt", b"a"), (hostile, b"/etc/passwd")), tmp_path / "copies")
    assert below(tmp_path) == []


@pytest.mark.parametrize(
    "wrong",
    [
        archive_of(),
        archive_of(("plots/a", bytes(1 << 20)), packing=zipfile.ZIP_DEFLATED),
        io.BytesIO(b"<html>"),
    ],
    ids=["nothing", "packed, so that it may grow beyond bounds", "no zip"],
)
def test_something_else_than_a_folder_is_refused(tmp_path: Path, wrong: io.BytesIO) -> None:
    with pytest.raises(Unavailable):
        unzip_below(wrong, tmp_path / "copies")
    assert below(tmp_path) == []


def test_half_a_zip_leaves_nothing(tmp_path: Path) -> None:
    whole = archive_of(("plots/a.txt", b"a" * 5000), ("plots/b.txt", b"b" * 5000)).getvalue()
    for share in (0.1, 0.5, 0.99):
        with (
            pytest.raises(Unavailable, match="cut off"),
            arrived(io.BytesIO(whole[: int(share * len(whole))]), tmp_path / "copies") as file,
        ):
            unzip_below(file, tmp_path / "copies")
    assert below(tmp_path) == []


def test_a_link_or_another_file_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "plots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict, match="is no folder"):
        unzip_below(archive_of(("plots/a.txt", b"a")), tmp_path / "copies")
    assert below(tmp_path / "elsewhere") == []
    (tmp_path / "copies" / "tables").mkdir()
    (tmp_path / "copies" / "tables" / "a.txt").write_text("mine")
    with pytest.raises(Conflict, match="with other content"):
        unzip_below(archive_of(("tables/a.txt", b"theirs")), tmp_path / "copies")
    assert (tmp_path / "copies" / "tables" / "a.txt").read_text() == "mine"


def test_a_full_disk_is_told_and_keeps_nothing(small_disk: Path) -> None:
    with pytest.raises(Unavailable, match="can't be kept"):
        arrived(io.BytesIO(bytes(8 << 20)), small_disk / "copies")
    assert below(small_disk) == []
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize > 1 << 20
