"""Datasets of a server: registered from afar, read back exactly, and only what is needed travels."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import nbproof as nbp
from nbproof.cli.main import run as run_command
from nbproof.core.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from nbproof.datasets.parcels import FileContent, FolderContent, Header, Piece, parcel_of
from nbproof.platform.location import Location
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.workspace import Workspace, use
from nbproof.storage.content.columns import SLAB_ROWS
from tests.datasets.round_trip import assert_same
from tests.datasets.test_frames import COLUMNS, INDEXES, LABELS, TABLE
from tests.support.served import Served


@pytest.fixture(scope="module")
def server(plain_user) -> Iterator[Served]:
    served = Served(plain_user, plain_user.folder("served-datasets"))
    yield served
    served.close()


@pytest.fixture
def far(server, plain_user, monkeypatch) -> Iterator[RemoteWorkspace]:
    """The server's workspace, as the one of this process."""
    monkeypatch.setenv("NBPROOF_URL", server.url)
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)
    environ = {"XDG_DATA_HOME": str(plain_user.folder("queues")), "NBPROOF_CAPTURE_GIT": "0"}
    workspace = RemoteWorkspace(server.url, token=server.token, environ=environ)
    before = use(workspace)
    yield workspace
    use(before)
    workspace.close()


@pytest.fixture
def here(tmp_path) -> Iterator[Workspace]:
    workspace = Workspace(Location(tmp_path / "here", False, "test"), say=lambda _: None)
    yield workspace
    workspace.close()


@pytest.fixture
def sent(far, monkeypatch) -> list[int]:
    """The sizes of what is uploaded."""
    sizes: list[int] = []
    upload = far.upload

    def counted(verb: str, make: Any, /) -> Any:
        def counting() -> Any:
            size, blocks = make()
            sizes.append(size)
            return size, blocks

        return upload(verb, counting)

    monkeypatch.setattr(far, "upload", counted)
    return sizes


def same_digest(here: Workspace, name: str, thing: Any) -> None:
    """What a server keeps is to the bit what this machine's workspace would keep."""
    ours = here.datasets.register_dataset(thing, name)
    assert nbp.get_dataset(name).version.digest == ours.digest


@pytest.mark.parametrize("kind", ["numbers", "texts", "arrow", "categories", "clocks", "objects"])
def test_columns_of_every_kind_come_back_exactly(far, kind):
    by_length: dict[int, dict[str, Any]] = {}
    for name, make in COLUMNS.items():
        if name.startswith(f"{kind}: "):
            series = make()
            # What pandas itself can't put into a frame of several columns: bytes in another order, in older
            # releases sparse times.
            sparse_times = isinstance(series.dtype, pd.SparseDtype) and series.dtype.subtype.kind in "mM"
            if getattr(series.dtype, "isnative", True) and not sparse_times:
                by_length.setdefault(len(series), {})[name] = series
    for length, columns in by_length.items():
        frame = pd.DataFrame(columns)
        name = f"{kind}-{length}"
        nbp.register_dataset(frame, name)
        assert_same(nbp.get_dataset(name).to_object(), frame)
        assert_same(nbp.get_dataset(name).to_pandas(columns=list(columns)[:1]), frame[list(columns)[:1]])


def test_indexes_and_labels_come_back_exactly(far):
    frames = [pd.DataFrame({"y": [1, 2, 3]}, index=index) for index in INDEXES.values()]
    frames += [pd.DataFrame(np.arange(6).reshape(2, 3), columns=labels) for labels in LABELS.values()]
    frames += [pd.DataFrame(), pd.DataFrame(index=range(5)), pd.DataFrame({"a": []})]
    for number, frame in enumerate(frames):
        nbp.register_dataset(frame, f"frame-{number}")
        assert_same(nbp.get_dataset(f"frame-{number}").to_object(), frame)


