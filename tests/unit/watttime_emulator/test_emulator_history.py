"""History, and the forecasts that were issued in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.watttime_emulator.app import build_app
from services.watttime_emulator.replay import DEMO_START, pounds
from services.watttime_emulator.trace import Trace

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
MakeStage = Any
SLOT = datetime(2026, 1, 10, 12, tzinfo=UTC)
SPAN = {"start": "2026-01-10T11:00:00Z", "end": "2026-01-10T11:30:00Z"}


def _times(points: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(point["point_time"]) for point in points]


def _values(points: list[dict[str, Any]]) -> list[float]:
    return [point["value"] for point in points]


# -- history


async def test_history_has_the_documented_shape(stage: Stage) -> None:
    answer = (await stage.get("/v3/historical", **SPAN)).json()
    assert len(answer["data"]) == 7  # both ends belong to it
    first = answer["data"][0]
    assert set(first) == {"point_time", "value", "last_updated"}
    assert first["point_time"] == "2026-01-10T11:00:00+00:00"
    answer["meta"].pop("warnings")
    assert answer["meta"] == {
        "data_point_period_seconds": 300,
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "model": {"type": "binned_regression", "date": "2021-02-01"},
        "units": "lbs_co2_per_mwh",
    }


@pytest.mark.parametrize("speed", [1, 60])
async def test_a_week_of_points_before_the_start_is_the_recorded_week(
    make_stage: MakeStage, recorded: Trace, speed: float
) -> None:
    stage = await make_stage(speed)
    begin = SLOT - timedelta(days=7) / speed
    query = {"start": begin.isoformat(), "end": SLOT.isoformat()}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    place = recorded.place_of(DEMO_START)
    assert _values(points) == [pounds(v) for v in recorded.values[place - 2016 : place + 1]]
    assert _times(points)[0] == begin


async def test_seven_days_of_wall_time_are_served_at_60x_going_round(
    make_stage: MakeStage, recorded: Trace
) -> None:
    stage = await make_stage(60)
    begin = SLOT - timedelta(days=7)
    query = {"start": begin.isoformat(), "end": SLOT.isoformat()}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    assert len(points) == 7 * 17_280 + 1
    values = _values(points)
    assert values[: len(recorded)] == values[len(recorded) : 2 * len(recorded)]


async def test_history_ends_with_the_current_slot(stage: Stage) -> None:
    query = {"start": "2026-01-10T11:50:00Z", "end": "2026-01-11T00:00:00Z"}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    assert _times(points)[-1] == SLOT
    later = {"start": "2026-01-10T12:05:00Z", "end": "2026-01-11T00:00:00Z"}
    assert (await stage.get("/v3/historical", **later)).json()["data"] == []


async def test_history_reaches_back_to_the_access_list_s_data_start(stage: Stage) -> None:
    access = (await stage.get("/v3/my-access")).json()["signal_types"][0]["regions"][0]
    start = access["endpoints"][0]["models"][0]["data_start"]
    query = {"start": "2017-12-31T12:00:00Z", "end": "2018-01-01T12:00:00Z"}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    assert points[0]["point_time"] == f"{start}T00:00:00+00:00"


async def test_the_imputed_marker_comes_when_it_is_asked_for(stage: Stage) -> None:
    query = SPAN | {"include_imputed_marker": "true"}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    assert {point["imputed_data_used"] for point in points} == {False}


async def test_updated_since_leaves_out_what_is_older(stage: Stage) -> None:
    query = SPAN | {"updated_since": "2026-01-10T11:20:00Z"}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    assert [time.minute for time in _times(points)] == [20, 25, 30]


@pytest.mark.parametrize(
    "start",
    [
        "2026-01-10T11:00:00Z",
        "2026-01-10T11:00:00z",
        "2026-01-10T11:00Z",
        "2026-01-10T11:00:00.000000+00:00",
        "2026-01-10 11:00:00+00:00",
        "2026-01-10+11:00:00+00:00",
        "2026-01-10T11:00:00 00:00",
        "2026-01-10T03:00:00-08:00",
        "2026-01-10T12:00:00+0100",
    ],
)
async def test_timestamps_are_understood_in_every_form_that_clients_send(
    stage: Stage, start: str
) -> None:
    answer = await stage.get("/v3/historical", **SPAN | {"start": start})
    assert answer.json()["data"][0]["point_time"] == "2026-01-10T11:00:00+00:00"


async def test_the_official_client_s_unescaped_timestamps_are_understood(stage: Stage) -> None:
    headers = {"authorization": f"Bearer {await stage.log_in()}"}
    query = (
        "region=CAISO_NORTH&signal_type=co2_moer"
        "&start=2026-01-01+00:00:00+00:00&end=2026-01-01+01:00:00+00:00"
    )
    answer = await stage.http.get(f"/v3/historical?{query}", headers=headers)
    assert len(answer.json()["data"]) == 13


# -- historical forecasts


async def test_past_forecasts_have_the_documented_shape(stage: Stage) -> None:
    answer = (await stage.get("/v3/forecast/historical", horizon_hours=1, **SPAN)).json()
    assert len(answer["data"]) == 7
    assert set(answer["data"][0]) == {"generated_at", "forecast"}
    assert "generated_at" not in answer["meta"]
    for minute, issue in enumerate(answer["data"]):
        assert issue["generated_at"] == f"2026-01-10T11:{5 * minute:02}:00+00:00"
        assert issue["forecast"][0]["point_time"] == issue["generated_at"]
        assert len(issue["forecast"]) == 12


async def test_a_past_forecast_is_what_the_forecast_was_then(stage: Stage) -> None:
    then = (await stage.get("/v3/forecast")).json()["data"]
    stage.advance(hours=5)
    query = {"start": SLOT.isoformat(), "end": SLOT.isoformat()}
    (issue,) = (await stage.get("/v3/forecast/historical", **query)).json()["data"]
    assert issue["forecast"] == then


async def test_past_forecasts_end_with_the_current_one(stage: Stage) -> None:
    query = {"start": "2026-01-10T11:55:00Z", "end": "2026-01-10T13:00:00Z", "horizon_hours": 0}
    issues = (await stage.get("/v3/forecast/historical", **query)).json()["data"]
    assert [issue["generated_at"][11:16] for issue in issues] == ["11:55", "12:00"]


# -- revisions


async def test_history_is_revised_once_it_is_old_enough(stage: Stage, recorded: Trace) -> None:
    stage.emulator = replace(
        stage.emulator, revises_percent=-20.0, revises_after=timedelta(minutes=20)
    )
    transport = httpx.ASGITransport(app=build_app(stage.emulator))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as stage.http:
        points = (await stage.get("/v3/historical", **SPAN | {"end": SLOT.isoformat()})).json()
        live = (await stage.get("/v3/forecast", horizon_hours=0)).json()["data"]
    *revised, young, _, _, now = points["data"]
    raw = recorded.values[recorded.place_of(DEMO_START) - 12 :]
    assert _values(revised) == [pounds(value * 0.8) for value in raw[: len(revised)]]
    assert _values([young]) == [pounds(raw[len(revised)])]
    at, updated = (datetime.fromisoformat(revised[-1][n]) for n in ("point_time", "last_updated"))
    assert (SLOT - at, updated - at) == (timedelta(minutes=20), timedelta(minutes=20))
    assert _values([now]) == _values(live)
