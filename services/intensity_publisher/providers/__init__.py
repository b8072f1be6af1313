"""Sources of carbon intensity: one client each, behind one protocol."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.grid import Forecast, Reading, Signal


@dataclass(frozen=True, slots=True)
class Observation:
    """What a source says of a region now.

    Attributes:
        reading: the point that holds now; its values are None where the source has none.
        forecast: what it expects from now on; None where it gives none.
        warnings: what is odd about the data, in words.
    """

    reading: Reading
    forecast: Forecast | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a source has no forecast of a region, and when that was last found out."""

    at: datetime
    reason: str


class Source(Protocol):
    """A source of carbon intensity."""

    name: str
    signal: Signal

    async def observe(self, region: str, now: datetime) -> Observation:
        """Ask for the current point and the forecast of a region.

        Raises:
            SourceUnreachable: no usable answer; later may help.
            ConfigurationError: it will not answer until a setting is changed.
        """
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...
