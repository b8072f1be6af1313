"""Meters what the machine uses: by its own counters, or by CodeCarbon where that is chosen.

A handler that has a better meter, such as a GPU's own counter, tells its figure with
`context.record_energy_kwh`; that outranks what is metered here.
"""

from shared.metering.choice import energy_counter
from shared.metering.counter import EnergyCounter, EnergyMeter
from shared.metering.meter import Mark, Meter
from shared.metering.rapl import Rapl, find_rapl

__all__ = [
    "EnergyCounter",
    "EnergyMeter",
    "Mark",
    "Meter",
    "Rapl",
    "energy_counter",
    "find_rapl",
]