def test_tables_of_other_libraries_come_back(far, here, tmp_path):
    nbp.register_dataset(TABLE, "arrow")
    assert nbp.get_dataset("arrow").to_object().equals(TABLE, check_metadata=True)
    same_digest(here, "arrow", TABLE)
    array = np.arange(12.0).reshape(3, 4)
    nbp.register_dataset(array, "array")
    assert np.array_equal(nbp.get_dataset("array").to_object(), array)
    duckdb = pytest.importorskip("duckdb")
    query = "select i, 'row ' || i as word from range(5) t(i)"
    nbp.register_dataset(duckdb.sql(query), "relation")
    assert nbp.get_dataset("relation").relation().fetchall() == duckdb.sql(query).fetchall()
    pq.write_table(TABLE.select(["a", "t"]), tmp_path / "part.parquet")
    nbp.register_dataset(ds.dataset(tmp_path / "part.parquet"), "dataset")
    assert nbp.get_dataset("dataset").to_arrow().equals(TABLE.select(["a", "t"]))


def test_frames_of_polars_come_back(far):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]}, schema_overrides={"b": pl.Categorical})
    nbp.register_dataset(frame, "polars")
    assert nbp.get_dataset("polars").to_object().equals(frame)
    nbp.register_dataset(frame.lazy(), "lazy")
    assert nbp.get_dataset("lazy").to_polars().equals(frame)


def test_what_the_server_has_is_not_sent(far, here, sent):
    rows = 2 * SLAB_ROWS
    chance = np.random.default_rng(0)
    frame = pd.DataFrame({"x": chance.normal(size=rows), "y": chance.normal(size=rows), "n": np.arange(rows)})
    first = nbp.register_dataset(frame, "wide")
    whole = max(sent)
    assert whole > 10_000_000 and not first.unchanged

    sent.clear()
    again = nbp.register_dataset(frame, "wide", tags={"seen": "twice"}, aliases=["prod"])
    assert again.unchanged and again.version == 1
    assert (again.tags, again.aliases) == ({"seen": "twice"}, ["prod"])
    assert sum(sent) < 10_000

    sent.clear()
    more = nbp.register_dataset(frame.assign(z=frame["y"].round()), "wide")
    assert more.version == 2 and sum(sent) < whole / 3
    assert nbp.get_dataset("wide").to_pandas()["x"].equals(frame["x"])


def test_a_stream_of_batches_is_sent_as_if_it_were_a_table(far, here):
    table = pa.table({"n": np.arange(3 * SLAB_ROWS), "word": ["a", "b", "c"] * SLAB_ROWS})
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=10_000))
    version = nbp.register_dataset(reader, "stream")
    assert nbp.get_dataset("stream").to_arrow().equals(table)
    assert (
        version.digest
        == here.datasets.register_dataset(
            pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), "stream"
        ).digest
    )


def test_only_the_columns_that_are_asked_for_travel(far, monkeypatch):
    chance = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{number}": chance.normal(size=20_000) for number in range(10)})
    nbp.register_dataset(frame, "ten")
    arrived = 0
    read = http.client.HTTPResponse.readinto

    def counting(self: Any, buffer: Any) -> int:
        nonlocal arrived
        count = read(self, buffer)
        arrived += count
        return count

    monkeypatch.setattr(http.client.HTTPResponse, "readinto", counting)
    found = nbp.get_dataset("ten").to_pandas(columns=["c3"])
    assert found.equals(frame[["c3"]])
    assert arrived < 2 * 8 * 20_000


@pytest.mark.parametrize("name", ["one column.csv", "two.csv", "words.jsonl", "numbers.parquet", "a.feather"])
def test_a_file_keeps_its_name_and_suffix_and_gives_rows(far, tmp_path, sent, name):
    table = pa.table({"word": ["a", "b"], "n": [1, 2]})
    path = tmp_path / name
    contents = {"one column.csv": "word\na\nb\n", "two.csv": "word,n\na,1\nb,2\n"}
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".feather":
        pyarrow.feather.write_feather(table, path)
    else:
        path.write_text(contents.get(name, '{"word": "a", "n": 1}\n{"word": "b", "n": 2}\n'))
    version = nbp.register_dataset(path, f"file of {name}")
    assert (version.kind, version.source) == ("file", str(path))
    handle = nbp.get_dataset(version.name)
    assert handle.path().name == name and handle.path().read_bytes() == path.read_bytes()
    assert handle.to_arrow(columns=["word"]).to_pydict() == {"word": ["a", "b"]}
    assert handle.schema.names[0] == "word" and len(handle.statistics) == len(handle.schema)
    assert handle.profile[0].distinct == 2
    assert handle.checkout(tmp_path / "out").read_bytes() == path.read_bytes()
    with handle.open() as stream:
        assert stream.read() == path.read_bytes()

    sent.clear()
    assert nbp.register_dataset(path, version.dataset).unchanged
    assert sum(sent) < 2000


