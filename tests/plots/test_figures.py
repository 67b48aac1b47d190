"""Lines, dots, boxes and strands: where things lie, and that the pictures hold."""

from __future__ import annotations

import math
import re
from base64 import b64decode
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from nbproof.plots.box import boxes_of, plot_boxes, spread
from nbproof.plots.figure import COLOURS, Figure, colour_of, dash_of
from nbproof.plots.line import Series, lines_of, plot_lines
from nbproof.plots.parallel import plot_strands, strands_of
from nbproof.plots.scatter import dots_of, plot_dots

NASTY = "<script>alert(1)</script>\"'&"


def shapes(figure: Figure, kind: str) -> list[ElementTree.Element]:
    """The shapes of a kind in the picture, which is well-formed."""
    return [each for each in ElementTree.fromstring(figure.svg).iter() if each.tag == kind]


# -- lines -----------------------------------------------------------------------------------------


def test_series_lie_on_common_axes():
    found = lines_of([Series("a", [0, 10], [0.0, 1.0]), Series("b", [5], [0.5])])
    (start, end), (only,) = (line.raw[0] for line in found.lines)
    assert (start[0], end[0], only[0]) == (0.0, 1.0, 0.5)
    assert only[1] == pytest.approx((start[1] + end[1]) / 2)


def test_points_are_joined_in_the_order_of_x_and_those_of_one_x_as_logged():
    found = lines_of([Series("a", [2, 0, 1, 1], [2.0, 0.0, 1.0, 3.0])])
    assert [round(x, 2) for x, _ in found.lines[0].raw[0]] == [0.0, 0.5, 0.5, 1.0]
    heights = [y for _, y in found.lines[0].raw[0]]
    assert heights[1] < heights[3] < heights[2]


def test_nan_breaks_a_line_and_an_infinity_lies_at_the_edge():
    found = lines_of([Series("a", [0, 1, 2, 3], [1.0, math.nan, math.inf, 2.0])])
    assert [len(stretch) for stretch in found.lines[0].raw] == [1, 2]
    assert found.lines[0].raw[1][0][1] == 1.0


def test_on_a_log_axis_zero_has_no_place_and_is_counted():
    found = lines_of([Series("a", [0, 1, 2], [1.0, 0.0, 100.0])], log=True)
    assert found.left_out == 1 and len(found.lines[0].raw) == 2
    assert "1 values of 0 or less" in plot_lines(found).text


def test_the_smoothed_line_is_drawn_over_a_paler_raw_one():
    picture = plot_lines(lines_of([Series("a", [0, 1, 2], [0.0, 1.0, 0.0])], smoothing=0.5))
    raw, smooth = shapes(picture, "polyline")
    assert float(raw.attrib["stroke-opacity"]) < float(smooth.attrib["stroke-opacity"]) == 1


def test_series_that_were_smoothed_already_are_taken_as_they_are():
    found = lines_of([Series("a", [0, 1], [0.0, 1.0], smooth=[0.0, 0.5])])
    assert found.lines[0].smooth[0][1][1] < found.lines[0].raw[0][1][1]


def test_more_series_than_colours_differ_by_their_dashes():
    looks = {(colour_of(place), dash_of(place)) for place in range(40)}
    assert len(looks) == 40


def test_every_colour_is_seen_on_white_and_on_dark_grey():
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in COLOURS:
        for page in ("#ffffff", "#212121"):
            darker, lighter = sorted((light(colour), light(page)))
            assert (lighter + 0.05) / (darker + 0.05) >= 3, (colour, page)


# -- dots ------------------------------------------------------------------------------------------


def test_dots_lie_by_numbers_or_by_names_and_the_incomplete_are_counted():
    numbers = dots_of(["a", "b", "c", "d"], [1, 3, 2, None], [1.0, 2.0, math.nan, 3.0])
    assert [dot.name for dot in numbers.dots] == ["a", "b"] and numbers.left_out == 2
    names = dots_of(["a", "b"], ["xgb", "forest"], [1.0, 2.0])
    assert [dot.x for dot in names.dots] == [0.75, 0.25]
    mixed = dots_of(["a", "b"], ["auto", 3], [1.0, 2.0])
    assert mixed.x.categories == ("3", "auto")


def test_each_dot_says_what_it_is():
    picture = plot_dots(dots_of(["one"], [0.1], [0.9], x_label="lr", y_label="auc"))
    (title,) = shapes(picture, "title")
    assert title.text == "one: lr 0.1, auc 0.9" and "one: lr 0.1, auc 0.9" in picture.text


# -- boxes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 101])
def test_quartiles_are_those_of_numpy(n):
    values = np.random.default_rng(n).normal(size=n)
    found = spread(values.tolist())
    assert found is not None
    assert [found.lower, found.median, found.upper] == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]))


