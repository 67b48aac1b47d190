"""Files on their way in and out."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nbproof.server.spool import Spool, remove_left_over
from tests.server.conftest import Ask
from tests.support.http import encoded


async def _run(ask: Ask) -> str:
    started = await ask("POST", "/experiments/demo/runs", {"name": "with files"})
    return str(started.json["id"])


def _left(root: Path) -> list[Path]:
    return [path for path in (root / ".nbproof" / "incoming").rglob("*") if path.exists()]


@pytest.mark.parametrize("name", ["model.bin", "plots/roc curve.png", "ü 🙂 %.txt", 'quo"te.html'])
async def test_a_file_comes_back_as_it_was_sent(ask: Ask, jp_root_dir: Path, name: str) -> None:
    run = await _run(ask)
    content = os.urandom(3_000_000)
    assert (await ask("POST", f"/runs/{run}/artifacts?name={encoded(name)}", content)).status == 204
    reply = await ask("GET", f"/runs/{run}/artifacts/{encoded(name)}")
    assert (reply.status, reply.body) == (200, content)
    assert reply.headers["Content-Disposition"].startswith("attachment;")
    assert encoded(name.rpartition("/")[2]) in reply.headers["Content-Disposition"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in reply.headers["Content-Security-Policy"]
    assert _left(jp_root_dir) == []
    again = await ask(
        "GET", f"/runs/{run}/artifacts/{encoded(name)}", headers={"If-None-Match": reply.headers["Etag"]}
    )
    assert (again.status, again.body) == (304, b"")


# -- a folder as one zip ----------------------------------------------------------------------------------


async def test_a_folder_comes_back_as_one_zip_without_what_was_deleted(ask: Ask) -> None:
    run = await _run(ask)
    content = os.urandom(3_000_000)
    for name in ("out/plots/a.bin", "out/plots/deep/ü.bin", "out/plots/gone.bin", "out/plots2/b.bin"):
        assert (await ask("POST", f"/runs/{run}/artifacts?name={encoded(name)}", content)).status == 204
    assert (await ask("DELETE", f"/runs/{run}/artifacts/{encoded('out/plots/gone.bin')}")).status == 204
    reply = await ask("GET", f"/runs/{run}/folders/{encoded('out/plots')}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/zip")
    assert 'filename="plots.zip"' in reply.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["plots/a.bin", "plots/deep/ü.bin"]
        assert archive.read("plots/deep/ü.bin") == content
    again = await ask(
        "GET",
        f"/runs/{run}/folders/{encoded('out/plots')}",
        headers={"If-None-Match": reply.headers["Etag"]},
    )
    assert (again.status, again.body) == (304, b"")
    missing = await ask("GET", f"/runs/{run}/folders/{encoded('out/plot')}")
    assert missing.status == 404 and "out/plots" in missing.json["error"]["hint"]


# -- parts of a file -------------------------------------------------------------------------------------

_CONTENT = bytes(range(100))


async def _kept(ask: Ask) -> str:
    run = await _run(ask)
    await ask("POST", f"/runs/{run}/artifacts?name=x", _CONTENT)
    return f"/runs/{run}/artifacts/x"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", (0, 9)),
        ("bytes=90-", (90, 99)),
        ("bytes=-5", (95, 99)),
        ("bytes=-1000", (0, 99)),
        ("bytes=50-999", (50, 99)),
        ("bytes=99-99", (99, 99)),
        ("Bytes = 1 - 2", (1, 2)),
    ],
)
async def test_a_part_that_is_asked_for_is_sent(ask: Ask, asked: str, part: tuple[int, int]) -> None:
    path = await _kept(ask)
    reply = await ask("GET", path, headers={"Range": asked})
    first, last = part
    assert (reply.status, reply.body) == (206, _CONTENT[first : last + 1])
    assert reply.headers["Content-Range"] == f"bytes {first}-{last}/100"
    assert reply.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=5-1", "lines=1-2", "bytes=-", "bytes=0-1,5-6", "bytes=a-b", ""])
async def test_what_is_no_range_gets_the_whole(ask: Ask, asked: str) -> None:
    reply = await ask("GET", await _kept(ask), headers={"Range": asked})
    assert (reply.status, reply.body) == (200, _CONTENT)
    assert reply.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
async def test_a_part_behind_the_end_is_416_and_tells_the_size(ask: Ask, asked: str) -> None:
    reply = await ask("GET", await _kept(ask), headers={"Range": asked})
    assert (reply.status, reply.error["code"]) == (416, "invalid")
    assert reply.headers["Content-Range"] == "bytes */100"


async def test_a_part_is_only_of_the_content_that_the_client_has(ask: Ask) -> None:
    path = await _kept(ask)
    head = await ask("HEAD", path)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "100")
    tag = head.headers["Etag"]
    same = await ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": tag})
    assert (same.status, same.body) == (206, _CONTENT[10:20])
    await ask("POST", path.removesuffix("/x") + "?name=x", b"other")
    other = await ask("GET", path, headers={"Range": "bytes=1-2", "If-Range": tag})
    assert (other.status, other.body) == (200, b"other")
    dated = {"Range": "bytes=1-2", "If-Range": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert (await ask("GET", path, headers=dated)).status == 200


async def test_the_tag_is_the_hash_wherever_the_content_is(ask: Ask) -> None:
    first, second = await _kept(ask), await _kept(ask)
    tags = [(await ask("HEAD", path)).headers["Etag"] for path in (first, second)]
    assert tags[0] == tags[1]
    again = await ask("GET", first, headers={"If-None-Match": tags[0], "Range": "bytes=0-1"})
    assert (again.status, again.body) == (304, b"")


async def test_an_earlier_version_can_be_fetched(ask: Ask) -> None:
    path = await _kept(ask)
    await ask("POST", path.removesuffix("/x") + "?name=x", b"second")
    assert (await ask("GET", f"{path}@v1")).body == _CONTENT
    assert (await ask("GET", path)).body == (await ask("GET", f"{path}@v2")).body == b"second"


async def test_a_server_does_not_look_at_what_a_reference_names(ask: Ask, jp_root_dir: Path) -> None:
    run = await _run(ask)
    (jp_root_dir / "secret.txt").write_text("secret")
    told = {"target": str(jp_root_dir / "secret.txt")}
    assert (await ask("POST", f"/runs/{run}/references", told)).status == 204
    (listed,) = (await ask("GET", f"/runs/{run}/artifacts")).json["items"]
    assert (listed["hash"], listed["size_bytes"]) == ("", 0)
    preview = await ask("GET", f"/runs/{run}/artifacts/secret.txt/preview")
    assert (preview.json["shows"], preview.json["text"]) == ("reference", told["target"])
    assert (await ask("GET", f"/runs/{run}/artifacts/secret.txt")).status == 409


async def test_kind_and_metadata_travel_with_an_upload(ask: Ask) -> None:
    run = await _run(ask)
    body = b'{"edges": [0, 1, 2], "counts": [3, 4]}'
    query = "name=w.json&kind=histogram&step=5&metadata=" + encoded('{"layer": "fc"}')
    assert (await ask("POST", f"/runs/{run}/artifacts?{query}", body)).status == 204
    (listed,) = (await ask("GET", f"/runs/{run}/artifacts")).json["items"]
    assert (listed["kind"], listed["step"], listed["metadata"]) == ("histogram", 5, {"layer": "fc"})
    preview = (await ask("GET", f"/runs/{run}/artifacts/w.json/preview")).json
    assert preview["histograms"] == [
        {"version": 1, "step": 5, "edges": [0.0, 1.0, 2.0], "counts": [3.0, 4.0]}
    ]


async def test_an_empty_file_is_a_file(ask: Ask) -> None:
    run = await _run(ask)
    assert (await ask("POST", f"/runs/{run}/artifacts?name=empty", b"")).status == 204
    reply = await ask("GET", f"/runs/{run}/artifacts/empty")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")


async def test_a_page_among_the_artifacts_is_never_shown_as_one(ask: Ask) -> None:
    run = await _run(ask)
    await ask("POST", f"/runs/{run}/artifacts?name=report.html", b"<script>alert(1)</script>")
    reply = await ask("GET", f"/runs/{run}/artifacts/report.html")
    assert reply.headers["Content-Disposition"].startswith("attachment;")
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_the_name_may_come_with_the_file(ask: Ask) -> None:
    run = await _run(ask)
    headers = {"Content-Disposition": 'attachment; filename="../../weights.bin"'}
    assert (await ask("POST", f"/runs/{run}/artifacts", b"abc", headers=headers)).status == 204
    assert (await ask("GET", f"/runs/{run}/artifacts/weights.bin")).body == b"abc"


async def test_a_file_without_a_name_is_refused(ask: Ask) -> None:
    run = await _run(ask)
    reply = await ask("POST", f"/runs/{run}/artifacts", b"abc")
    assert (reply.status, reply.error["details"]["field"]) == (422, "name")


async def test_a_form_is_not_a_file(ask: Ask) -> None:
    run = await _run(ask)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await ask("POST", f"/runs/{run}/artifacts?name=x", b"--x--", headers=headers)
    assert reply.status == 415
    assert "--data-binary" in str(reply.error["hint"])


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_beyond_the_limit_is_refused(ask: Ask, jp_root_dir: Path, told: bool) -> None:
    run = await _run(ask)
    body = bytes((8 << 20) + 1)
    if told:
        reply = await ask("POST", f"/runs/{run}/artifacts?name=x", body)
    else:

        async def pieces(write: Any) -> None:
            for start in range(0, len(body), 1 << 20):
                await write(body[start : start + (1 << 20)])

        reply = await ask("POST", f"/runs/{run}/artifacts?name=x", body_producer=pieces)
    assert reply.status == 413
    assert "max_upload_bytes" in str(reply.error["hint"])
    assert (await ask("GET", f"/runs/{run}")).json["artifacts"] == []
    await _until(lambda: _left(jp_root_dir) == [])


async def test_a_file_for_an_unknown_run_is_refused_and_dropped(ask: Ask, jp_root_dir: Path) -> None:
    await _run(ask)
    reply = await ask("POST", "/runs/nobody/artifacts?name=x", b"abc")
    assert reply.status == 404
    assert _left(jp_root_dir) == []


async def test_an_upload_that_is_cut_leaves_nothing(
    ask: Ask, jp_root_dir: Path, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    run = await _run(ask)
    _, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    writer.write(
        f"POST {jp_base_url}nbproof/api/v1/runs/{run}/artifacts?name=half HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {jp_auth_header['Authorization']}\r\nContent-Length: 4000000\r\n\r\n".encode()
    )
    writer.write(bytes(2_000_000))
    await writer.drain()
    await _until(lambda: any(path.is_file() and path.stat().st_size for path in _left(jp_root_dir)))
    writer.close()
    await _until(lambda: _left(jp_root_dir) == [])
    assert (await ask("GET", f"/runs/{run}")).json["artifacts"] == []


async def test_nobody_unknown_can_fill_the_disk(ask: Ask, jp_root_dir: Path) -> None:
    run = await _run(ask)
    reply = await ask("POST", f"/runs/{run}/artifacts?name=x", bytes(1 << 20), authenticated=False)
    assert reply.status == 401
    assert not (jp_root_dir / ".nbproof" / "incoming").exists()


async def _until(holds: Any, seconds: float = 60) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "not within the time"
        await asyncio.sleep(0.02)


def test_a_spool_that_was_removed_takes_no_more(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "x")
    spool.write(b"abc")
    spool.remove()
    spool.write(b"def")
    spool.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "part").touch()
    os.utime(old, (1, 1))
    remove_left_over(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


def test_a_full_disk_is_told(small_disk: Path) -> None:
    from nbproof.core.errors import Unavailable

    spool = Spool(small_disk, "x")
    with pytest.raises(Unavailable, match="full"):
        spool.write(bytes(8 << 20))
    spool.remove()
    assert list(small_disk.iterdir()) == []
