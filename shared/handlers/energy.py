"""What a handler may declare of the energy that its jobs use."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any


def _checked(watts: float) -> None:
    if not (isfinite(watts) and watts >= 0):
        raise ValueError(f"watts: {watts} is not a power")


@dataclass(frozen=True, slots=True)
class Watts:
    """The whole power that a job of this handler draws while it runs: `energy=Watts(250)`.

    It stands in for jobs that declare neither `power_watts` nor `energy_kwh` themselves.
    """

    watts: float

    def __post_init__(self) -> None:
        _checked(self.watts)


@dataclass(frozen=True, slots=True)
class Accelerators:
    """Power of what no CPU figure contains, such as GPUs: added to it while the handler runs."""

    watts: float

    def __post_init__(self) -> None:
        _checked(self.watts)


EnergyUse = Watts | Accelerators | Callable[[Any, float], float]
"""A power, accelerators beside the CPU, or a function of (payload, seconds) that gives kWh."""
