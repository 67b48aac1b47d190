"""Words into asks."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from nbproof.core.errors import Invalid
from nbproof.core.operation import Ask, Json, Positional, operation
from nbproof.platform.argv import (
    HelpAsked,
    ask_from,
    call_from,
    command_form,
    magic_form,
    read_value,
    split_line,
)
from nbproof.platform.rooms import find_operation, operations


class Kitchen:
    """A service."""

    def cook(self, dish: str, heat: float, *spices: str, pot: bool = False, **rest: Any) -> None:
        """Cook a dish.

        Parameters
        ----------
        dish : str
        """


class Cook(Ask):
    """What to cook."""

    dish: str
    heat: Annotated[float, Positional]
    spices: Annotated[list[str], Positional] = Field(default_factory=list)
    extras: dict[str, Json] = Field(default_factory=dict)
    with_lid: bool = False
    guests: list[str] = Field(default_factory=list)


@operation("kitchen.cook", "POST /dishes/{dish}", action="write", python="cook", cli="cook", magic="cook")
def cook(kitchen: Kitchen, ask: Cook) -> None:
    """Cook a dish."""


def command(line: str) -> Cook:
    form = command_form(cook)
    ask = ask_from(cook, form, form.read(split_line(line)))
    assert isinstance(ask, Cook)
    return ask


def magic(name: str, line: str) -> tuple[str, list[Any], dict[str, Any]]:
    declared = next(each for each in operations() if each.magic == name)
    form = magic_form(declared)
    return call_from(declared, form, form.read(split_line(line)))


def test_path_and_positional_fields_are_told_by_place_and_flags_stand_anywhere():
    ask = command(
        "--with-lid soup --extra salt=2 -1.5 pepper --guests ann chili --guests=bob --extra hot=true"
    )
    assert ask == Cook(
        dish="soup",
        heat=-1.5,
        spices=["pepper", "chili"],
        extras={"salt": 2, "hot": True},
        with_lid=True,
        guests=["ann", "bob"],
    )


def test_the_usage_line_says_all_of_it():
    assert command_form(cook).usage == (
        "nbproof cook DISH HEAT [SPICES...] [--extra KEY=VALUE]... [--with-lid] [--guests GUESTS]..."
    )


def test_a_switch_can_be_turned_off():
    assert command("soup 1 --no-with-lid").with_lid is False


def test_what_follows_two_dashes_is_no_flag():
    assert command("soup 1 -- --with-lid").spices == ["--with-lid"]


def test_help_is_asked_for():
    with pytest.raises(HelpAsked):
        command("soup --help")
    assert "Cook a dish." in command_form(cook).help()


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("soup", "HEAT is missing", "usage: nbproof cook"),
        ("soup hot", "HEAT: input should be a valid number", "usage"),
        ("soup 1 --with-lit", "no flag --with-lit", "did you mean --with-lid?"),
        ("soup 1 -x", "no flag -x", "follows --"),
        ("soup 1 --with-lid=yes", "takes no value", "usage"),
        ("soup 1 --extra salt", "KEY=VALUE", "usage"),
        ("soup 1 --guests", "--guests needs a value", "usage"),
        ("soup 1 --guests --with-lid", "--guests needs a value", "usage"),
        ("soup 1 'open", "is not closed", None),
    ],
)
def test_mistakes_name_the_word_and_the_way_out(line, message, hint):
    with pytest.raises(Invalid) as told:
        command(line)
    assert message in told.value.message
    assert hint is None or hint in (told.value.hint or "")
    assert "field" in told.value.details


def test_a_magic_is_the_call_of_the_service_in_words():
    assert magic("start_run", "--name 'my run' --tag a=b --tag c=d=e --param layers=[64, 32] --nested") == (
        "start_run",
        [],
        {"name": "my run", "tags": {"a": "b", "c": "d=e"}, "params": {"layers": [64, 32]}, "nested": True},
    )
    assert magic("log_metric", "loss -inf --step 3") == ("log_metric", ["loss", -math.inf], {"step": 3})
    assert magic("log_param", "flag True") == ("log_param", ["flag", True], {})
    assert magic("end_run", "--status failed") == ("end_run", [], {"status": "failed"})
    assert magic("log_artifact", "'a b.txt' --name c") == ("log_artifact", [Path("a b.txt")], {"name": "c"})


def test_types_of_a_magic_come_from_the_ask():
    _, _, named = magic("log_metric", "loss 1 --time 2026-01-02T03:04:05Z")
    assert named == {"time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
    with pytest.raises(Invalid, match="--step"):
        magic("log_metric", "loss 1 --step 1.5")


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("start_run", "[--name NAME] [--experiment EXPERIMENT] [--tag KEY=VALUE]..."),
        ("log_param", "%log_param KEY VALUE"),
        ("log_metric", "%log_metric KEY VALUE [--step N]"),
        ("log_artifact", "%log_artifact PATH [--name NAME]"),
        ("end_run", "%end_run [--status {finished,failed,interrupted,cancelled}]"),
    ],
)
def test_the_magics_of_tracking_have_their_flags(name, usage):
    declared = next(each for each in operations() if each.magic == name)
    assert usage in magic_form(declared).usage


def test_where_one_or_several_may_be_given_a_flag_comes_once_or_several_times():
    verb, positional, named = magic("drift", "sales@v1 sales@v2 --columns visits --columns city")
    assert (verb, positional) == ("detect_drift", ["sales@v1", "sales@v2"])
    assert named == {"columns": ["visits", "city"]}
    assert magic("drift", "sales@v1 sales@v2 --columns visits")[2] == {"columns": ["visits"]}


def test_every_magic_takes_words_where_its_method_takes_sequences():
    for each in operations():
        if each.magic:
            for argument in magic_form(each).arguments:
                assert argument.shape == "list" or "Sequence" not in str(argument.kind), argument


def test_every_declared_operation_has_a_form():
    for each in operations():
        assert command_form(each).help()
        if each.magic:
            assert magic_form(each).help()


def test_a_path_field_is_called_by_what_it_names():
    assert command_form(find_operation("runs.metric_history")).usage.startswith(
        "nbproof runs history RUN NAME"
    )
    assert command_form(find_operation("runs.list")).usage.startswith("nbproof runs list EXPERIMENT")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 0.001),
        ("true", True),
        ("True", True),
        ("None", None),
        ("adam", "adam"),
        ("007", "007"),
        ('{"a": 1}', {"a": 1}),
        ("{'a': (1, 2)}", {"a": (1, 2)}),
        ("[1, 'a']", [1, "a"]),
        ("[broken", "[broken"),
        ("inf", math.inf),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_any_value_is_read_as_json_or_stays_text(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a   b ", ["a", "b"]),
        ("name 'two words' \"it's\"", ["name", "two words", "it's"]),
        ('layers [64, "a b"] x', ["layers", '[64, "a b"]', "x"]),
        ("--param layers=[1, 2] --tag x=y", ["--param", "layers=[1, 2]", "--tag", "x=y"]),
        (r"C:\data\new a\ b", [r"C:\data\new", "a b"]),
        ("[1, 2]x y", ["[1,", "2]x", "y"]),
        ("''", [""]),
        ("(a [b) c", ["(a", "[b)", "c"]),
    ],
)
def test_a_line_is_split_as_a_shell_would_with_brackets_held_together(line, words):
    assert split_line(line) == words


@given(
    st.lists(
        st.text(
            alphabet=st.characters(exclude_characters="'\"\\[({=", exclude_categories=["Z", "C"]), min_size=1
        )
    )
)
def test_plain_words_survive(words):
    assert split_line(" ".join(words)) == words


@given(st.text(max_size=200))
def test_no_line_breaks_the_reader(line):
    try:
        words = split_line(line)
    except Invalid:
        return
    form = command_form(cook)
    with suppress(Invalid, HelpAsked):
        ask_from(cook, form, form.read(words))