def test_a_folder_comes_back_with_all_that_is_in_it(far, here, tmp_path, sent):
    folder = tmp_path / "images"
    (folder / "a" / "empty").mkdir(parents=True)
    for number in range(600):
        (folder / "a" / f"{number:03}.txt").write_text(f"image {number}")
    (folder / "big.bin").write_bytes(np.random.default_rng(0).bytes(3_000_000))
    (folder / "naïve ☃.txt").write_text("")
    version = nbp.register_dataset(folder, "images")
    assert (version.kind, version.files) == ("folder", 602)
    copy = nbp.get_dataset("images").checkout(tmp_path / "copy")
    told = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == told
    assert all(
        (copy / each).read_bytes() == (folder / each).read_bytes()
        for each in told
        if (folder / each).is_file()
    )
    same_digest(here, "images", folder)

    sent.clear()
    (folder / "a" / "001.txt").write_text("another image")
    second = nbp.register_dataset(folder, "images")
    assert second.version == 2 and sum(sent) < 1_000_000
    assert nbp.diff_versions("images@v1", "images").files[0].path == "a/001.txt"


def test_verbs_answer_as_they_do_on_this_machine(far, tmp_path):
    old = pd.DataFrame({"id": range(1000), "price": [float(number % 97) for number in range(1000)]})
    new = old.assign(price=old["price"] * 1000)
    nbp.register_dataset(old, "orders", description="old")
    nbp.register_dataset(new, "orders")
    assert [each.name for each in nbp.list_versions("orders")] == ["orders@v2", "orders@v1"]
    assert "orders" in [each.name for each in nbp.list_datasets("order")]
    assert nbp.diff_versions("orders@v1", nbp.get_dataset("orders"), key="id").rows_changed == 989
    shares: list[float] = []
    followed = nbp.diff_versions("orders@v1", "orders@v2", key="id", progress=shares.append)
    assert followed.rows_changed == 989 and shares[-1] == 1
    assert nbp.check_leakage("orders@v1", "orders", entity="id", progress=shares.append).test_rows == 1000
    with pytest.raises(NotFound, match="no column 'town'"):
        nbp.diff_versions("orders@v1", "orders@v2", key="town", progress=shares.append)
    report = nbp.detect_drift("orders@v1", "orders")
    assert report.severity == "critical" and "unit" in report.column("price").sentence
    of_frame = nbp.detect_drift("orders@v1", new)
    assert of_frame.current == "a frame" and of_frame.severity == "critical"
    assert nbp.get_drift_report(of_frame.id).sentence == of_frame.sentence
    assert nbp.detect_drift(old, new, exact=True, columns=["price"]).exact
    assert nbp.check_leakage("orders@v1", "orders", entity="id").sentence
    users = pd.DataFrame({"user": ["ann", "bob", "eve"], "spent": [10.25, 3.5, 99.0]})
    nbp.register_dataset(users, "users")
    assert nbp.check_leakage("users", users[:1], entity="user").sentence.startswith("100.0 %")
    nbp.set_dataset_alias("orders@v1", "prod")
    assert nbp.get_dataset("orders@prod").version.description == "old"
    assert far.datasets.update_version("orders@prod", description="the old one").description == "the old one"
    assert far.datasets.summarize_columns("orders").rows == 1000
    assert nbp.contract_of("orders")["columns"]["id"]["type"]
    nbp.delete_dataset("orders@v2")
    assert nbp.get_dataset("orders").version.version == 1
    with pytest.raises(NotFound, match="no dataset 'ordrs'"):
        nbp.get_dataset("ordrs")
    with pytest.raises(NotFound, match="did you mean 'price'"):
        nbp.get_dataset("orders").to_pandas(columns=["prise"])


