"""Files on their way in and out."""

from __future__ import annotations

import asyncio
import os
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
