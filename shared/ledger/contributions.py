"""What one job adds to the roll-ups: a pure function of its row.

Whole millionths stand for grams and seconds, and thousand-millionths for kWh, so that what is
added can be taken away again to the last digit, in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from shared.domain.energy import MOST_KWH
from shared.domain.jobs import FINAL_STATES
from shared.domain.savings import EnergyMethod, IntensityMethod
from shared.ledger.stored import WORDS

PER_GRAM = 10**6
PER_SECOND = 10**6
PER_KWH = 10**9
LARGEST = 10 * round(MOST_KWH) * PER_KWH
"""Of one job's figure: 100 GWh, or 100,000 t. Ten times what a run can have used leaves room for
several attempts, and for a grid of 10,000 g/kWh; beyond it sums of 64 bits might not hold."""
DAY_SECONDS = 86_400
_DAY_MICROSECONDS = DAY_SECONDS * 10**6
NOT_ENDED = 0
"""The day of jobs that have not ended."""
AMOUNTS = (
    "jobs", "ran_jobs", "known_jobs", "promised_jobs", "missed_deadlines", "waited_jobs",
    "wait_microseconds", "energy_microwatt_hours", "wasted_microwatt_hours", "emissions_micrograms",
    "baseline_micrograms", "reference_micrograms", "avoided_micrograms", "promised_micrograms",
    "realised_micrograms", "deferred_jobs", "deferred_wait_microseconds",
    "deferred_avoided_micrograms", "energy_measured_jobs", "energy_modelled_jobs",
    "energy_declared_jobs", "intensity_observed_jobs", "intensity_forecast_jobs",
    "intensity_carried_jobs", "half_known_jobs", "half_known_emissions_micrograms",
    "unaccounted_jobs", "unaccounted_microwatt_hours",
)  # fmt: skip
"""The columns of `daily` that are counts and sums, in their order."""
WAIT_COLUMNS = (
    *("day", "region", "type", "priority", "signal", "simulated"),
    *("bucket", "jobs", "wait_microseconds"),
)
"""What `daily_waits` holds, were there a row for each bucket: a key of seven, and two amounts."""
NEEDED = (
    "type", "priority", "region", "state", "finished_at", "deadline", "replayed_deadline",
    "attempts", "deferrals", "wait_seconds", "wait_bucket", "promised_g", "signal", "simulated",
    "energy_kwh", "wasted_kwh", "energy_method", "emissions_g", "baseline_g", "reference_g",
    "avoided_g", "intensity_method",
)  # fmt: skip
"""The columns of `jobs` that a contribution rests on."""
_FINAL = frozenset(WORDS[state.value] for state in FINAL_STATES)
_ENERGY_METHODS = tuple(WORDS[method.value] for method in EnergyMethod)
_INTENSITY_METHODS = tuple(WORDS[method.value] for method in IntensityMethod)

Row = Mapping[str, Any]
Key = tuple[int | str | bool, ...]
Amounts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a job adds to `daily`, and to `daily_waits` if it waited: keys with their amounts."""

    key: Key
    amounts: Amounts
    wait_key: Key | None
    wait_amounts: Amounts


def contribution(row: Row) -> Contribution:
    """What a job adds.

    Args:
        row: the columns in `NEEDED`, as they are stored; its keys are, too.
    """
    ended = row["state"] in _FINAL and row["finished_at"] is not None
    day = row["finished_at"] // _DAY_MICROSECONDS if ended else NOT_ENDED
    place = (day, row["region"] or "", row["type"] or "", row["priority"] or "")
    kind = (row["signal"] or "", bool(row["simulated"]))
    key = (*place, row["state"], *kind)
    if not ended or row["attempts"] == 0:
        return Contribution(key, (1, *(0,) * (len(AMOUNTS) - 1)), None, ())
    waited = row["wait_seconds"] is not None
    wait_key = (*place, *kind, row["wait_bucket"]) if waited else None
    wait = whole(row["wait_seconds"], PER_SECOND)
    return Contribution(key, _amounts(row, wait, waited=waited), wait_key, (1, wait))


def whole(value: float | None, per_unit: int) -> int:
    """A figure in whole parts of its unit, halves away from 0; nothing for an unknown one.

    One that is no number is unknown too.
    """
    if value is None or isnan(value):
        return 0
    scaled = max(-LARGEST, min(LARGEST, value * per_unit))
    return int(scaled + 0.5) if scaled >= 0 else -int(0.5 - scaled)


def _amounts(row: Row, wait: int, *, waited: bool) -> Amounts:
    """The amounts of a job that ran and ended, in the order of `AMOUNTS`."""
    known = row["avoided_g"] is not None
    promised = known and row["promised_g"] is not None
    deferred = known and row["deferrals"] > 0
    deadline = row["replayed_deadline"] or row["deadline"]
    avoided = whole(row["avoided_g"], PER_GRAM)
    half_known = not known and row["emissions_g"] is not None
    unaccounted = not known and row["energy_kwh"] is not None
    return (
        1,
        1,
        known,
        promised,
        deadline is not None and row["finished_at"] > deadline,
        waited,
        wait,
        whole(row["energy_kwh"], PER_KWH) if known else 0,
        whole(row["wasted_kwh"], PER_KWH) if known else 0,
        whole(row["emissions_g"], PER_GRAM) if known else 0,
        whole(row["baseline_g"], PER_GRAM) if known else 0,
        whole(row["reference_g"], PER_GRAM) if known else 0,
        avoided,
        whole(row["promised_g"], PER_GRAM) if promised else 0,
        avoided if promised else 0,
        deferred,
        wait if deferred else 0,
        avoided if deferred else 0,
        *(row["energy_method"] == method for method in _ENERGY_METHODS),
        *(row["intensity_method"] == method for method in _INTENSITY_METHODS),
        half_known,
        whole(row["emissions_g"], PER_GRAM) if half_known else 0,
        unaccounted,
        whole(row["energy_kwh"], PER_KWH) if unaccounted else 0,
    )
