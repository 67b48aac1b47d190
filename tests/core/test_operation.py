"""A verb is declared once, and every spelling of an ask is read off the declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from nbproof.core.errors import Invalid
from nbproof.core.operation import (
    Ask,
    Download,
    Instant,
    Int64,
    JobAccepted,
    Json,
    Number,
    Page,
    Positional,
    View,
    operation,
)


class Shelf:
    pass


class Put(Ask):
    id: str
    title: Annotated[str, Positional]
    pages: Int64 | None = None
    weight: Number = 1.0
    words: list[str] = Field(default_factory=list)
    facts: dict[str, Json] = Field(default_factory=dict)
    read: bool = False
    when: Instant | None = None


class Book(View):
    title: str
    weight: Number = 1.0
    pages: Int64 = 0
    facts: dict[str, Json] = Field(default_factory=dict)


@operation("books.put", "POST /shelves/{id}/books", action="write", cli="books put", creates=True)
def put(shelf: Shelf, ask: Put) -> Book:
    """Put a book on a shelf."""
    return Book(title=ask.title)


@operation("books.find", "GET /shelves/{id}/books", action="read")
def find(shelf: Shelf, ask: Put) -> Page[Book]:
    """Find books."""
    return Page[Book](items=[])


@operation("books.burn", "DELETE /shelves/{id}", action="execute")
def burn(shelf: Shelf, ask: Put) -> None:
    """Burn them."""


class File(Ask):
    id: str
    path: Path
    name: str | None = None


@operation("books.scan", "POST /shelves/{id}/scans", action="write", upload="path")
def scan(shelf: Shelf, ask: File) -> JobAccepted:
    """Scan a book."""
    return JobAccepted(id="1", status="queued")


@operation("books.fetch", "GET /shelves/{id}/scan", action="read")
def fetch(shelf: Shelf, ask: File) -> Download:
    """Fetch a scan."""
    return Download(ask.path, "x")


def test_the_status_of_success_follows_from_the_declaration():
    assert [each.status for each in (put, find, burn, scan, fetch)] == [201, 200, 204, 202, 200]


def test_fields_travel_where_the_method_says():
    assert put.path_fields == ("id",)
    assert "title" in put.body_fields and put.query_fields == ()
    assert "title" in find.query_fields and find.body_fields == ()
    assert scan.query_fields == ("name",) and scan.body_fields == ()


def test_path_fields_come_first_on_the_command_line_then_marked_ones():
    assert put.positional() == ("id", "title")


def test_path_fields_arrive_percent_encoded():
    ask = put.ask_from({"id": "a%2Fb%20%F0%9F%93%9A"}, body=b'{"title": "x"}')
    assert ask.model_dump()["id"] == "a/b 📚"


def test_a_list_in_a_query_repeats_its_key():
    ask = find.ask_from({"id": "s"}, [("title", "x"), ("words", "a"), ("words", "b")])
    assert ask.model_dump()["words"] == ["a", "b"]


def test_another_key_given_twice_is_refused():
    with pytest.raises(Invalid, match="twice"):
        find.ask_from({"id": "s"}, [("title", "x"), ("title", "y")])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"title": "x", "pagse": 3}', "pagse"),
        (b'{"title": 3}', "title"),
        (b"{}", "title"),
        (b'{"title": "x", "pages": 1.5}', "pages"),
        (b'{"title": "x", "pages": true}', "pages"),
        (b'{"title": "x", "pages": 9223372036854775808}', "pages"),
        (b'{"title": "x", "weight": "heavy"}', "weight"),
        (b'{"title": "x", "when": "yesterday"}', "when"),
        (b'{"title": "x", "id": "other"}', "id"),
        (b"[1]", "(body)"),
        (b'{"title": ', "(body)"),
        (b"\xff\xfe", "(body)"),
        (b"[" * 100_000, "(body)"),
    ],
)
def test_a_wrong_ask_is_invalid_and_names_the_field(body, field):
    with pytest.raises(Invalid) as caught:
        put.ask_from({"id": "s"}, body=body)
    assert caught.value.details["field"] == field


def test_an_unknown_field_hints_at_the_near_one():
    with pytest.raises(Invalid, match="did you mean 'title'"):
        put.ask_from({"id": "s"}, body=b'{"titel": "x"}')


def test_an_unknown_query_field_is_refused():
    with pytest.raises(Invalid, match="unknown query field 'colour'"):
        find.ask_from({"id": "s"}, [("colour", "red")])


def test_a_query_can_not_overrule_the_path():
    with pytest.raises(Invalid, match="given by the path"):
        find.ask_from({"id": "s"}, [("id", "t"), ("title", "x")])


def test_an_upload_can_not_name_a_file_of_the_server():
    with pytest.raises(Invalid, match="path"):
        scan.ask_from({"id": "s"}, [("path", "/etc/passwd")])


def test_numbers_that_json_lacks_travel_as_strings():
    book = Book(title="x", weight=float("nan"), pages=2**62, facts={"deep": [float("-inf"), 2**60, 1]})
    text = book.model_dump_json()
    assert '"weight":"NaN"' in text and '"pages":"4611686018427387904"' in text
    assert '["-Infinity","1152921504606846976",1]' in text
    again = Book.model_validate_json(text)
    assert again.pages == 2**62 and again.weight != again.weight


asks = st.builds(
    Put,
    id=st.text(min_size=1),
    title=st.text(),
    pages=st.none() | st.integers(-(2**63), 2**63 - 1),
    weight=st.floats(allow_nan=False),
    words=st.lists(st.text()),
    facts=st.dictionaries(st.text(), st.integers(-100, 100) | st.text() | st.booleans() | st.none()),
    read=st.booleans(),
    when=st.none() | st.datetimes(),
)


@given(asks)
def test_what_a_client_spells_the_server_reads(ask):
    import json

    path, query, body = put.request_from(ask)
    assert query == []
    (segment,) = [path.split("/")[2]]
    assert put.ask_from({"id": segment}, query, json.dumps(body)) == ask


@given(asks)
def test_what_a_client_spells_in_a_query_the_server_reads(ask):
    plain = ask.model_copy(update={"facts": {}})
    path, query, body = find.request_from(plain)
    assert body is None
    assert find.ask_from({"id": path.split("/")[2]}, query) == plain


def test_a_route_that_names_a_field_the_ask_lacks_is_refused():
    with pytest.raises(ValueError, match="lacks"):

        @operation("books.lose", "GET /shelves/{shelf}", action="read")
        def lose(shelf: Shelf, ask: Put) -> None:
            """Lose them."""


def test_a_route_must_have_a_method():
    with pytest.raises(ValueError, match="not like"):
        operation("books.lose", "/shelves", action="read")


class Star(View):
    name: str
    seen_at: Instant | None = None
    magnitude: Number | None = None
    names: list[str] = Field(default_factory=list)


def test_a_page_is_a_sequence_of_its_items():
    page = Page[Star](items=[Star(name="Sirius"), Star(name="Vega")], next="v")
    assert [star.name for star in page] == ["Sirius", "Vega"]
    assert (len(page), page[-1].name, page[:1], page[1] in page) == (2, "Vega", [page[0]], True)
    assert not Page[Star](items=[])
    assert Page[Star].model_validate_json(page.model_dump_json()) == page


def test_a_page_in_a_cell_is_a_table_of_what_its_items_show():
    page = Page[Star](
        items=[
            Star(name="Sirius", seen_at="2026-01-02T03:04:05Z", magnitude=-1.46, names=["α CMa"]),
            Star(name="Vega", magnitude="NaN"),
        ],
        next="v",
    )
    bundle = page._repr_mimebundle_()
    assert bundle["text/plain"].splitlines() == [
        "name    seen at                  magnitude",
        "Sirius  2026-01-02 03:04:05 UTC      -1.46",
        "Vega                                   NaN",
        "there are more: ask again with after='v'",
    ]
    assert str(page) == bundle["text/plain"]
    assert '<th scope="row">Sirius</th><td>2026-01-02 03:04:05 UTC</td>' in bundle["text/html"]
    assert "there are more: ask again with after=&#x27;v&#x27;" in bundle["text/html"]
    assert "names" not in bundle["text/html"]


def test_a_table_escapes_what_users_named_and_takes_its_colours_from_the_theme():
    html = Page[Star](items=[Star(name="<img src=x onerror=alert(1)>\"'&")])._repr_mimebundle_()["text/html"]
    assert "<img" not in html and "&lt;img src=x" in html
    assert "var(--jp-ui-font-color1,inherit)" in html and "var(--jp-ui-font-color2,#808080)" in html


def test_an_empty_page_says_so():
    bundle = Page[Star](items=[])._repr_mimebundle_()
    assert bundle["text/plain"] == "nothing found" and "nothing found" in bundle["text/html"]


class Sky(View):
    id: str
    name: str
    seen_bytes: int
    size_bytes: int
    tags: dict[str, str] = Field(default_factory=dict)
    stars: list[Star] = Field(default_factory=list)
    hours: list[int] = Field(default_factory=list)
    note: str | None = None


def test_a_view_by_itself_shows_its_fields_in_words_and_its_views_as_a_table():
    sky = Sky(
        id="ab" * 16,
        name="north",
        seen_bytes=1500,
        size_bytes=5,
        tags={"of": "winter"},
        stars=[Star(name="Sirius", seen_at="2026-01-02T03:04:05Z", magnitude=-1.46)],
        hours=[1, 2],
    )
    bundle = sky._repr_mimebundle_()
    assert bundle["text/plain"].splitlines() == [
        f"id          {'ab' * 16}",
        "name        north",
        "seen bytes  1.5 kB",
        "size        5 B",
        "tags        of winter",
        "hours       1, 2",
        "stars",
        "  name    seen at                  magnitude",
        "  Sirius  2026-01-02 03:04:05 UTC      -1.46",
    ]
    assert str(sky) == bundle["text/plain"]
    assert '<th scope="row">size</th><td>5 B</td>' in bundle["text/html"]
    assert '<th scope="row">Sirius</th>' in bundle["text/html"] and "note" not in bundle["text/html"]


def test_a_list_of_views_calls_them_by_the_end_of_their_id():
    page = Page[Sky](items=[Sky(id="ab" * 16, name="north", seen_bytes=0, size_bytes=2_000)])
    assert str(page).splitlines()[1].split() == ["ababab", "north", "0", "B", "2.0", "kB"]


def test_of_a_long_list_a_cell_shows_the_beginning():
    page = Page[Star](items=[Star(name=f"star {number}") for number in range(1000)])
    assert str(page).splitlines()[-1] == "... and 800 more"
    assert page._repr_mimebundle_()["text/html"].count("<tr>") == 201


def test_what_a_user_named_is_escaped_in_a_view_by_itself():
    html = Star(name="<img src=x>")._repr_mimebundle_()["text/html"]
    assert "<img" not in html and "&lt;img src=x&gt;" in html
