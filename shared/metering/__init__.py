"""Measures what the machine uses, where the machine says so.

A handler that has a better meter, such as CodeCarbon's tracker or a GPU's own counter, tells its
figure with `context.record_energy_kwh`; that outranks what is measured here.
"""

from shared.metering.meter import Mark, Meter
from shared.metering.rapl import Rapl, find_rapl

__all__ = ["Mark", "Meter", "Rapl", "find_rapl"]
