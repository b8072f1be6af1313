"""What makes a new version of a settled account: other figures, not other digits."""

from collections.abc import Mapping
from enum import StrEnum
from math import isclose
from typing import Any

SAME_WITHIN = 1e-9
"""Relative: sums of the same parts differ by less, whatever the order they are added in."""
COMPARED = ("signal", "simulated", "energy_kwh", "wasted_kwh", "emissions_g", "baseline_g")
"""What an account says; its other figures follow from these."""


class RevisionCause(StrEnum):
    """Why a settled account changed.

    `revised`: a source revised readings that it rests on. `late`: readings, or words on how the
    job ran, came after it was settled.
    """

    REVISED = "revised"
    LATE = "late"


def is_revised(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two accounts of a job say different things, in figures or in kind."""
    return any(differs(before[name], after[name]) for name in COMPARED)


def differs(before: object, after: object) -> bool:
    """Whether a figure is another one beyond rounding, or is known where it was not."""
    if isinstance(before, int | float) and isinstance(after, int | float):
        return not isclose(before, after, rel_tol=SAME_WITHIN)
    return before != after
