"""Artifacts from a shell: folders, stdin, references, listings, previews."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from types import SimpleNamespace

import pytest


@pytest.fixture
def run(nbproof):
    assert nbproof("runs", "start", "digits", "--name", "r").code == 0
    return nbproof


def test_a_folder_is_kept_file_by_file_and_listed(run, project):
    (project / "plots" / "deep").mkdir(parents=True)
    (project / "plots" / "a.txt").write_text("abc")
    (project / "plots" / "deep" / "b.txt").write_text("b")
    assert run("runs", "log-artifact", "r", "plots").code == 0
    listed = run("runs", "artifacts", "r", "--json").json
    assert [each["name"] for each in listed["items"]] == ["plots/a.txt", "plots/deep/b.txt"]
    top = run("runs", "artifacts", "r", "--folder", "plots")
    assert [line.split()[0] for line in top.out.splitlines()] == ["ARTIFACT", "plots/a.txt", "plots/deep/"]


def test_a_folder_is_fetched_as_files_and_as_one_zip(run, project):
    (project / "plots" / "deep").mkdir(parents=True)
    (project / "plots" / "a.txt").write_text("abc")
    (project / "plots" / "deep" / "b.txt").write_text("b")
    assert run("runs", "log-artifact", "r", "plots").code == 0
    assert run("runs", "get-artifact", "r", "plots", "--output", "copy").code == 0
    assert (project / "copy" / "plots" / "deep" / "b.txt").read_text() == "b"
    assert run("runs", "get-artifact-folder", "r", "plots").code == 0
    with zipfile.ZipFile(project / "plots.zip") as archive:
        assert archive.namelist() == ["plots/a.txt", "plots/deep/b.txt"]
    unknown = run("runs", "get-artifact-folder", "r", "plot")
    assert unknown.code == 3 and "did you mean 'plots'?" in unknown.err


def test_nothing_is_written_through_a_link(run, project):
    (project / "plots").mkdir()
    (project / "plots" / "a.txt").write_text("abc")
    assert run("runs", "log-artifact", "r", "plots").code == 0
    for name in ("elsewhere", "copy"):
        (project / name).mkdir()
    (project / "copy" / "plots").symlink_to(project / "elsewhere")
    refused = run("runs", "get-artifact", "r", "plots", "--output", "copy")
    assert refused.code != 0 and "is no folder" in refused.err
    assert list((project / "elsewhere").iterdir()) == []


def test_stdin_is_kept_under_a_name(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"piped")))
    assert run("runs", "log-artifact", "r", "-", "--name", "notes.txt", "--kind", "note").code == 0
    assert run("runs", "preview-artifact", "r", "notes.txt").out == "piped\n"
    assert run("runs", "get-artifact", "r", "notes.txt", "--output", "got.txt").code == 0
    nameless = run("runs", "log-artifact", "r", "-")
    assert nameless.code == 2 and "--name" in nameless.err


def test_a_picture_is_told_by_its_size_and_how_to_see_it(run, project):
    small = b"\x89PNG\r\n\x1a\n" + bytes([0, 0, 0, 13]) + b"IHDR" + struct.pack(">II", 640, 480)
    (project / "roc curve.png").write_bytes(small + bytes(1_000))
    (project / "large.png").write_bytes(small + bytes(2 << 20))
    for name in ("roc curve.png", "large.png"):
        assert run("runs", "log-artifact", "r", name).code == 0
    assert run("runs", "preview-artifact", "r", "roc curve.png").out.splitlines() == [
        "a picture of 640 × 480 pixels, 1.0 kB, image/png; download it to see it",
        "nbproof runs get-artifact r 'roc curve.png'",
    ]
    large = run("runs", "preview-artifact", "r", "large.png").out.splitlines()
    assert large[0].startswith("a picture of 640 × 480 pixels, 2.1 MB, image/png: too large")


def test_versions_are_listed_fetched_and_deleted(run, project):
    for text in ("one", "two"):
        (project / "a.txt").write_text(text)
        assert run("runs", "log-artifact", "r", "a.txt", "--step", "3").code == 0
    every = run("runs", "artifacts", "r", "--versions", "--json").json["items"]
    assert [(each["version"], each["step"]) for each in every] == [(1, 3), (2, 3)]
    assert run("runs", "get-artifact", "r", "a.txt@v1", "--output", "-").code == 0
    assert run("runs", "delete-artifact", "r", "a.txt").code == 0
    assert run("runs", "preview-artifact", "r", "a.txt").code == 3


def test_references_are_recorded_and_checked(run, project):
    (project / "huge.bin").write_bytes(b"x" * 1000)
    assert run("runs", "log-artifact", "r", "huge.bin", "--reference").code == 0
    assert run("runs", "log-artifact", "r", "s3://bucket/m.bin", "--reference", "--name", "far").code == 0
    checked = run("runs", "check-references", "r", "--json")
    states = {each["name"]: each["state"] for each in checked.json["items"]}
    assert (checked.code, states) == (0, {"huge.bin": "unchanged", "far": "unknown"})
    (project / "huge.bin").write_bytes(b"y" * 1000)
    changed = run("runs", "check-references", "r")
    assert changed.code == 1 and "changed" in changed.out
    assert run("runs", "get-artifact", "r", "far").code == 4
    assert not list((project / ".nbproof").rglob("*.pack"))
