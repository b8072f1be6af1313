"""WattTime's data documents, built from a replay."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.watttime_emulator.queries import MOER
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import POINTS_PER_HOUR, Replay, pounds

Document = dict[str, Any]

MODEL_DATE = date(2021, 2, 1)
MODEL_TYPE = "binned_regression"
UNITS = "lbs_co2_per_mwh"
DATA_START = datetime(2018, 1, 1, tzinfo=UTC)
ALL_ENDPOINTS = ("v3/signal-index", "v3/forecast", "v3/forecast/historical", "v3/historical")
FREE_ENDPOINTS = ("v3/signal-index",)


@dataclass(frozen=True, slots=True)
class Revision:
    """History that was published before an instant and has been revised.

    Attributes:
        at: points that begin before it are revised.
        after: how old each of them was when it was revised; None where all were, at `at`.
    """

    at: datetime
    percent: float
    after: timedelta | None = None

    def updated_at(self, point_time: datetime) -> datetime:
        """When a point got its present value."""
        return self.at if self.after is None else point_time + self.after


def signal_index(region: Region, at: datetime, model: date) -> Document:
    """How the current point ranks in the next 24 hours."""
    replay = region.replay
    slot = replay.slot(at)
    point = {"point_time": _time(replay, slot), "value": round(replay.percentile(slot), 1)}
    return {"data": [point], "meta": _meta(region, {"date": str(model)}, units="percentile")}


def forecast(region: Region, at: datetime, model: date, hours: int) -> Document:
    """The forecast issued in the current slot, which is its first point."""
    slot = region.replay.slot(at)
    meta = _meta(region, {"date": str(model)}) | {
        "generated_at_period_seconds": region.replay.period,
        "generated_at": _time(region.replay, slot),
    }
    return {"data": _forecast_points(region.replay, slot, hours), "meta": meta}


def past_forecasts(region: Region, slots: range, model: date, hours: int) -> Document:
    """The forecasts issued in some slots."""
    replay = region.replay
    data = [
        {"generated_at": _time(replay, slot), "forecast": _forecast_points(replay, slot, hours)}
        for slot in slots
    ]
    meta = _meta(region, {"date": str(model)})
    return {"data": data, "meta": meta | {"generated_at_period_seconds": replay.period}}


def history(
    region: Region,
    slots: range,
    model: date,
    *,
    revision: Revision | None = None,
    updated_since: datetime | None = None,
    imputed_marker: bool = False,
) -> Document:
    """What was recorded in some slots."""
    marker = {"imputed_data_used": False} if imputed_marker else {}
    data = []
    for slot in slots:
        updated, value = _recorded(region.replay, slot, revision)
        if updated_since is None or updated >= updated_since:
            time = _time(region.replay, slot)
            point = {"point_time": time, "value": value, "last_updated": updated.isoformat()}
            data.append(point | marker)
    return {"data": data, "meta": _meta(region, {"type": MODEL_TYPE, "date": str(model)})}


def published_slots(replay: Replay, start: datetime, end: datetime, now: datetime) -> range:
    """The slots that begin within `start` and `end`, both inclusive, as far as known by now."""
    first = replay.first_slot(max(start, DATA_START))
    return range(first, replay.slot(min(end, now)) + 1)


def access_of(region: Region, model: date, endpoints: tuple[str, ...]) -> Document:
    """An entry of the access list."""
    day = str(DATA_START.date())
    known = {
        "model": str(model),
        "data_start": day,
        "train_start": day,
        "train_end": str(MODEL_DATE),
        "type": MODEL_TYPE,
    }
    return {
        "region": region.name,
        "region_full_name": region.full_name,
        "parent": region.parent,
        "data_point_period_seconds": region.replay.period,
        "endpoints": [{"endpoint": name, "models": [dict(known)]} for name in endpoints],
    }


def _meta(region: Region, model: dict[str, str], units: str = UNITS) -> Document:
    return {
        "data_point_period_seconds": region.replay.period,
        "region": region.name,
        "warnings": [_simulated(region.replay)],
        "signal_type": MOER,
        "model": model,
        "units": units,
    }


def _simulated(replay: Replay) -> dict[str, str]:
    trace = replay.trace
    recorded = f"{trace.start:%Y-%m-%d} to {trace.time_of(len(trace)):%Y-%m-%d}"
    message = f"Simulated: recorded data of {recorded}, replayed at {replay.speed:g}x; not live."
    return {"type": "SIMULATED_DATA", "message": message}


def _forecast_points(replay: Replay, slot: int, hours: int) -> list[Document]:
    values = replay.forecast(slot, max(1, hours * POINTS_PER_HOUR))
    return [
        {"point_time": _time(replay, at), "value": pounds(value)}
        for at, value in enumerate(values, start=slot)
    ]


def _recorded(replay: Replay, slot: int, revision: Revision | None) -> tuple[datetime, float]:
    at, value = replay.time_of(slot), replay.value(slot)
    if revision is None or at >= revision.at:
        return at, pounds(value)
    return revision.updated_at(at), pounds(value * (1 + revision.percent / 100))


def _time(replay: Replay, slot: int) -> str:
    return replay.time_of(slot).isoformat()
