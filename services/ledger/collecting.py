"""How often Python looks for garbage in cycles while the ledger records."""

import gc

YOUNG_OBJECTS = 100_000
"""A batch makes some 50,000 objects, all of which live until its commit and none in a cycle.

By default Python goes over the young ones every 700: a fifth of the ledger's time.
"""


def collect_seldom() -> None:
    """Look for garbage about once a batch, and never again among what the start has made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
