"""What a counter of the machine's energy is, and which one a worker may be told to take."""

from enum import StrEnum
from typing import Protocol

from shared.domain.savings import EnergyMethod


class EnergyMeter(StrEnum):
    """How a worker learns the machine's energy."""

    AUTO = "auto"
    RAPL = "rapl"
    CODECARBON = "codecarbon"
    NONE = "none"


class EnergyCounter(Protocol):
    """Counts the energy that the whole machine uses."""

    @property
    def method(self) -> EnergyMethod:
        """Measured where hardware counts the energy, modelled where a formula tells it."""

    def joules(self) -> float | None:
        """Used since the counter was opened; None where it cannot be told now."""
