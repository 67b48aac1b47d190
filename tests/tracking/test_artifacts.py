"""Artifacts from the call to what is read back: files, folders, content, references, versions, bad input."""

from __future__ import annotations

import io
import os
import sys
import threading
import tracemalloc
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from blake3 import blake3

import nbproof as nbp
from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.storage.progress import Progress
from nbproof.tracking.active import RecordingFailed, SecretBlanked


@pytest.fixture
def workspace(project):
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


def kept(tracker):
    return tracker.get_run("@last").artifacts


def packed_bytes(workspace):
    return sum(size for _, size, _ in workspace.content.end.packs())


# -- content of every kind ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"abc", bytearray(b"abc"), memoryview(b"abc"), io.BytesIO(b"abc"), io.StringIO("abc")]
)
def test_bytes_and_file_like_objects_are_kept_under_a_name(tracker, content):
    tracker.log_artifact(content, "deep/er/x.txt")
    artifact = kept(tracker)["deep/er/x.txt"]
    assert (artifact.read_bytes(), artifact.read_text(), artifact.size_bytes) == (b"abc", "abc", 3)
    assert artifact.hash == blake3(b"abc").hexdigest()


def test_a_buffer_is_kept_whole_and_stands_where_it_stood(tracker):
    buffer = io.BytesIO()
    buffer.write(b"just written")
    tracker.log_artifact(buffer, "x")
    assert kept(tracker)["x"].read_bytes() == b"just written"
    assert buffer.tell() == 12


def test_an_open_file_brings_its_name(tracker, project):
    (project / "a.csv").write_text("x\n1\n")
    with open("a.csv") as file:
        tracker.log_artifact(file)
    assert kept(tracker)["a.csv"].media_type == "text/csv"


def test_content_without_a_name_is_refused_before_a_run_starts(tracker):
    with pytest.raises(Invalid, match="needs a name"):
        tracker.log_artifact(b"abc")
    assert tracker.live is None


def test_a_stream_that_is_cut_leaves_nothing(tracker, workspace):
    class Cut:
        pieces = 3

        def read(self, size):
            self.pieces -= 1
            if self.pieces < 0:
                raise ConnectionResetError("reset by peer")
            return b"x" * size

    with pytest.raises(Invalid, match="reset by peer"):
        tracker.log_artifact(Cut(), "x")
    assert kept(tracker) == []
    assert packed_bytes(workspace) == 0


def test_a_stream_that_gives_no_bytes_is_refused(tracker):
    class Odd:
        def read(self, size):
            return 3

    with pytest.raises(Invalid, match="gave int, not bytes"):
        tracker.log_artifact(Odd(), "x")


def test_what_is_known_of_an_artifact_is_kept_with_it(tracker):
    tracker.log_artifact(
        b"x", "m.bin", kind="model", step=7, metadata={"layers": [1, 2], "loss": float("inf")}
    )
    artifact = kept(tracker)["m.bin"]
    assert (artifact.kind, artifact.step) == ("model", 7)
    assert artifact.metadata == {"layers": [1, 2], "loss": float("inf")}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "A model!"}, "kind"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"step": 1.5}, "step"),
        ({"step": 2**63}, "step"),
    ],
)
def test_wrong_words_about_an_artifact_are_refused(tracker, wrong, field):
    with pytest.raises(Invalid) as caught:
        tracker.log_artifact(b"x", "x", **wrong)
    assert caught.value.details["field"] == field
    assert tracker.live is None


@pytest.mark.parametrize("name", ["ü 🎈/ä.txt", "a" * 500, "🎈" * 500, "x@2x.png", "a@v0", "a@version"])
def test_odd_names_are_names(tracker, name):
    tracker.log_artifact(b"x", name)
    assert kept(tracker)[name].read_bytes() == b"x"


@pytest.mark.parametrize("name", ["a@v1", "a@latest", "x" * 10_000, "a/../../b", "/etc/x", "a\nb\0", "a//b"])
def test_names_that_escape_or_mislead_are_refused(tracker, name):
    with pytest.raises(Invalid) as caught:
        tracker.log_artifact(b"x", name)
    assert caught.value.details["field"] == "name"


def test_an_object_of_a_library_is_sent_to_the_verb_that_takes_it(tracker):
    import pandas as pd

    with pytest.raises(Invalid) as caught:
        tracker.log_artifact(pd.DataFrame({"a": [1]}), "x")
    assert "log_table" in str(caught.value.hint)
    with pytest.raises(Invalid) as caught:
        tracker.log_artifact({"a": 1}, "x")
    assert "log_dict" in str(caught.value.hint)