def test_who_interrupts_a_comparison_hears_of_that_also_where_the_server_can_not_cancel(far, monkeypatch):
    nbp.register_dataset(pd.DataFrame({"id": range(3)}), "interrupted")
    server = far.datasets._server
    ask = server.ask

    def asked(verb: str, /, **values: Any) -> Any:
        if verb == "jobs.cancel":
            raise Unavailable("the server is away")
        return ask(verb, **values)

    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "ask", asked)
    with pytest.raises(KeyboardInterrupt):
        nbp.diff_versions("interrupted", "interrupted", progress=interrupt)


def test_a_live_run_is_linked_to_what_it_reads_and_writes(far):
    with nbp.start_run("training", experiment="far") as run:
        raw = nbp.register_dataset(pd.DataFrame({"x": [1, 2, None]}), "raw")
        clean = nbp.register_dataset(nbp.get_dataset("raw").to_pandas().dropna(), "clean")
        nbp.track_transformation([raw], clean, "raw.dropna()")
        assert nbp.detect_drift("raw", "clean").run_id == run.id
    assert clean.run_id == run.id
    edges = {(edge.source.id, edge.target.id, edge.relation) for edge in nbp.get_lineage("clean").edges}
    assert (raw.id, clean.id, "derived") in edges and (run.id, clean.id, "wrote") in edges
    assert (raw.id, run.id, "read") in edges
    opened = nbp.get_dataset("clean@v1")
    with nbp.start_run("later", experiment="far"):
        opened.to_pandas()
    assert list(nbp.search_runs('dataset = "clean@v1" order by name')["name"]) == ["later", "training"]
    assert [(each.name, each.how) for each in nbp.get_run("later").datasets] == [("clean@v1", "read")]


def test_contracts_hold_and_what_they_refuse_leaves_nothing(far):
    nbp.set_contract("strict", {"columns": {"x": {"min": 0}}, "key": ["id"]}, on_breach="refuse")
    good = pd.DataFrame({"id": [1, 2], "x": [0.5, 1.5]})
    nbp.register_dataset(good, "strict")
    for bad, words in [
        (good.assign(x=-1.0), "the least is -1"),
        (good.assign(id=1), "1 row repeats that of an earlier"),
    ]:
        with pytest.raises(Invalid, match=words):
            nbp.register_dataset(bad, "strict")
    assert len(nbp.list_versions("strict")) == 1
    with pytest.warns(UserWarning, match="the least is -1"):
        warned = nbp.register_dataset(good.assign(x=-1.0), "mild", contract={"columns": {"x": {"min": 0}}})
    assert warned.breaches == ["x: the least is -1, at least 0 is expected"]


def test_what_can_not_be_kept_is_refused_here(far, tmp_path, sent):
    with pytest.raises(Invalid, match="column 'x'"):
        nbp.register_dataset(pd.DataFrame({"x": [object()]}), "odd")
    with pytest.raises(Invalid, match="can't be a dataset"):
        nbp.register_dataset(3, "odd")
    with pytest.raises(NotFound, match="there is nothing at"):
        nbp.register_dataset(tmp_path / "nothing.csv")
    with pytest.raises(Invalid, match="a table needs a name"):
        nbp.register_dataset(pd.DataFrame({"x": [1]}))
    assert sent == []
    with pytest.raises(NotFound):
        nbp.get_dataset("odd")


def test_a_file_that_changes_while_it_is_sent_is_not_registered(far, tmp_path, monkeypatch):
    path = tmp_path / "growing.bin"
    path.write_bytes(np.random.default_rng(7).bytes(3_000_000))
    upload = far.upload
    calls = 0

    def changing(verb: str, make: Any, /) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            path.write_bytes(np.random.default_rng(1).bytes(3_000_000))
        return upload(verb, make)

    monkeypatch.setattr(far, "upload", changing)
    with pytest.raises(Conflict, match=r"growing\.bin changed while being read"):
        nbp.register_dataset(path, "growing")
    with pytest.raises(NotFound):
        nbp.get_dataset("growing")


