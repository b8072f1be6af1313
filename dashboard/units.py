"""One unit for all figures of a chart or a column, so that they can be compared."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard import words

_GRAMS = {"mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6}
_KWH = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_LONG = 3.0
"""A longer unit is taken where the largest figure is this many of it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, and how much of the base unit it is."""

    name: str
    size: float

    def of(self, value: float | None) -> float | None:
        """A value of the base unit in this one; None where it is unknown."""
        return None if value is None else value / self.size


def mass(grams: Iterable[float | None]) -> Unit:
    """The unit that suits the largest of some masses."""
    name = words.mass(_largest(grams))[1]
    return Unit(name, _GRAMS[name])


def energy(kwh: Iterable[float | None]) -> Unit:
    """The unit that suits the largest of some energies."""
    name = words.energy(_largest(kwh))[1]
    return Unit(name, _KWH[name])


def time(seconds: Iterable[float | None]) -> Unit:
    """The unit that suits the largest of some spans."""
    largest = _largest(seconds)
    fitting = [name for name, size in _SECONDS.items() if largest >= _LONG * size]
    name = fitting[-1] if fitting else "s"
    return Unit(name, _SECONDS[name])


def _largest(values: Iterable[float | None]) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)
