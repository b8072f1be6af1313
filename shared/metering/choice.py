"""Opens the counter that the setting ENERGY_METER names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from shared.errors import ConfigurationError
from shared.metering.counter import EnergyCounter, EnergyMeter
from shared.metering.rapl import POWERCAP, find_rapl

if TYPE_CHECKING:
    from shared.metering.codecarbon_counter import CodeCarbon

log = structlog.get_logger()


@asynccontextmanager
async def energy_counter(
    choice: EnergyMeter, root: Path = POWERCAP
) -> AsyncIterator[EnergyCounter | None]:
    """The chosen counter, open as long as the block runs; None where there is none to have.

    Args:
        choice: `auto` takes RAPL where it can be read and nothing elsewhere.
        root: where Linux shows its counters.

    Raises:
        ConfigurationError: what is asked for by name is not there; the line says what to do.
    """
    if choice is EnergyMeter.CODECARBON:
        # In a thread: its import and its look at the hardware take more than a second.
        tracker = await asyncio.to_thread(_codecarbon)
        try:
            _say(choice, tracker)
            yield tracker
        finally:
            await asyncio.to_thread(tracker.close)
        return
    rapl = None if choice is EnergyMeter.NONE else find_rapl(root)
    if rapl is None and choice is EnergyMeter.RAPL:
        raise ConfigurationError(_no_rapl(root))
    if rapl is not None:
        _say(EnergyMeter.RAPL, rapl)
    yield rapl


def _say(meter: EnergyMeter, counter: EnergyCounter) -> None:
    log.info("the energy of jobs is metered", meter=meter.value, method=counter.method.value)


def _codecarbon() -> "CodeCarbon":
    try:
        from shared.metering.codecarbon_counter import (  # noqa: PLC0415 - optional, and slow to load
            CodeCarbon,
        )
    except ImportError as error:
        raise ConfigurationError(
            f"ENERGY_METER=codecarbon: {error}; install it: pip install codecarbon"
        ) from error
    return CodeCarbon()


def _no_rapl(root: Path) -> str:
    if not any(root.glob("intel-rapl:*")):
        return (
            f"ENERGY_METER=rapl: this machine shows no energy counters in {root}, as most virtual "
            "machines; choose auto, codecarbon or none"
        )
    return (
        f"ENERGY_METER=rapl: the energy counters in {root} are not readable for this user; "
        f"grant them, until the next boot: sudo chmod o+r {root}/intel-rapl:*/energy_uj"
    )