def test_a_plain_upload_is_called_as_it_was_sent(far, server):
    request = urllib.request.Request(
        f"{server.url}/api/v1/datasets?name=plain",
        data=b"word\na\nb\n",
        headers={
            "Authorization": f"token {server.token}",
            "Content-Type": "text/csv",
            "Content-Disposition": "attachment; filename=words.csv",
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        told = json.load(answer)
    assert (told["dataset"], told["source"]) == ("plain", "words.csv")
    assert nbp.get_dataset("plain").to_arrow().num_rows == 2


class Cutting:
    """A way to the server that breaks after so many bytes of a request, so many times."""

    def __init__(self, served: Served, after: int, times: int) -> None:
        self._port = int(served.base.rpartition(":")[2])
        self._after, self._times = after, times
        self.broken = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/nbproof"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as far:
            threading.Thread(target=self._back, args=(far, client), daemon=True).start()
            passed = 0
            while block := client.recv(1 << 16):
                passed += len(block)
                if passed > self._after and self.broken < self._times:
                    self.broken += 1
                    return
                far.sendall(block)

    def _back(self, far: socket.socket, client: socket.socket) -> None:
        try:
            while block := far.recv(1 << 16):
                client.sendall(block)
        except OSError:
            pass

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize(("times", "arrives"), [(2, True), (100, False)], ids=["comes back", "stays away"])
def test_an_upload_that_is_cut_is_sent_again_or_leaves_nothing(server, plain_user, times, arrives):
    cutting = Cutting(server, 1_000_000, times)
    environ = {"XDG_DATA_HOME": str(plain_user.folder("queues")), "NBPROOF_CAPTURE_GIT": "0"}
    workspace = RemoteWorkspace(cutting.url, token=server.token, environ=environ)
    name = f"cut-{times}"
    frame = pd.DataFrame({"x": np.random.default_rng(times).normal(size=400_000)})
    try:
        if arrives:
            workspace.datasets.register_dataset(frame, name)
            assert workspace.datasets.get_dataset(name).to_pandas().equals(frame)
        else:
            with pytest.raises(Unavailable, match="does not answer"):
                workspace.datasets.register_dataset(frame, name)
            with pytest.raises(NotFound):
                workspace.datasets.describe(name)
        assert cutting.broken == (2 if arrives else 3)
    finally:
        cutting.close()
        workspace.close()


def test_a_server_that_is_away_is_told(plain_user):
    environ = {"XDG_DATA_HOME": str(plain_user.folder("queues"))}
    workspace = RemoteWorkspace("http://127.0.0.1:9", environ=environ)
    with pytest.raises(Unavailable, match="does not answer"):
        workspace.datasets.register_dataset(pd.DataFrame({"x": [1]}), "x")
    with pytest.raises(Unavailable, match="start it with `nbproof serve`"):
        workspace.datasets.get_dataset("x")


def send(far: RemoteWorkspace, header: Header, pieces: list[Piece]) -> Any:
    return far.upload("datasets.send", lambda: parcel_of(header, pieces))


def piece(content: bytes, name: bytes | None = None) -> Piece:
    import blake3

    hash = blake3.blake3(content).digest()
    return Piece(name or hash, hash, len(content), lambda: iter([content]))


def test_a_parcel_that_is_not_what_it_says_is_refused(far):
    one = piece(b"content")
    other = bytes(32)
    cases = [
        (FileContent(size=7, hash=other.hex()), [piece(b"content", other)], "not what was sent"),
        (FileContent(size=8, hash=one.name.hex()), [one], "not what was sent"),
        (FolderContent(files=[("../up", 7, one.name.hex())], folders=[]), [one], "no path within a folder"),
        (FolderContent(files=[("/root", 7, one.name.hex())], folders=[]), [one], "no path within a folder"),
        (FolderContent(files=[("a/b", 7, one.name.hex())], folders=[]), [one], "not the folder"),
        (FolderContent(files=[("b", 7, one.name.hex())] * 2, folders=[]), [one], "two files of one name"),
    ]
    for content, pieces, words in cases:
        with pytest.raises(Invalid, match=words):
            send(far, Header(name="forged", content=content), pieces)
    send(far, Header(name="honest", content=FileContent(size=7, hash=one.name.hex())), [one])
    for content in (
        FileContent(size=5, hash=one.name.hex()),
        FolderContent(files=[("a", 7, one.name.hex()), ("b", 5, one.name.hex())], folders=[]),
    ):
        with pytest.raises(Invalid, match="not what was sent"):  # of what the server has already
            send(far, Header(name="forged", content=content), [])
    for body in (b"", b"hello", b"NBPARCEL1\n", b"NBPARCEL1\n" + bytes(7) + b"\x02{]"):
        with pytest.raises(Invalid, match="parcel"):
            far.upload("datasets.send", lambda body=body: (len(body), iter([body])))
    with pytest.raises(NotFound):
        far.datasets.describe("forged")


def test_only_what_a_version_consists_of_is_given_out(far):
    nbp.register_dataset(pd.DataFrame({"x": [1]}), "mine")
    other = nbp.register_dataset(pd.DataFrame({"x": [2]}), "other")
    for place in (f"b3/{other.digest}", "../../meta.db", "b3/" + "0" * 64):
        with (
            pytest.raises(NotFound, match="has nothing at"),
            far.streamed("datasets.objects", id="mine", objects=[place]) as stream,
        ):
            stream.read()


def test_a_reference_is_a_path_of_the_servers_machine(far, server, tmp_path):
    frame = pd.DataFrame({"city": ["Oslo", "Rome"] * 500, "n": range(1000)})
    (server.root / "lake").mkdir()
    frame.to_csv(server.root / "lake" / "big.csv", index=False)
    version = nbp.register_dataset("lake/big.csv", reference=True, aliases=["prod"])
    assert (version.name, version.rows, version.aliases) == ("big@v1", 1000, ["prod"])
    assert version.reference["target"] == str(server.root / "lake" / "big.csv")
    handle = nbp.get_dataset("big@prod")
    assert handle.to_pandas(columns=["n"])["n"].tolist() == list(range(1000))
    assert handle.profile[1].maximum == 999 and "by reference" in str(handle)
    assert handle.path().read_bytes() == (server.root / "lake" / "big.csv").read_bytes()
    assert nbp.register_dataset("lake", "lake", reference=True).files == 1
    assert (nbp.get_dataset("lake").checkout(tmp_path / "lake") / "big.csv").exists()

    (server.root / "lake" / "big.csv").write_text("city,n\nBonn,1\n")
    for read in (handle.to_pandas, nbp.get_dataset("big").path):
        with pytest.raises(Conflict, match="registered by reference"):
            read()
    with pytest.raises(Conflict, match="big@v1 was registered by reference"):
        nbp.get_dataset("big").to_pandas()
    for path in ("../../../etc/passwd", "/etc/passwd", ".nbproof/meta.db", "s3://bucket/key"):
        with pytest.raises(NotAllowed):
            nbp.register_dataset(path, "stolen", reference=True)
    with pytest.raises(NotFound, match="on the server's machine"):
        nbp.register_dataset(tmp_path.name, reference=True)
    (server.root / "lake" / "circle").symlink_to(server.root / "lake" / "circle")
    for path in ("a\0b", "long" * 200, "lake/circle"):
        with pytest.raises(Invalid, match="is no path"):
            nbp.register_dataset(path, "odd", reference=True)
    with pytest.raises(Invalid, match="a path on the server's machine"):
        nbp.register_dataset(frame, "frame", reference=True)


def test_a_table_without_columns_has_rows(far):
    frame = pd.DataFrame(index=range(5))
    assert nbp.register_dataset(frame, "bare").rows == 5
    pd.testing.assert_frame_equal(nbp.get_dataset("bare").to_pandas(), frame)


def test_rows_that_can_not_be_read_are_told_as_on_this_machine(far, server, tmp_path):
    content = "città,v\nForlì,1\n".encode("latin-1")
    (tmp_path / "latin.csv").write_bytes(content)
    (server.root / "far-latin.csv").write_bytes(content)
    for source, reference in ((tmp_path / "latin.csv", False), ("far-latin.csv", True)):
        with pytest.warns(UserWarning, match=r"latin\.csv can't be read as CSV: not UTF-8"):
            version = nbp.register_dataset(source, "latin", reference=reference)
        assert len(version.notes) == 1
        handle = nbp.get_dataset("latin")
        for asked in ("schema", "profile"):
            with pytest.raises(Invalid, match=r"latin@v\d can't be read as CSV: not UTF-8"):
                getattr(handle, asked)


def test_files_that_are_sent_have_to_keep_to_their_contract(far, tmp_path):
    nbp.set_contract("checked", {"columns": {"n": {"min": 0}}, "key": ["n"]}, on_breach="refuse")
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in (tmp_path / "one.csv", folder / "two.csv"):
        source = place if place.parent == tmp_path else folder
        place.write_text("n\n1\n-1\n")
        with pytest.raises(Invalid, match="the least is -1"):
            nbp.register_dataset(source, "checked")
        place.write_text("n\n1\n1\n")
        with pytest.raises(Invalid, match="1 row repeats that of an earlier row"):
            nbp.register_dataset(source, "checked")
    with pytest.raises(NotFound):
        nbp.get_dataset("checked")
    (tmp_path / "one.csv").write_text("n\n1\n2\n")
    assert nbp.register_dataset(tmp_path / "one.csv", "checked").rows == 2


def test_commands_work_through_a_server(far, project, capsys):
    (project / "visits.csv").write_text("city\nOslo\nRome\n")
    (project / "parts").mkdir()
    (project / "parts" / "one.csv").write_text("city\nOslo\n")

    def answer(*words: str) -> Any:
        assert run_command([*words, "--json"], workspace=far) == 0
        return json.loads(capsys.readouterr().out)

    told = answer("datasets", "register", "visits.csv", "--name", "visits", "--alias", "prod")
    assert (told["kind"], told["aliases"]) == ("file", ["prod"])
    assert told["source"] == str(project / "visits.csv")
    assert answer("datasets", "register", "parts")["kind"] == "folder"
    assert [each["dataset"] for each in answer("datasets", "versions", "visits")["items"]] == ["visits"]
    answer("datasets", "get", "visits", "--output", "copy.csv")
    assert Path("copy.csv").read_text() == "city\nOslo\nRome\n"
    answer("datasets", "get", "visits", "--format", "parquet", "--limit", "1", "--output", "rows.parquet")
    assert pq.read_table("rows.parquet").to_pydict() == {"city": ["Oslo"]}
    assert answer("datasets", "columns", "visits")["rows"] == 2


def test_magics_work_through_a_server(far, project):
    from IPython.testing.globalipapp import start_ipython

    shell = start_ipython() or __import__("IPython").get_ipython()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell.run_line_magic("load_ext", "nbproof")
    shell.user_ns["frame"] = pd.DataFrame({"x": np.arange(100.0)})
    assert shell.run_line_magic("track_data", "frame --name tracked").name == "tracked@v1"
    shell.user_ns["frame"] = pd.DataFrame({"x": np.arange(100.0) * 1000})
    assert shell.run_line_magic("track_data", "frame --name tracked").name == "tracked@v2"
    assert shell.run_line_magic("drift", "tracked@v1 tracked@v2").severity == "critical"
    assert shell.run_line_magic("lineage", "tracked").nodes[0].label == "tracked@v2"


def test_rows_of_files_are_handed_out_while_they_arrive(far, monkeypatch, tmp_path):
    table = pa.table({"n": pa.array(range(300_000))})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50_000)
    nbp.register_dataset(tmp_path / "rows.parquet", "arriving")
    handle = nbp.get_dataset("arriving")
    assert handle.schema == table.schema
    ended = []
    streamed = far.streamed

    @contextmanager
    def noted(*asked: Any, **fields: Any) -> Iterator[Any]:
        with streamed(*asked, **fields) as stream:
            yield stream
        ended.append(asked)

    monkeypatch.setattr(far, "streamed", noted)
    schema, batches = handle.batches()
    first = next(batches)
    assert len(first) < len(table) and not ended  # the answer is still being read
    assert pa.Table.from_batches([first, *batches], schema).equals(table)
    assert len(ended) == 1