def test_whiskers_reach_to_the_last_value_within_one_and_a_half_boxes():
    found = spread([0.0, 1.0, 2.0, 3.0, 4.0, 10.0, -9.0])
    assert found is not None
    assert (found.low, found.high, found.outliers) == (0.0, 4.0, (-9.0, 10.0))


def test_what_is_not_finite_does_not_count():
    assert spread([math.nan, math.inf]) is None
    assert boxes_of({"a": [math.nan], "b": [1.0]}).groups[0][0] == "b"


def test_a_box_of_few_values_shows_them():
    picture = plot_boxes(boxes_of({"few": [1.0, 2.0, 3.0], "many": list(range(20))}))
    assert len(shapes(picture, "circle")) == 3 and len(shapes(picture, "rect")) == 2


# -- parallel coordinates ----------------------------------------------------------------------------


def test_strands_cross_numbers_ratios_and_names():
    found = strands_of(
        ["a", "b", "c"],
        {"lr": [1e-4, 1e-1, None], "model": ["xgb", "forest", "xgb"], "auc": [0.5, 0.9, 0.7]},
    )
    lr, model, auc = found.axes
    assert lr.log and not auc.log and model.categories == ("forest", "xgb")
    assert found.strands[2].places[0] is None
    assert found.strands[0].places[1] == 0.75 and found.strands[0].said == "a: lr 0.0001, model xgb, auc 0.5"


def test_a_strand_is_broken_where_it_has_no_value_and_coloured_by_its_end():
    picture = plot_strands(
        strands_of(["a", "b"], {"x": [1, 2], "y": [None, 1], "z": [1, 2], "end": [0.0, 1.0]})
    )
    colours = [each.attrib["stroke"] for each in shapes(picture, "polyline")]
    assert len(colours) == 2 and colours[0] != colours[1]


def test_too_many_axes_keep_the_last_one():
    found = strands_of(["a"], {**{f"p{number}": [number] for number in range(30)}, "auc": [1.0]})
    assert len(found.axes) == 12 and found.axes[-1].label == "auc" and found.left_out == 19


# -- all of them -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figure",
    [
        plot_lines(lines_of([Series(NASTY, [0, 1], [1.0, 2.0])], title=NASTY, x_label=NASTY)),
        plot_lines(lines_of([])),
        plot_lines(lines_of([Series("a", [], [])])),
        plot_lines(lines_of([Series("a", [2**63 - 1, -(2**63)], [1.7e308, -1.7e308])])),
        plot_dots(dots_of([NASTY, "b"], [NASTY, "x"], [1.0, 2.0], x_label=NASTY, y_label=NASTY)),
        plot_dots(dots_of([], [], [])),
        plot_boxes(boxes_of({NASTY: [1.0, 2.0]}, x_label=NASTY, y_label=NASTY)),
        plot_boxes(boxes_of({})),
        plot_strands(strands_of([NASTY], {NASTY: [NASTY], "b": [1]})),
        plot_strands(strands_of([], {})),
    ],
)
def test_every_picture_is_well_formed_escaped_and_takes_its_colours_from_the_theme(figure):
    root = ElementTree.fromstring(figure.svg)
    assert root.attrib["role"] == "img"
    assert not [each for each in root.iter() if each.tag == "script"]
    html = figure._repr_mimebundle_()["text/html"]
    assert "<script" not in html
    assert re.findall(r"var\(--jp-[\w-]+\)", html) == []
    assert not re.search(
        r"nan|inf\b", re.sub(r"<title>.*?</title>|aria-label=\"[^\"]*\"|>[^<]*<", "", figure.svg)
    )
    assert str(figure) == figure.text


def test_labels_of_many_axes_do_not_run_into_each_other_and_keep_their_ends():
    columns = {f"estimator.parameter_number_{number}": [1, 2] for number in range(11)} | {"auc": [0.5, 0.9]}
    svg = plot_strands(strands_of(["a", "b"], columns)).svg
    labels = re.findall(">(…[^<]*)<", svg)
    assert labels[-1] == "…er_number_10" and len({len(label) for label in labels}) == 1


class Sanitized(HTMLParser):
    """What JupyterLab leaves of an output of a notebook that is not trusted: no styles, of SVG the words."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: list[bool] = []
        self.seen: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("div", "style"):
            self.hidden.append(tag == "style" or bool(dict(attrs).get("hidden")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.seen.append(dict(attrs)["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("div", "style"):
            self.hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.hidden):
            self.words.append(data)


def test_a_figure_is_seen_as_an_image_where_the_notebook_is_not_trusted():
    figure = plot_lines(lines_of([Series("a", [0, 1], [1.0, 2.0])], title="loss"))
    left = Sanitized()
    left.feed(figure.html())
    assert left.words == ["a"]  # the legend; no labels of axes run together
    picture, swatch = (b64decode(each.partition(",")[2]).decode() for each in left.seen)
    for svg in (picture, swatch):
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    # Nothing of it depends on the page around it.
    assert "currentColor" not in picture and "Canvas" not in picture
