"""CodeCarbon as a counter of the machine's energy, where Linux' own counters are out of reach.

Where CodeCarbon reads a processor's energy counters itself (Windows 11, for one), its figure for
the processor is measured. Elsewhere it multiplies a power from its tables by the load, and adds an
estimate for the memory (its documentation, "Methodology"): modelled. Graphics processors are left
out of both: a share by CPU time says nothing of them, and handlers declare them as `Accelerators`.
Only CodeCarbon's energy is used; it is kept from files and networks.
"""

import logging
from typing import Any

import structlog
from codecarbon import OfflineEmissionsTracker
from codecarbon.output_methods.base_output import BaseOutput
from codecarbon.output_methods.emissions_data import EmissionsData

from shared.domain.savings import JOULES_PER_KWH, EnergyMethod
from shared.errors import ConfigurationError

RENEW_SECONDS = 3600.0
"""A tracker keeps every second's load until it ends, and adds all of them up at every look: after
a month a look takes 0.07 s. So a new one takes over every hour."""

NEVER_SECONDS = 1e6
"""Longer than a tracker lives."""

COUNTED_CPUS = frozenset({"CPU(Intel Rapl)", "CPU(Windows Emi)"})
"""What CodeCarbon calls processors whose energy counters it reads."""

# Every option that could write, send or scale something is set, because what is not set here would
# be read from the user's `.codecarbon.config`. The powers that a user may know (`force_cpu_power`,
# `force_ram_power`) are left to that file.
OPTIONS: dict[str, Any] = {
    "tracking_mode": "machine",
    "allow_multiple_runs": True,  # no lock file
    # We alone ask for measurements: two threads that measure would count the same time twice.
    "measure_power_secs": NEVER_SECONDS,
    "api_call_interval": -1,
    "output_dir": ".",
    "output_methods": [],
    "emissions_endpoint": False,
    "electricitymaps_api_token": "",
    # The grams are not used. With an intensity of our own it looks none up, and any country does.
    "force_carbon_intensity_g_co2e_kwh": 0.0,
    "country_iso_code": "USA",
    "country_2letter_iso_code": None,
    "region": None,
    "cloud_provider": None,
    "cloud_region": None,
    "pue": 1.0,  # the machine's energy, not its data centre's
    "wue": 0.0,
    "rapl_include_dram": True,
    "log_level": "error",
}

log = structlog.get_logger()


class _LastTotal(BaseOutput):
    """Keeps the total that a tracker gives out."""

    def __init__(self) -> None:
        self.total: EmissionsData | None = None

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:  # noqa: ARG002 - its interface
        self.total = total


class CodeCarbon:
    """The machine's energy since this was made, in joules, as CodeCarbon knows it.

    Its thread samples the load every second until `close`. One thread at a time may use this.
    """

    def __init__(self) -> None:
        """Start a tracker.

        Raises:
            ConfigurationError: CodeCarbon finds nothing here that it could tell.
        """
        self._earlier_joules = 0.0
        self._failed = False
        self._last = _LastTotal()
        self._tracker = _started(self._last)
        self.method = _method(self._tracker)
        if self.joules() is None:
            self.close()
            raise ConfigurationError(
                "ENERGY_METER=codecarbon: CodeCarbon cannot start here; `codecarbon detect` shows "
                "what it finds"
            )

    def joules(self) -> float | None:
        """Used by processors and memory since the start; None where CodeCarbon fails to tell."""
        self._last.total = None
        self._tracker.flush()  # swallows its errors, and then gives out no total
        total = self._last.total
        if total is None:
            if not self._failed:
                log.warning("CodeCarbon does not tell the machine's energy any more")
            self._failed = True
            return None
        if total.duration >= RENEW_SECONDS:
            self._renew()
            return self._earlier_joules
        return self._earlier_joules + self._joules_of(total)

    def close(self) -> None:
        """End the tracker and its thread."""
        self._tracker.stop()

    def _renew(self) -> None:
        self._tracker.stop()
        if self._last.total is not None:
            self._earlier_joules += self._joules_of(self._last.total)
        self._tracker = _started(self._last)

    def _joules_of(self, total: EmissionsData) -> float:
        kwh = total.cpu_energy
        if self.method is EnergyMethod.MODELLED:
            kwh += total.ram_energy  # an estimate even where the processor is measured
        return kwh * JOULES_PER_KWH


def _started(last: _LastTotal) -> OfflineEmissionsTracker:
    logger = logging.getLogger("codecarbon")
    logger.setLevel(logging.ERROR)  # it logs before it has read its own `log_level`
    tracker = OfflineEmissionsTracker(output_handlers=[last], **OPTIONS)
    logger.handlers.clear()  # its errors go where ours go
    logger.propagate = True
    tracker.start()
    return tracker


def _method(tracker: OfflineEmissionsTracker) -> EnergyMethod:
    """Measured where every processor is said to be counted; modelled where that is not said."""
    # No public name tells how a processor is followed; this is its record of the run.
    record: dict[str, Any] = getattr(tracker, "_conf", {})
    hardware = [str(part) for part in record.get("hardware", ())]
    cpus = [part for part in hardware if not part.startswith(("RAM", "GPU"))]
    counted = bool(cpus) and COUNTED_CPUS.issuperset(cpus)
    return EnergyMethod.MEASURED if counted else EnergyMethod.MODELLED
