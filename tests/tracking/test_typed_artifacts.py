"""Objects of notebooks as artifacts: what each becomes, how it is looked at, what is refused and why."""

from __future__ import annotations

import io
import json
import math
import struct
import zlib

import numpy as np
import pandas as pd
import pytest

from nbproof.core.errors import Invalid
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.tracking.previews import picture_size


@pytest.fixture
def tracker(project):
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened.tracker
    use(before)
    opened.close()


def kept(tracker, name):
    return tracker.get_run("@last").artifacts[name]


def pixels_of(png):
    """What a PNG of ours shows, read by the book: only filter 2 of the standard is known here."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    channels = {0: 1, 2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()
    raw = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    return (raw if depth == 8 else raw.view(">u2")).reshape(height, width, channels)


# -- text and data ---------------------------------------------------------------------------------------


def test_text_is_kept_as_it_is(tracker):
    tracker.log_text("größe 🎈\r\nzwei\0", "note")
    artifact = kept(tracker, "note")
    assert artifact.read_bytes() == "größe 🎈\r\nzwei\0".encode()
    assert (artifact.kind, artifact.media_type) == ("text", "text/plain")
    with pytest.raises(Invalid, match="found int"):
        tracker.log_text(3, "x")


def test_a_long_text_is_shown_by_its_head(tracker):
    tracker.log_text("line\n" * 100_000, "long.log")
    preview = kept(tracker, "long.log").preview()
    # As a cell shows it: in the type of code.
    assert (
        '<pre style="font-family:var(--jp-code-font-family,monospace)'
        in preview._repr_mimebundle_()["text/html"]
    )
    assert preview.shows == "text" and preview.truncated and len(preview.text) == 20_000


@pytest.mark.parametrize("name", ["config", "config.json", "deep/config.yaml"])
def test_a_mapping_is_kept_whole(tracker, name):
    data = {
        "größe": {"lr": 0.1},
        "layers": (1, 2),
        "many": np.arange(2000),
        "odd": [math.nan, -math.inf],
        "s": "a\tb",
    }
    tracker.log_dict(data, name)
    artifact = kept(tracker, "config.json" if name == "config" else name)
    if name.endswith("yaml"):
        yaml = pytest.importorskip("yaml")
        found = yaml.safe_load(artifact.read_text())
    else:
        found = json.loads(artifact.read_text())
    assert found["many"] == list(range(2000)) and found["layers"] == [1, 2] and found["s"] == "a\tb"
    assert (found["größe"], found["odd"]) == ({"lr": 0.1}, ["NaN", "-Infinity"])
    assert artifact.kind == "data" and "größe" in artifact.preview().text


def test_data_within_itself_is_refused(tracker):
    data: dict[str, object] = {}
    data["self"] = data
    with pytest.raises(Invalid, match="within itself"):
        tracker.log_dict(data, "x")
    with pytest.raises(Invalid, match="mapping or a list"):
        tracker.log_dict("text", "x")


def test_a_page_is_kept_of_text_or_of_what_has_one(tracker):
    tracker.log_html(pd.DataFrame({"<a>": [1]}), "frame")
    artifact = kept(tracker, "frame.html")
    assert artifact.kind == "html" and "&lt;a&gt;" in artifact.read_text()
    assert artifact.preview().shows == "text"
    with pytest.raises(Invalid):
        tracker.log_html(3, "x")


# -- pictures --------------------------------------------------------------------------------------------

PICTURE = np.random.default_rng(1).integers(0, 256, (20, 30, 4), np.uint8)


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (PICTURE, PICTURE),
        (PICTURE[:, :, :3], PICTURE[:, :, :3]),
        (PICTURE[:, :, 0], PICTURE[:, :, :1]),
        (PICTURE[:, :, :1], PICTURE[:, :, :1]),
        (PICTURE[::-1, ::2, :3], PICTURE[::-1, ::2, :3]),
        (np.moveaxis(PICTURE[:, :, :3], 2, 0), PICTURE[:, :, :3]),
        (PICTURE.astype(np.int64), PICTURE),
        (PICTURE[:, :, :3] / 255.0, PICTURE[:, :, :3]),
        (PICTURE[:, :, 0] > 100, np.where(PICTURE[:, :, :1] > 100, 255, 0)),
        (PICTURE[:, :, 0].astype(np.uint16) * 257, PICTURE[:, :, :1].astype(np.uint16) * 257),
        (np.ones((1, 1)), np.full((1, 1, 1), 255)),
    ],
    ids=["rgba", "rgb", "grey", "one channel", "strided", "channels first", "integers", "floats", "booleans",
         "16 bits", "one pixel"],
)  # fmt: skip
def test_an_array_becomes_the_picture_it_is(tracker, array, shown):
    before = array.copy()
    tracker.log_image(array, "sample", step=3, caption="a sample")
    artifact = kept(tracker, "sample.png")
    assert (pixels_of(artifact.read_bytes()) == shown).all()
    assert (array == before).all()
    assert artifact.metadata == {"caption": "a sample", "width": shown.shape[1], "height": shown.shape[0]}
    assert (artifact.kind, artifact.step, artifact.media_type) == ("image", 3, "image/png")
    assert artifact.preview().image.startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 20, 30, 3)), "2x20x30x3"),
        (np.zeros(5), "shape 5"),
        (np.zeros((20, 30, 7)), "1, 3 or 4 channels"),
        (np.zeros((0, 3)), "no pixels"),
        (np.full((2, 2), 1.5), "from 0 to 1"),
        (np.full((2, 2), -0.1), "from 0 to 1"),
        (np.array([[0.5, np.nan]]), "1 of 2 values to be NaN"),
        (np.full((2, 2), 300), "from 0 to 255"),
        (np.full((2, 2), -1), "from 0 to 255"),
        (np.full((2, 2), 1j), "complex128"),
        (np.full((2, 2), "a"), "type <U1"),
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_what_is_wrong(tracker, array, said):
    with pytest.raises(Invalid, match=said) as caught:
        tracker.log_image(array, "x")
    assert caught.value.details["field"] == "image"
    assert tracker.live is None


class FakeTensor:
    """Like a tensor of torch: on another device, with a gradient, channels first."""

    __module__ = "torch"
    dtype = "torch.bfloat16"

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    cpu = float = detach

    def numpy(self):
        return self.array


def test_a_tensor_has_its_channels_first(tracker):
    tracker.log_image(FakeTensor(np.moveaxis(PICTURE[:3, :3, :3], 2, 0)), "t")
    assert (pixels_of(kept(tracker, "t.png").read_bytes()) == PICTURE[:3, :3, :3]).all()


def test_a_picture_in_bytes_or_a_file_stays_what_it_is(tracker, project):
    tracker.log_image(PICTURE, "made")
    png = kept(tracker, "made.png").read_bytes()
    tracker.log_image(png, "again")
    assert kept(tracker, "again.png").read_bytes() == png
    (project / "photo.jpg").write_bytes(b"\xff\xd8\xff rest")
    tracker.log_image("photo.jpg")
    tracker.log_image(b"\xff\xd8\xff rest", "other.jpeg")
    assert kept(tracker, "photo.jpg").media_type == kept(tracker, "other.jpeg").media_type == "image/jpeg"
    (project / "notes.txt").write_text("x")
    for wrong in ("notes.txt", b"no picture", object(), [1, 2]):
        with pytest.raises(Invalid):
            tracker.log_image(wrong, "x")
    with pytest.raises(Invalid, match="needs a name"):
        tracker.log_image(PICTURE)


@pytest.mark.newest
def test_a_picture_of_pil_is_kept_as_png(tracker):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    tracker.log_image(image.fromarray(PICTURE), "pil")
    tracker.log_image(image.new("CMYK", (4, 5)), "cmyk")
    found = image.open(io.BytesIO(kept(tracker, "pil.png").read_bytes()))
    assert (np.asarray(found) == PICTURE).all()
    assert kept(tracker, "cmyk.png").metadata == {"width": 4, "height": 5}


@pytest.mark.newest
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("png", {}),
        ("gif", {}),
        ("bmp", {}),
        ("jpeg", {"progressive": True, "comment": b"x" * 3_000}),
        ("jpeg", {}),
        ("webp", {"lossless": True}),
        ("webp", {"lossless": False}),
        ("webp", {"exif": b"Exif\0\0II*\0"}),
    ],
)
def test_the_head_of_a_picture_tells_its_size(form, options):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    content = io.BytesIO()
    image.new("RGB", (321, 45)).save(content, form, **options)

    assert picture_size(content.getvalue()) == (321, 45)
    for length in range(60):
        assert picture_size(content.getvalue()[:length]) in (None, (321, 45))


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff rest", b"<svg/>", b"\xff\xd8" + b"\xff" * 100])
def test_the_head_of_no_picture_tells_none(head):
    assert picture_size(head) is None


def test_a_picture_too_large_to_look_at_is_said(tracker):
    noise = np.random.default_rng(1).integers(0, 256, (700, 700, 3), np.uint8)
    tracker.log_image(noise, "big")
    preview = kept(tracker, "big.png").preview()
    assert (preview.shows, preview.image) == ("nothing", None)
    assert "700 × 700 pixels" in preview.note and "download it to see it" in str(preview)


# -- figures ---------------------------------------------------------------------------------------------


@pytest.mark.newest
def test_a_figure_of_matplotlib_is_kept_as_png_and_svg_and_the_same_one_once(tracker):
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed").Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3])
    size, dpi = tuple(figure.get_size_inches()), figure.dpi
    for _ in range(2):
        tracker.log_figure(axes, "plots/roc", step=1, caption="ROC")
    for name, media_type in (("plots/roc.png", "image/png"), ("plots/roc.svg", "image/svg+xml")):
        artifact = kept(tracker, name)
        assert (artifact.kind, artifact.media_type, artifact.version) == ("figure", media_type, 1)
    assert (tuple(figure.get_size_inches()), figure.dpi) == (size, dpi)
    tracker.log_figure(figure, "only.pdf")
    assert kept(tracker, "only.pdf").read_bytes().startswith(b"%PDF")
    assert "<img" in kept(tracker, "plots/roc.svg")._repr_mimebundle_()["text/html"]


@pytest.mark.newest
def test_a_figure_of_very_many_points_is_no_svg(tracker):
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed").Figure()
    figure.subplots().scatter(range(60_000), range(60_000))
    tracker.log_figure(figure, "cloud")
    assert [each.name for each in tracker.get_run("@last").artifacts] == ["cloud.png"]
    assert "60,000 points" in kept(tracker, "cloud.png").metadata["note"]


@pytest.mark.newest
def test_a_figure_of_plotly_is_kept_as_json_and_page(tracker):
    objects = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed")
    figure = objects.Figure(objects.Scatter(y=[1, 2, 3]))
    for _ in range(2):
        tracker.log_figure(figure, "loss")
    artifact = kept(tracker, "loss.plotly.json")
    assert artifact.version == kept(tracker, "loss.html").version == 1
    bundle = artifact._repr_mimebundle_()
    assert bundle["application/vnd.plotly.v1+json"]["data"][0]["type"] == "scatter"


@pytest.mark.parametrize("wrong", [3, "roc.png", [1], pd.DataFrame()])
def test_what_is_no_figure_is_refused(tracker, wrong):
    with pytest.raises(Invalid, match="log_figure takes figures"):
        tracker.log_figure(wrong, "x")


# -- tables ----------------------------------------------------------------------------------------------


def frame():
    return pd.DataFrame(
        {
            "name": ["ann", "größe 🎈", None],
            "score": [1.5, math.nan, -2.0],
            "age": [1, 2, 3],
            "on": [True, False, True],
            "at": pd.to_datetime(
                pd.Series(["2026-01-01", "2026-01-02T03:04:05.678901", None]), format="ISO8601"
            ),
        }
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ""])
def test_a_frame_comes_back_with_its_values(tracker, suffix):
    table = frame()
    before = table.copy()
    tracker.log_table(table, f"scores{suffix}", caption="all")
    pd.testing.assert_frame_equal(table, before)
    [artifact] = tracker.get_run("@last").artifacts
    assert (artifact.kind, artifact.metadata["rows"], artifact.metadata["columns"]) == ("table", 3, 5)
    found = artifact.to_pandas()
    assert found["age"].tolist() == [1, 2, 3]
    assert found["score"].isna().tolist() == [False, True, False]
    assert found["name"].tolist()[:2] == ["ann", "größe 🎈"]
    if suffix != ".jsonl":
        assert found["at"].dtype == table["at"].dtype and found["at"].equals(table["at"])
    preview = artifact.preview()
    assert [column.name for column in preview.columns] == list(table.columns)
    assert (preview.row_count, preview.truncated) == (3, False)
    assert preview.rows[0][:4] == ["ann", 1.5, 1, True]


def test_an_index_that_says_something_is_kept(tracker):
    tracker.log_table(frame().set_index("name")[["age"]], "t.csv")
    found = kept(tracker, "t.csv").to_pandas()
    assert found.index.tolist()[0] == "ann" and found["age"].tolist() == [1, 2, 3]


def test_a_series_is_a_table_of_one_column(tracker):
    tracker.log_table(pd.Series([1, 2], name="x"), "s.csv")
    assert kept(tracker, "s.csv").to_pandas()["x"].tolist() == [1, 2]


def test_a_long_table_is_shown_by_its_first_rows(tracker):
    tracker.log_table(pd.DataFrame({"x": range(1000), "y": "z" * 500}), "t.csv")
    preview = kept(tracker, "t.csv").preview()
    assert [row[0] for row in preview.rows] == list(range(10))
    assert (preview.row_count, preview.truncated, len(preview.rows[0][1])) == (1000, True, 200)
    assert "<table>" in kept(tracker, "t.csv")._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: [{"a": 1, "b": "x"}, {"a": 2, "c": [1]}],
        lambda: ({"a": number, "b": "x"} for number in (1, 2)),
        lambda: {"a": [1, 2], "b": ["x", "y"]},
        lambda: {"a": np.array([1, 2])},
    ],
    ids=["rows", "generator", "columns", "arrays"],
)
@pytest.mark.parametrize("suffix", ["", ".csv"])
def test_rows_and_columns_of_plain_python_are_tables(tracker, make, suffix):
    tracker.log_table(make(), f"rows{suffix}")
    artifact = kept(tracker, f"rows{suffix or '.jsonl'}")
    assert artifact.to_pandas()["a"].tolist() == [1, 2]
    assert artifact.preview().row_count == 2


@pytest.mark.parametrize(
    "wrong", [3, "text", [1, 2], {"a": [1], "b": [1, 2]}, {"a": 1}, np.zeros((2, 2)), None]
)
def test_what_is_no_table_is_refused(tracker, wrong):
    with pytest.raises(Invalid):
        tracker.log_table(wrong, "x")
    assert tracker.live is None


@pytest.mark.newest
def test_frames_are_kept_as_parquet_where_that_can_be_written(tracker):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    tracker.log_table(frame(), "pandas")
    pd.testing.assert_frame_equal(kept(tracker, "pandas.parquet").to_pandas(), frame())
    tracker.log_table(pd.DataFrame({"mixed": [1, "a"]}), "mixed")
    assert kept(tracker, "mixed.csv").kind == "table"
    with pytest.raises(Invalid, match=r"\.csv"):
        tracker.log_table(pd.DataFrame({"mixed": [1, "a"]}), "mixed.parquet")


@pytest.mark.newest
def test_tables_of_arrow_are_kept_and_parquet_of_others_is_looked_into(tracker, project):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = arrow.table({"a": [1, 2], "b": ["x", None]})
    for name in ("t", "t.csv", "t.jsonl"):
        tracker.log_table(table, name)
    assert kept(tracker, "t.parquet").to_pandas()["a"].tolist() == [1, 2]
    parquet.write_table(table, "by_hand.parquet")
    tracker.log_artifact("by_hand.parquet")
    preview = kept(tracker, "by_hand.parquet").preview()
    assert (preview.shows, preview.rows, preview.row_count) == ("table", [[1, "x"], [2, None]], 2)
    tracker.log_artifact(b"PAR1 not really", "broken.parquet")
    assert "not what" in kept(tracker, "broken.parquet").preview().note


@pytest.mark.newest
def test_frames_of_polars_are_kept(tracker):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    table = polars.DataFrame({"a": [1, 2], "b": ["x", None]})
    for name in ("t", "t.csv", "t.jsonl"):
        tracker.log_table(table, name)
    assert polars.read_parquet(kept(tracker, "t.parquet").read_bytes()).equals(table)
    with pytest.raises(Invalid, match="collect"):
        tracker.log_table(table.lazy(), "x")


# -- histograms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [list, np.array, pd.Series, lambda values: np.array(values, object)])
def test_a_histogram_counts_values_between_edges(tracker, make):
    tracker.log_histogram(make([0.0, 1.0, 1.0, 2.0, 4.0]), "w", bins=4)
    artifact = kept(tracker, "w.json")
    [found] = artifact.preview().histograms
    assert (found.edges, found.counts) == ([0, 1, 2, 3, 4], [1, 2, 1, 1])
    assert artifact.metadata == {"count": 5, "min": 0.0, "max": 4.0, "mean": 1.6}
    assert json.loads(artifact.read_text())["counts"] == [1, 2, 1, 1]


def test_histograms_of_one_name_are_a_series_by_step(tracker):
    for step in range(3):
        tracker.log_histogram(np.arange(10) + step, "w", bins=2, step=step * 10)
    series = kept(tracker, "w.json").preview().histograms
    assert [each.step for each in series] == [0, 10, 20]
    assert [each.edges[0] for each in series] == [0, 1, 2]
    assert "<svg" in kept(tracker, "w.json")._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("make", [list, np.array])
def test_what_is_not_finite_or_outside_is_counted_apart(tracker, make):
    tracker.log_histogram(make([math.nan, math.inf, 0.5, 7.0]), "w", bins=[0, 1, 2])
    [found] = kept(tracker, "w.json").preview().histograms
    assert found.counts == [1, 0]
    assert (kept(tracker, "w.json").metadata["not_finite"], kept(tracker, "w.json").metadata["outside"]) == (
        2,
        1,
    )


@pytest.mark.parametrize(
    "values", [[], [math.nan], [5], np.zeros(3), np.array([], np.int8), np.array([True, False])]
)
def test_odd_values_have_a_histogram_too(tracker, values):
    tracker.log_histogram(values, "w", bins=3)
    [found] = kept(tracker, "w.json").preview().histograms
    assert len(found.counts) == 3 and sum(found.counts) <= len(values)


@pytest.mark.parametrize("bins", [0, 513, True, [1], [2, 1], [0, math.inf], "many", None])
def test_impossible_bins_are_refused(tracker, bins):
    with pytest.raises(Invalid) as caught:
        tracker.log_histogram([1.0], "w", bins=bins)
    assert caught.value.details["field"] == "bins"


@pytest.mark.parametrize("values", ["abc", [1, "a"], 3, None, [-1e308, 1e308], np.array(["a"])])
def test_what_has_no_histogram_is_refused(tracker, values):
    with pytest.raises(Invalid) as caught:
        tracker.log_histogram(values, "w")
    assert caught.value.details["field"] == "values"


# -- looking at files of others ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "shows"),
    [
        ("a.csv", b"a,b\n1,2\n", "table"),
        ("a.tsv", b"a\tb\n1\t2\n", "table"),
        ("a.jsonl", b'{"a": 1}\n[2]\n', "table"),
        ("a.csv", b"", "table"),
        ("a.csv", b'"never closed\n' * 50_000, "table"),
        ("a.jsonl", b"{broken\n", "nothing"),
        ("a.json", b"{not json at all", "text"),
        ("a.txt", b"\xff\xfe\x00binary", "text"),
        ("a.png", b"not a picture", "image"),
        ("a.pkl", b"\x80\x04cos\nsystem\n", "nothing"),
        ("a.npy", b"\x93NUMPY", "nothing"),
        ("a.md", b"# hi", "text"),
    ],
)
def test_any_file_can_be_looked_at(tracker, name, content, shows):
    tracker.log_artifact(content, name)
    preview = kept(tracker, name).preview()
    assert preview.shows == shows
    assert preview.note or shows != "nothing"
    json.loads(preview.model_dump_json())
    assert kept(tracker, name)._repr_mimebundle_()["text/plain"]


def test_a_histogram_that_is_none_is_said(tracker):
    tracker.log_artifact(b'{"edges": [1], "counts": ["a"]}', "w.json", kind="histogram")
    assert "edges and counts" in kept(tracker, "w.json").preview().note


def test_a_page_is_shown_on_white_in_a_dark_theme_too(tracker):
    tracker.log_html("<p>black by default</p>", "page")
    html = kept(tracker, "page.html")._repr_mimebundle_()["text/html"]
    assert "background:#fff;color-scheme:light" in html