# -- versions ---------------------------------------------------------------------------------------------


def test_a_name_logged_again_keeps_the_earlier_version(tracker):
    for text in ("one", "two", "two"):
        tracker.log_artifact(text.encode(), "plots/roc.txt")
    artifacts = kept(tracker)
    assert artifacts["plots/roc.txt"].version == 2
    assert artifacts["plots/roc.txt@v1"].read_text() == "one"
    assert artifacts["plots/roc.txt@latest"].read_text() == artifacts["plots/roc.txt@v2"].read_text() == "two"
    assert [each.version for each in tracker.list_artifacts("@last", versions=True).items] == [1, 2]
    with pytest.raises(NotFound, match="there are v1, v2"):
        artifacts["plots/roc.txt@v3"]


def test_a_deleted_artifact_is_gone_and_its_content_waits_for_gc(tracker, workspace):
    for text in ("one", "two"):
        tracker.log_artifact(text.encode(), "a.txt")
    places = [tracker.find_artifact("@last", f"a.txt@v{number}").location for number in (1, 2)]
    tracker.delete_artifact("@last", "a.txt@v2")
    assert kept(tracker)["a.txt"].read_text() == "one"
    tracker.delete_artifact("@last", "a.txt")
    assert kept(tracker) == []
    assert [workspace.content.read(each) for each in places] == [b"one", b"two"]
    with pytest.raises(NotFound):
        tracker.delete_artifact("@last", "a.txt")


def test_artifacts_of_a_run_are_found_by_name_and_by_place(tracker):
    tracker.log_artifact(b"x", "a.txt")
    artifacts = kept(tracker)
    assert artifacts == kept(tracker)
    assert artifacts[0] == artifacts["a.txt"] and "a.txt" in artifacts and artifacts[0] in artifacts
    assert "b.txt" not in artifacts
    with pytest.raises(NotFound, match=r"a\.txt"):
        artifacts["b.txt"]


# -- reading ----------------------------------------------------------------------------------------


def test_a_download_is_a_copy_that_is_never_half_and_never_replaces(tracker, project):
    tracker.log_artifact(b"content", "deep/a.bin")
    artifact = kept(tracker)["deep/a.bin"]
    path = artifact.download(project / "new" / "folder")
    assert path == project / "new" / "folder" / "a.bin" and path.read_bytes() == b"content"
    assert artifact.download(path.parent) == path  # the same content is no conflict
    path.write_bytes(b"mine")
    with pytest.raises(Conflict):
        artifact.download(path.parent)
    assert path.read_bytes() == b"mine"
    assert [each.name for each in path.parent.iterdir()] == ["a.bin"]


def test_content_that_vanished_is_said_and_its_cell_still_shows(tracker, workspace):
    tracker.log_artifact(b"content", "a.txt")
    artifact = kept(tracker)["a.txt"]
    for pack, _, _ in list(workspace.content.end.packs()):
        workspace.content.end.delete(pack)
    with pytest.raises(NotFound, match="is not in"):
        artifact.read_bytes()
    assert "is not in" in artifact._repr_mimebundle_()["text/plain"]


def test_an_artifact_shows_itself_and_runs_nothing(tracker):
    tracker.log_html("<h1>hi</h1><script>alert(1)</script>", "page.html")
    tracker.log_artifact(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "a.svg")
    tracker.log_text("<b>text</b>", "a.txt")
    artifacts = kept(tracker)
    page = artifacts["page.html"]._repr_mimebundle_()["text/html"]
    assert page.startswith("<iframe sandbox srcdoc=") and "<script>" not in page
    assert "default-src &#x27;none&#x27;" in page
    picture = artifacts["a.svg"]._repr_mimebundle_()["text/html"]
    assert "<img" in picture and "onload" not in picture
    text = artifacts["a.txt"]._repr_mimebundle_()
    assert "&lt;b&gt;" in text["text/html"] and "<b>text</b>" in text["text/plain"]


def test_content_that_is_not_what_it_says_still_shows_what_there_is(tracker, workspace):
    tracker.log_artifact(b"no json", "f.plotly.json")
    run = tracker.get_run("@last")
    stored = run.artifacts["f.plotly.json"]
    workspace.journal.event(
        "artifact", run=run.id, time=workspace.clock.now_us(), name="g", size=stored.size_bytes,
        hash=stored.hash, location=stored.location, media_type="application/vnd.plotly.v1+json",
    )  # fmt: skip
    assert "g" in kept(tracker)["g"]._repr_mimebundle_()["text/plain"]


