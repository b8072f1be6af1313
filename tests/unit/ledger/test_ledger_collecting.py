"""Python looks for garbage about once a batch, and no more among what the start has made."""

import gc
from collections.abc import Iterator

import pytest

from services.ledger.collecting import YOUNG_OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_it_looks_seldom_and_not_at_what_is_old() -> None:
    later = gc.get_threshold()[1:]
    collect_seldom()
    assert gc.get_threshold() == (YOUNG_OBJECTS, *later)
    assert gc.get_freeze_count() > 0
    assert gc.isenabled()
