"""What every response has, the forecast and the index."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.watttime_emulator.replay import DEMO_START, pounds
from services.watttime_emulator.trace import Trace

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
MakeStage = Any
SLOT = datetime(2026, 1, 10, 12, tzinfo=UTC)
DATA = ("/v3/forecast", "/v3/forecast/historical", "/v3/historical", "/v3/signal-index")
SPAN = {"start": "2026-01-10T11:00:00Z", "end": "2026-01-10T11:30:00Z"}


def _times(points: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(point["point_time"]) for point in points]


def _values(points: list[dict[str, Any]]) -> list[float]:
    return [point["value"] for point in points]


# -- what every response has


async def test_an_unknown_path_leads_to_the_documentation_before_any_check(stage: Stage) -> None:
    for path in ("/", "/v3", "/v3/login", "/v3/data", "/v3/forecast/", "/login/", "/v2/index"):
        for method in ("GET", "POST", "DELETE"):
            answer = await stage.http.request(method, path)
            assert (answer.status_code, answer.content) == (302, b""), path
            assert answer.headers["location"] == "https://docs.watttime.org/"


async def test_every_response_is_marked_as_simulated_and_has_an_id(stage: Stage) -> None:
    answers = [
        await stage.http.get("/login"),
        await stage.http.get("/nowhere"),
        await stage.http.get("/v3/forecast"),
        await stage.http.get("/admin/state"),
        await stage.get("/v3/forecast"),
    ]
    assert [answer.headers["x-simulated"] for answer in answers] == ["true"] * 5
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5


@pytest.mark.parametrize("path", DATA)
async def test_the_warnings_say_that_the_data_is_a_replay(make_stage: MakeStage, path: str) -> None:
    stage = await make_stage(60)
    meta = (await stage.get(path, **SPAN | {"end": "2026-01-10T11:05:00Z"})).json()["meta"]
    (warning,) = meta["warnings"]
    assert set(warning) == {"type", "message"}
    assert "Simulated" in warning["message"]
    assert "2021-04-02 to 2021-04-16, replayed at 60x" in warning["message"]


@pytest.mark.parametrize("path", [*DATA, "/v3/region-from-loc"])
async def test_asking_twice_gives_the_same_answer(stage: Stage, path: str) -> None:
    query = SPAN | {"latitude": 38, "longitude": -121}
    assert (await stage.get(path, **query)).json() == (await stage.get(path, **query)).json()


# -- the forecast


async def test_a_forecast_has_the_documented_shape(stage: Stage) -> None:
    answer = (await stage.get("/v3/forecast")).json()
    assert list(answer) == ["data", "meta"]
    assert answer["data"][0] == {"point_time": "2026-01-10T12:00:00+00:00", "value": 739.0}
    meta = answer["meta"]
    meta.pop("warnings")
    assert meta == {
        "data_point_period_seconds": 300,
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "model": {"date": "2021-02-01"},
        "units": "lbs_co2_per_mwh",
        "generated_at_period_seconds": 300,
        "generated_at": "2026-01-10T12:00:00+00:00",
    }


@pytest.mark.parametrize("hours", [0, 1, 3, 24, 72])
@pytest.mark.parametrize("speed", [1, 60])
async def test_a_forecast_has_12_points_an_hour_whatever_the_speed(
    make_stage: MakeStage, speed: float, hours: int
) -> None:
    stage = await make_stage(speed)
    points = (await stage.get("/v3/forecast", horizon_hours=hours)).json()["data"]
    assert len(points) == max(1, 12 * hours)
    times = _times(points)
    assert times[0] == SLOT
    assert {late - early for early, late in pairwise(times)} <= {timedelta(seconds=300 / speed)}


async def test_a_forecast_is_24_hours_long_by_default(stage: Stage) -> None:
    assert len((await stage.get("/v3/forecast")).json()["data"]) == 288


async def test_a_forecast_begins_with_the_recorded_value_and_the_issued_steps(
    stage: Stage, recorded: Trace
) -> None:
    place = recorded.place_of(DEMO_START)
    points = (await stage.get("/v3/forecast")).json()["data"]
    expected = [recorded.values[place], *recorded.issued(place)]
    assert _values(points)[:37] == [pounds(value) for value in expected]


async def test_the_current_point_changes_at_the_slot_s_end_only(
    make_stage: MakeStage, recorded: Trace
) -> None:
    stage, place = await make_stage(60), recorded.place_of(DEMO_START)
    seen = []
    for _ in range(12):
        (point,) = (await stage.get("/v3/forecast", horizon_hours=0)).json()["data"]
        seen.append((point["point_time"][17:19], point["value"]))
        stage.advance(seconds=1)
    first, second, third = (pounds(value) for value in recorded.values[place : place + 3])
    expected = [("00", first)] * 3 + [("05", second)] * 5 + [("10", third)] * 4
    assert seen == expected


async def test_the_replay_begins_again_after_the_last_recorded_point(
    stage: Stage, recorded: Trace
) -> None:
    stage.advance(minutes=5 * (len(recorded) - recorded.place_of(DEMO_START)))
    points = (await stage.get("/v3/forecast", horizon_hours=0)).json()["data"]
    assert _values(points) == [pounds(recorded.values[0])]


# -- the index


async def test_the_index_is_one_current_point_in_percent(stage: Stage) -> None:
    answer = (await stage.get("/v3/signal-index")).json()
    (point,) = answer["data"]
    assert point["point_time"] == "2026-01-10T12:00:00+00:00"
    assert 0 <= point["value"] <= 100
    assert point["value"] == round(point["value"], 1)
    answer["meta"].pop("warnings")
    assert answer["meta"] == {
        "data_point_period_seconds": 300,
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "percentile",
        "model": {"date": "2021-02-01"},
    }


async def test_the_index_ranks_now_in_the_forecast_s_next_24_hours(stage: Stage) -> None:
    for _ in range(30):
        now, *later = _values((await stage.get("/v3/forecast")).json()["data"])
        (point,) = (await stage.get("/v3/signal-index")).json()["data"]
        rank = 100 * sum(value < now for value in later) / 287
        assert point["value"] == pytest.approx(rank, abs=1.5)  # rounding to lb makes ties
        stage.advance(minutes=45)


async def test_the_index_may_be_asked_without_a_signal_type(stage: Stage) -> None:
    assert (await stage.get("/v3/signal-index", signal_type=None)).status_code == 200