def test_runs_whose_changes_are_only_referred_to_are_compared(tracker):
    ids = []
    for number in range(2):
        with tracker.start_run(f"r{number}", experiment="e") as run:
            tracker.log_reference(
                run.id, f"/nowhere/{number}.patch", "git/changes.patch", hash=f"{number}" * 64
            )
        ids.append(run.id)
    assert len(tracker.compare_runs(*ids).runs) == 2


def test_an_artifact_is_printed_outside_of_a_notebook(tracker, capsys):
    tracker.log_text("one line", "a.txt")
    kept(tracker)["a.txt"].show()
    assert capsys.readouterr().out == "a.txt@v1 (text, 8 B)\none line\n"


def test_a_listing_shows_a_folder_or_a_beginning(tracker):
    for name in ("a/x.txt", "a/b/y.txt", "c.txt"):
        tracker.log_artifact(b"12", name)
    top = tracker.list_artifacts("@last", folder="").items
    assert [(each.name, each.kind, each.size_bytes) for each in top] == [
        ("a/", "folder", 4),
        ("c.txt", "text", 2),
    ]
    assert [each.name for each in tracker.list_artifacts("@last", prefix="a/b").items] == ["a/b/y.txt"]
    assert tracker.list_artifacts("@last", prefix="a/b").items[0].read_bytes() == b"12"


# -- folders ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(project):
    folder = project / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    return folder


def test_links_out_of_a_folder_are_left_out_and_that_is_said(tracker, folder, project):
    (project / "secret").write_text("s")
    (folder / "out").symlink_to(project / "secret")
    (folder / "away").symlink_to(project)
    (folder / "nowhere").symlink_to("gone")
    (folder / "inside").symlink_to("a.txt")
    (folder / "cycle").symlink_to(".")
    (folder / "sub" / "up").symlink_to("..")
    with pytest.warns(UserWarning, match=r"'away', 'nowhere', 'out' in .* left out") as told:
        tracker.log_artifact(folder)
    assert len(told) == 1
    assert [each.name for each in kept(tracker)] == ["data/a.txt", "data/inside", "data/sub/b.txt"]


def test_a_folder_that_is_a_link_is_the_folder(tracker, folder, project):
    (project / "link").symlink_to(folder)
    tracker.log_artifact("link", "linked")
    assert [each.name for each in kept(tracker)] == ["linked/a.txt", "linked/sub/b.txt"]


def test_a_folder_with_files_that_cannot_be_read_is_refused_as_a_whole(tracker, folder, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "b.txt" not in str(path) and allowed(path, mode))
    with pytest.raises(Invalid, match=r"'sub/b\.txt' in .* can't be read"):
        tracker.log_artifact(folder)
    assert tracker.live is None


def test_the_workspace_itself_is_no_part_of_a_folder(tracker, project):
    (project / "a.txt").write_text("a")
    tracker.log_artifact(".", "all")
    assert [each.name for each in kept(tracker)] == ["all/a.txt"]


def test_a_folder_of_many_files_is_kept_and_known_again(tracker, project, workspace):
    (project / "many").mkdir()
    for number in range(1_000):
        (project / "many" / f"{number:04}.txt").write_text(str(number))
    for _ in range(2):
        tracker.log_artifact("many")
    page = tracker.list_artifacts("@last", folder="")
    assert page.items[0].metadata == {"files": 1_000}
    assert {each.version for each in kept(tracker)} == {1}
    assert kept(tracker)["many/0999.txt"].read_text() == "999"


# -- files that change, large files, full disks --------------------------------------------------------------


def test_a_file_that_changes_while_it_is_read_is_said(tracker, project, workspace, monkeypatch):
    (project / "train.log").write_bytes(bytes(100_000))
    put = workspace.storage.put

    def put_and_append(source, **more):
        stored = put(source, **more)
        with open(source, "ab") as file:
            file.write(b"more")
        return stored

    monkeypatch.setattr(workspace.storage, "put", put_and_append)
    with pytest.warns(UserWarning, match=r"'train\.log' changed while being read"):
        tracker.log_artifact("train.log")
    artifact = kept(tracker)["train.log"]
    assert artifact.metadata == {"changed_while_read": True}
    assert blake3(artifact.read_bytes()).hexdigest() == artifact.hash


