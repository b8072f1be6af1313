"""How often Python looks for garbage in cycles while the ledger records."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 100_000
"""A batch makes some 50,000 objects, all of which live until its commit and none in a cycle.

By default Python goes over the young ones every 700: a fifth of the ledger's time.
"""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for garbage about once a batch, and not at all among what the start has made."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
