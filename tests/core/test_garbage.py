"""Python looks for garbage again after objects were made, as it did before."""

import gc

import pytest

from nbproof.core.garbage import uncollected


def test_an_error_leaves_it_as_it_was():
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.isenabled()


def test_it_stays_off_until_the_outer_of_two_blocks_ends():
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_has_turned_it_off_finds_it_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