def test_a_large_file_takes_little_memory(tracker, project):
    with open("big", "wb") as file:
        file.truncate(1 << 28)
    tracker.log_text("warm", "warm")
    tracemalloc.start()
    tracker.log_artifact("big")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20
    assert kept(tracker)["big"].size_bytes == 1 << 28


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_file_of_a_gigabyte_is_kept_and_comes_back(tracker, project):
    with open("big", "wb") as file:
        for number in range(1_000):
            file.write(number.to_bytes(2, "big") * 500_000)
    tracker.log_artifact(b"warm", "warm")
    kept(tracker)["warm"].read_bytes()  # what is imported once counts for nobody
    tracemalloc.start()
    try:
        tracker.log_artifact("big")
        with kept(tracker)["big"].open() as stream, open("big", "rb") as file:
            while piece := file.read(1 << 20):
                assert stream.read(1 << 20) == piece
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


def test_ctrl_c_leaves_nothing_and_reaches_the_cell(tracker, project, workspace, monkeypatch):
    (project / "big").write_bytes(bytes(10_000_000))

    def pressed(self, size):
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "__call__", pressed)
    with pytest.raises(KeyboardInterrupt):
        tracker.log_artifact("big")
    assert kept(tracker) == []
    assert packed_bytes(workspace) == 0


