"""Python looks for garbage about once a batch, and not among what the start has made."""

import gc

import pytest

from services.ledger.collecting import YOUNG_OBJECTS, collecting_seldom


def test_it_looks_seldom_and_not_at_what_is_old() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with collecting_seldom():
        assert gc.get_threshold() == (YOUNG_OBJECTS, *usual[1:])
        assert gc.get_freeze_count() > frozen
        assert gc.isenabled()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0


def test_it_ends_with_what_goes_wrong() -> None:
    usual = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), collecting_seldom():
        raise ZeroDivisionError
    assert gc.get_threshold() == usual
