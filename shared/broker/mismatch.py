"""What to do about a queue that the broker holds with other arguments than this version has.

A broker never changes a queue's arguments, and a queue that is deleted takes its messages along; so
nothing is migrated by itself, and whoever upgrades is told how.
"""

import re
from collections.abc import Mapping

KEEP_HISTORY = "stream"
_DIFFERENCE = re.compile(r"inequivalent arg '([^']+)'.*?received (.*?) but current is (.*?)$")


def explain_mismatch(name: str, arguments: Mapping[str, str | int], refusal: str) -> str:
    """One line that says what differs and how to get from the old queue to the new one.

    Args:
        name: the queue's.
        arguments: those that this version wants.
        refusal: the broker's own words.
    """
    found = _DIFFERENCE.search(" ".join(refusal.split()))
    what = " ".join(refusal.split())
    if found is not None:
        argument, wanted, held = found.groups()
        what = f"{argument} is {_plain(held)}, and this version wants {_plain(wanted)}"
    return (
        f"the queue {name} was declared by another version: {what}. The broker cannot change that; "
        f"{_way(arguments)}"
    )


def _way(arguments: Mapping[str, str | int]) -> str:
    again = "delete it and run `carbon-aware setup` again"
    if arguments.get("x-queue-type") == KEEP_HISTORY:
        return f"stop the services, {again}; the history of its last days is lost with it"
    return (
        "set NAMESPACE to start beside it and let the old version finish what it has; or stop "
        f"whoever publishes to it, let it run empty, stop the services, {again}"
    )


def _plain(value: str) -> str:
    """`the value '100' of type 'long'` as `100`; anything else as it is."""
    quoted = re.search(r"'([^']*)'", value)
    return quoted[1] if quoted else value
