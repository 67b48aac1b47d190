"""One family, one table, one JSON shape."""

from __future__ import annotations

import pickle

import pytest

from nbproof.core.errors import (
    FACES,
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PlatformError,
    Unavailable,
    as_json,
    error_of,
    face,
    near_names,
)


def test_every_kind_of_error_has_a_face_of_its_own():
    assert {kind: face(kind) for kind in FACES} == FACES
    assert len({shown.status for shown in FACES.values()}) == len(FACES)


@pytest.mark.parametrize(
    ("kind", "status", "exit_code", "code"),
    [
        (Invalid, 422, 2, "invalid"),
        (NotFound, 404, 3, "not-found"),
        (Conflict, 409, 4, "conflict"),
        (NotAllowed, 403, 5, "not-allowed"),
        (NotAuthenticated, 401, 5, "not-authenticated"),
        (Unavailable, 503, 6, "unavailable"),
        (PlatformError, 400, 1, "error"),
    ],
)
def test_the_table_is_what_the_outside_relies_on(kind, status, exit_code, code):
    assert face(kind("x")) == (status, exit_code, code)


def test_an_error_without_a_row_has_the_face_of_its_nearest_ancestor():
    class QueryInvalid(Invalid):
        pass

    assert face(QueryInvalid("x")).status == 422


def test_the_json_shape_has_four_fields_always():
    assert as_json(PlatformError("broken")) == {
        "error": {"code": "error", "message": "broken", "hint": None, "details": {}}
    }


@pytest.mark.parametrize("kind", list(FACES))
def test_a_client_raises_what_the_server_raised(kind):
    error = error_of(as_json(kind("found x", hint="do y", details={"field": "z"})))
    assert (type(error), error.message, error.hint, error.details) == (
        kind,
        "found x",
        "do y",
        {"field": "z"},
    )


def test_an_answer_of_another_shape_becomes_an_error_by_its_status():
    assert isinstance(error_of({"message": "gone"}, 404), NotFound)
    assert isinstance(error_of({}, 502), Unavailable)
    assert "418" in error_of({}, 418).message


def test_errors_survive_pickling_with_hint_and_details():
    error = pickle.loads(pickle.dumps(Conflict("taken", hint="rename", details={"name": "a"})))
    assert (str(error), error.details) == ("taken (rename)", {"name": "a"})


def test_near_names_ignore_case_and_are_best_first():
    assert near_names("Acuracy", ["loss", "auc", "accuracy"])[0] == "accuracy"
    assert near_names("zzz", ["accuracy"]) == []


@pytest.mark.parametrize(
    ("written", "known", "near"),
    [
        ("loss", ["os", "host"], []),
        ("lss", ["os", "loss"], ["loss"]),
        ("acu", ["loss", "auc"], ["auc"]),
        ("buc", ["auc"], ["auc"]),
        ("auc", ["acc", "validation_auc"], ["validation_auc", "acc"]),
        ("nothing", ["notes", "os"], []),
    ],
)
def test_a_short_name_is_near_only_by_a_slip_or_where_it_is_held(written, known, near):
    assert near_names(written, known) == near
