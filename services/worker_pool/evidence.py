"""Gathers what is known of the energy of a run, for `shared.domain.energy` to weigh."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import structlog

from services.worker_pool.notes import Notes
from shared.domain.energy import Energy, Evidence
from shared.domain.savings import EnergyMethod, energy_kwh
from shared.handlers import Accelerators, Handler, Watts
from shared.messages import QueuedJob

log = structlog.get_logger()


def gather(
    handler: Handler | None,
    queued: QueuedJob,
    seconds: float,
    notes: Notes | None = None,
    cpu_seconds: float | None = None,
    share: Energy | None = None,
) -> Evidence:
    """All that is known of the energy of one run.

    Args:
        handler: what ran; None where nothing did.
        queued: the job, which may declare a power or an energy.
        seconds: how long it ran.
        notes: what the handler told.
        cpu_seconds: the run's time on the CPU, if it is known.
        share: its share of what the machine used, measured or modelled, if that is metered.
    """
    share_kwh = {} if share is None else {share.method: share.energy_kwh}
    declares = None if handler is None else handler.energy
    powered = declares.watts if isinstance(declares, Watts) else None
    return Evidence(
        seconds=seconds,
        recorded=() if notes is None else tuple(notes.recorded),
        measured_kwh=share_kwh.get(EnergyMethod.MEASURED),
        declared_kwh=queued.job.declared_energy_kwh(seconds),
        handler_kwh=None if powered is None else energy_kwh(powered, seconds),
        estimated_kwh=None if handler is None else _estimated(handler, queued.payload, seconds),
        modelled_kwh=share_kwh.get(EnergyMethod.MODELLED),
        cpu_seconds=cpu_seconds,
        accelerator_watts=declares.watts if isinstance(declares, Accelerators) else 0.0,
    )


def _estimated(handler: Handler, payload: Mapping[str, Any], seconds: float) -> float | None:
    """What the handler's own function says; a broken one says nothing and fails no job."""
    if handler.energy is None or isinstance(handler.energy, Watts | Accelerators):
        return None
    try:
        value = float(handler.energy(handler.arguments(payload, None)[0], seconds))
    except Exception as error:  # noqa: BLE001 - users' code
        log.warning("the handler's energy function failed", type=handler.type, error=str(error))
        return None
    if isfinite(value) and value >= 0:
        return value
    log.warning("the handler's energy function gave no energy", type=handler.type, value=value)
    return None
