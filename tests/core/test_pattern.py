"""Regular expressions: what they find, what they refuse, and that no text makes them slow."""

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbproof.core.pattern import Pattern, PatternError, matches

PIECES = ["a", "b", "1", "[ab]", "[^a]", "[a-c1]", ".", "(", "(?:", ")", "|", "*", "+", "?", "{2}", "{1,3}"]
PIECES += ["{0,}", "^", "$", r"\d", r"\W", r"\.", "-", "x", "*?", r"\b", r"\B", r"\A", r"\x61", r"\u0062"]


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("ann", ["ann", "joanne"], ["an", "Ann", ""]),
        ("^ann$", ["ann"], ["joanne", "anna", "ann\n"]),
        ("(?i)^RANDOM.forest", ["Random Forest", "random\nforest"], ["a random forest"]),
        (r"v[0-9]+\.[0-9]+", ["v1.2", "xv10.20x"], ["v1x2"]),
        ("^(xgb|rf)-?v?2$", ["xgb2", "rf-v2"], ["xgb", "rf--2"]),
        (r"^\w+\s\w+$", ["two words"], ["two  words", "ä b"]),
        ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^(ab){2}$", ["abab"], ["ab", "ababab"]),
        ("^[^a-c]+$", ["xyz", "ü🎈"], ["a", "xb", ""]),
        ("[]x-]", ["]", "x", "-"], ["a"]),
        ("🎈", ["a 🎈"], ["a"]),
        ("", ["", "a"], []),
        ("^$", [""], ["a"]),
        ("a|", ["", "b"], []),
        (r"\bforest\b", ["forest", "a forest.", "rf-forest v2"], ["forests", "my_forest"]),
        (r"\Bforest", ["my_forest"], ["forest", "a forest"]),
        (r"\Av\d\z", ["v1"], ["v1\n", " v1"]),
        (r"^\bxgb|rf\b$", ["xgb2", "a rf"], ["a xgb", "rf2"]),
        (r"^\x78\u00e9\t\f$", ["xé\t\f"], ["xe\t\f"]),
    ],
)
def test_a_pattern_is_found_anywhere_unless_it_says_where(pattern, found, not_found):
    assert [text for text in found + not_found if Pattern(pattern).matches(text)] == found


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.lists(st.text("ab1x-.\n", max_size=7)))
def test_what_is_read_means_what_it_means_to_python(pattern, texts):
    try:
        own = Pattern(pattern)
    except PatternError:
        return
    theirs = re.compile(pattern.replace("$", r"\Z"), re.DOTALL | re.ASCII)
    for text in texts:
        if text == "" and r"\B" in pattern:
            continue  # what Python says of that depends on its version
        assert own.matches(text) == bool(theirs.search(text)), (pattern, text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30), st.text(max_size=10))
def test_any_text_is_a_pattern_or_told_why_not(pattern, text):
    with contextlib.suppress(PatternError):
        Pattern(pattern).matches(text)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "^(a|a?)+$", "(.*)*x", "(a*)*b", "^(a?){50}a{50}$"]
)
def test_patterns_that_take_others_for_ever_take_a_step_a_character(pattern):
    # A machine that tried every way would not come back before the test is given up.
    assert not Pattern(pattern).matches("a" * 20_000 + "!")


def test_ever_new_texts_do_not_fill_the_memory():
    pattern = Pattern("(x|y)*x(x|y){12}z")
    for number in range(3_000):
        pattern.matches(format(number * 7919, "b").replace("0", "x").replace("1", "y") * 3)
    assert len(pattern._steps) <= 2_000


@pytest.mark.parametrize(
    ("pattern", "position", "expected"),
    [
        ("a(b", 3, "the closing parenthesis of position 2"),
        ("a)", 1, "an opening parenthesis"),
        ("*a", 0, "something to repeat"),
        ("a**", 2, "one number of times"),
        ("a{2", 1, "a number of times"),
        ("a{5,2}", 1, "a number of times"),
        ("a{1000}", 1, "a number of times"),
        ("^*", 1, "something else"),
        ("[ab", 3, "the ]"),
        ("[b-a]", 1, "a range"),
        (r"[\D]", 1, r"\d, \w or \s"),
        (r"\q", 0, r"one of \d"),
        (r"\b+", 2, "something else"),
        (r"[\b]", 1, r"one of \d"),
        (r"a\x0", 1, "2 hex digits"),
        (r"\u0000", 0, "4 hex digits that name a character"),
        (r"\ud800", 0, "4 hex digits that name a character"),
        (r"(a)\1", 3, r"one of \d"),
        ("(?=a)", 0, "a plain group"),
        ("a\\", 1, r"one of \d"),
        ("(" * 60 + ")" * 60, 50, "at most 50 groups"),
        ("((a{100}){100}){100}", 0, "a shorter pattern"),
    ],
)
def test_what_cannot_be_read_is_told_by_position(pattern, position, expected):
    with pytest.raises(PatternError) as caught:
        Pattern(pattern)

    assert caught.value.position == position
    assert expected in caught.value.expected


def test_what_is_null_is_unknown():
    assert matches("a", None) is None
    assert matches("1", 12) is True
