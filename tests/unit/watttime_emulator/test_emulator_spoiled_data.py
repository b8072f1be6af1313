"""Data that a fault of the emulator has spoiled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.watttime_emulator.replay import DEMO_START, pounds
from services.watttime_emulator.trace import Trace

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
SLOT = datetime(2026, 1, 10, 12, tzinfo=UTC)
SPAN = {"start": "2026-01-10T11:00:00Z", "end": "2026-01-10T12:00:00Z"}
SERIES = ("/v3/signal-index", "/v3/forecast", "/v3/historical", "/v3/forecast/historical")


async def _points(stage: Stage, path: str = "/v3/forecast") -> list[dict[str, Any]]:
    data = (await stage.get(path, **SPAN)).json()["data"]
    return data[0]["forecast"] if data and "forecast" in data[0] else data


@pytest.mark.parametrize("path", SERIES)
async def test_empty_data_has_no_points(stage: Stage, path: str) -> None:
    await stage.fault(empty_data=True)
    assert await _points(stage, path) == []


@pytest.mark.parametrize("path", SERIES)
async def test_all_zero_is_zero_throughout_and_keeps_the_times(stage: Stage, path: str) -> None:
    before = await _points(stage, path)
    await stage.fault(all_zero=True)
    after = await _points(stage, path)
    assert {point["value"] for point in after} == {0.0}
    assert [p["point_time"] for p in after] == [p["point_time"] for p in before]


@pytest.mark.parametrize("path", SERIES)
async def test_a_null_value_is_null_in_the_first_point(stage: Stage, path: str) -> None:
    before = await _points(stage, path)
    await stage.fault(null_value=True)
    after = await _points(stage, path)
    assert after[0]["value"] is None
    assert after[1:] == before[1:]


async def test_an_absurd_value_is_the_first_point_s(stage: Stage) -> None:
    await stage.fault(absurd_value=1e6)
    assert [p["value"] for p in (await _points(stage))[:1]] == [1e6]


@pytest.mark.parametrize("path", SERIES[1:])
async def test_gaps_leave_out_each_third_point(stage: Stage, path: str) -> None:
    before = await _points(stage, path)
    await stage.fault(gap_every=3)
    assert await _points(stage, path) == [p for n, p in enumerate(before) if n % 3 != 2]


async def test_points_can_come_twice_and_in_the_wrong_order(stage: Stage) -> None:
    before = await _points(stage)
    await stage.fault(duplicates=True, unordered=True)
    assert await _points(stage) == [p for p in reversed(before) for _ in range(2)]


@pytest.mark.parametrize("path", SERIES)
async def test_meta_can_be_missing(stage: Stage, path: str) -> None:
    await stage.fault(missing_meta=True)
    assert list((await stage.get(path, **SPAN)).json()) == ["data"]


@pytest.mark.parametrize("path", SERIES)
async def test_warnings_come_after_our_own(stage: Stage, path: str) -> None:
    warning = {"type": "MISSING_DATA", "message": "some inputs were late"}
    await stage.fault(warnings=[warning])
    simulated, added = (await stage.get(path, **SPAN)).json()["meta"]["warnings"]
    assert simulated["type"] == "SIMULATED_DATA"
    assert added == warning


@pytest.mark.parametrize("path", SERIES)
async def test_the_model_s_date_changes_everywhere(stage: Stage, path: str) -> None:
    await stage.fault(model_date="2026-01-01")
    assert (await stage.get(path, **SPAN)).json()["meta"]["model"]["date"] == "2026-01-01"
    assert (await stage.get(path, **SPAN, model="2021-02-01")).status_code == 400
    access = (await stage.get("/v3/my-access")).json()["signal_types"][0]["regions"][0]
    assert access["endpoints"][0]["models"][0]["model"] == "2026-01-01"


async def test_a_stale_forecast_is_the_one_that_was_generated_then(stage: Stage) -> None:
    before = (await stage.get("/v3/forecast")).json()
    stage.advance(hours=2)
    await stage.fault(stale_seconds=7200)
    after = (await stage.get("/v3/forecast")).json()
    assert after == before
    assert after["meta"]["generated_at"] == SLOT.isoformat()


async def test_a_stale_index_and_history_end_when_the_feed_did(stage: Stage) -> None:
    await stage.fault(stale_seconds=1800)
    ended = (SLOT - timedelta(minutes=30)).isoformat()
    for path in ("/v3/signal-index", "/v3/historical"):
        assert (await _points(stage, path))[-1]["point_time"] == ended


async def test_revised_history_says_since_when_and_leaves_later_points_alone(
    stage: Stage, recorded: Trace
) -> None:
    await stage.fault(revised_percent=10)
    stage.advance(minutes=10)
    query = {"start": "2026-01-10T11:55:00Z", "end": "2026-01-10T12:10:00Z"}
    points = (await stage.get("/v3/historical", **query)).json()["data"]
    place = recorded.place_of(DEMO_START)
    raw = recorded.values[place - 1 : place + 3]
    expected = [pounds(raw[0] * 1.1), pounds(raw[1] * 1.1), pounds(raw[2]), pounds(raw[3])]
    assert [point["value"] for point in points] == expected
    revised = (SLOT + timedelta(seconds=2)).isoformat()
    assert [point["last_updated"] for point in points[:2]] == [revised] * 2
    assert [point["last_updated"] for point in points[2:]] == [p["point_time"] for p in points[2:]]
    changed = await stage.get("/v3/historical", updated_since=revised, **query)
    assert changed.json()["data"] == points