def test_a_full_disk_is_told_once_and_the_cell_goes_on(small_disk, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(folder)
    (folder / "big").write_bytes(os.urandom(8_000_000))
    workspace = Workspace(Location(small_disk, False, "a test"), say=lambda line: None)
    run = workspace.tracker.start_run("r")
    run.log_artifact(b"small", "first")
    with pytest.warns(RecordingFailed, match="No space left"):
        run.log_artifact("big")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log_artifact("big")
    assert run.unacknowledged == 2
    run.log_artifact(b"small too", "second")
    assert [each.name for each in run.artifacts] == ["first", "second"]
    assert packed_bytes(workspace) < 1_000
    workspace.close()


# -- references --------------------------------------------------------------------------------------------


def test_a_referenced_file_is_not_copied_and_its_change_is_noticed(tracker, project, workspace):
    file = project / "huge.bin"
    file.write_bytes(b"x" * 100_000)
    tracker.log_artifact("huge.bin", reference=True)
    artifact = kept(tracker)["huge.bin"]
    assert artifact.reference == str(file)
    assert (artifact.size_bytes, artifact.hash) == (
        100_000,
        blake3(b"x" * 100_000).hexdigest(),
    )
    assert packed_bytes(workspace) == 0
    assert artifact.check() == "unchanged"
    assert artifact.read_bytes() == b"x" * 100_000
    file.write_bytes(b"y" * 100_000)
    assert artifact.check() == "changed"
    file.unlink()
    assert artifact.check() == "vanished"
    with pytest.raises(NotFound, match="not there"):
        artifact.read_bytes()
    with pytest.raises(Conflict, match="reference"):
        tracker.get_artifact("@last", "huge.bin")
    assert artifact.preview().shows == "reference"


def test_a_referenced_folder_is_known_by_what_is_in_it(tracker, folder):
    tracker.log_artifact(folder, reference=True)
    artifact = kept(tracker)["data"]
    assert (artifact.size_bytes, artifact.metadata["files"]) == (2, 2)
    assert artifact.check() == "unchanged"
    (folder / "sub" / "c.txt").write_text("c")
    assert artifact.check() == "changed"


def test_an_address_is_kept_without_password_whether_it_answers_or_not(tracker):
    tracker.log_artifact("s3://key:secret@bucket/models/m.bin", reference=True)
    artifact = kept(tracker)["m.bin"]
    assert (artifact.reference, artifact.size_bytes, artifact.hash) == ("s3://bucket/models/m.bin", 0, "")
    assert artifact.check() == "unknown"
    with pytest.raises(Invalid, match="not kept here"):
        artifact.read_bytes()


def test_an_address_on_the_web_is_known_by_its_tag(tracker, monkeypatch):
    monkeypatch.setattr("nbproof.tracking.references._SECONDS", 60.0)  # the machine may be busy
    answers: dict[str, Any] = {"status": 200, "tag": '"1"'}

    class Web(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(answers["status"])
            self.send_header("ETag", answers["tag"])
            self.send_header("Content-Length", "1234")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tracker.log_artifact(f"http://127.0.0.1:{server.server_port}/d/model.bin?x=1", reference=True)
        artifact = kept(tracker)["model.bin"]
        assert artifact.size_bytes == 1234
        assert artifact.check() == "unchanged"
        answers["tag"] = '"2"'
        assert artifact.check() == "changed"
        answers["status"] = 404
        assert artifact.check() == "vanished"
        answers["status"] = 500
        assert artifact.check() == "unknown"
        server.shutdown()
    assert artifact.check() == "unknown"


def test_a_reference_to_nothing_names_what_is_near(tracker, folder):
    with pytest.raises(Invalid, match=r"did you mean 'a\.txt'"):
        tracker.log_artifact(folder / "b.txt", reference=True)
    with pytest.raises(Invalid, match="reference=True"):
        tracker.log_artifact("s3://bucket/key")


@pytest.mark.parametrize("reference", [False, True])
def test_a_link_that_leads_nowhere_is_told_as_one(tracker, tmp_path, reference):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to("gone")
    tracker.start_run("r")
    for name, words in (("loop", "leads back to itself"), ("dangling", "leads nowhere: to 'gone'")):
        with pytest.raises(Invalid, match=f"{name}' is a link that {words}"):
            tracker.log_artifact(tmp_path / name, reference=reference)


def test_what_a_caller_says_of_a_reference_is_not_looked_at(tracker):
    tracker.start_run("r")
    tracker.log_reference("r", "/does/not/exist.bin", hash="ab" * 32, size_bytes=5)
    artifact = kept(tracker)["exist.bin"]
    assert (artifact.hash, artifact.size_bytes, artifact.check()) == ("ab" * 32, 5, "vanished")


def test_secrets_in_what_is_said_of_an_artifact_are_blanked_and_counted(tracker, folder):
    tracker.start_run("r")
    signed = "https://ann:pw@bucket.example/d/m.bin?X-Amz-Signature=0123456789abcdef&x=1"
    with pytest.warns(SecretBlanked, match="artifacts"):
        tracker.log_artifact(folder / "a.txt", metadata={"api_key": "q7Rk2zz9", "rows": 3})
    tracker.log_reference("r", signed, metadata={"note": "--password hunter2"})
    assert kept(tracker)["a.txt"].metadata == {"api_key": "[redacted]", "rows": 3}
    told = kept(tracker)["m.bin"]
    assert told.reference == "https://bucket.example/d/m.bin?X-Amz-Signature=[redacted]&x=1"
    assert told.metadata == {"note": "--password [redacted]"}
    assert tracker.get_run("r").redacted == 3


# -- progress ------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    def isatty(self):
        return True


def bar_after(seconds, monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    now = iter([0.0, seconds, seconds, seconds])
    with Progress("big.bin", 100, clock=lambda: next(now)) as progress:
        progress(60)
        progress(40)
    return screen.getvalue()


def test_what_takes_longer_than_a_second_has_a_bar(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert "big.bin" in bar_after(1.5, monkeypatch)


def test_what_is_quick_has_none(monkeypatch):
    assert bar_after(0.5, monkeypatch) == ""


def test_a_bar_that_fails_harms_nobody(monkeypatch):
    monkeypatch.setattr("nbproof.storage.progress._bar", lambda *_: 1 / 0)
    assert bar_after(1.5, monkeypatch) == ""


def test_a_thread_in_the_background_has_none(monkeypatch):
    shown = []
    thread = threading.Thread(target=lambda: shown.append(bar_after(1.5, monkeypatch)))
    thread.start()
    thread.join()
    assert shown == [""]


# -- what is loaded -----------------------------------------------------------------------------------


def test_logging_a_file_or_text_loads_nothing_heavy(project):
    import subprocess

    script = """
import sys, nbproof as nbp
open("a.bin", "wb").write(b"x" * 100_000)
with nbp.start_run("r"):
    nbp.log_artifact("a.bin")
    nbp.log_text("t", "a.txt")
    nbp.log_dict({"a": [1, 2]}, "a.json")
    nbp.log_histogram([1.0, 2.0, 2.5], "h", bins=2)
    nbp.log_table([{"a": 1}], "t")
heavy = {"numpy", "pandas", "sqlalchemy", "pydantic", "PIL", "matplotlib", "pyarrow", "tqdm", "IPython"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert nbp.ExperimentTracker.log_text.__doc__


def test_a_run_takes_artifacts_by_its_handle(tracker):
    with tracker.start_run("r") as run:
        run.log_artifact(b"x", "a")
        run.log_text("x", "b")
        run.log_dict([1], "c")
        run.log_html("<p>", "d")
        run.log_histogram([1, 2], "e", bins=2)
        run.log_table({"x": [1]}, "f")
        assert sorted(each.kind for each in run.artifacts) == [
            "data",
            "file",
            "histogram",
            "html",
            "table",
            "text",
        ]
    with pytest.raises(Conflict):
        run.log_text("late", "b")
