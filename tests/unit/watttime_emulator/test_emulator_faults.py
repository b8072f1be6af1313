"""Every fault switch, and the state that tests look at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.watttime_emulator.faults import Faults, spoil
from services.watttime_emulator.replay import DEMO_START
from services.watttime_emulator.trace import Trace

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
SLOT = datetime(2026, 1, 10, 12, tzinfo=UTC)
SPAN = {"start": "2026-01-10T11:00:00Z", "end": "2026-01-10T12:00:00Z"}
SERIES = ("/v3/signal-index", "/v3/forecast", "/v3/historical", "/v3/forecast/historical")


async def _statuses(stage: Stage, times: int, path: str = "/v3/forecast") -> list[int]:
    return [(await stage.get(path)).status_code for _ in range(times)]


# -- the switches themselves


async def test_without_faults_the_board_is_empty(stage: Stage) -> None:
    assert (await stage.http.get("/admin/faults")).json() == Faults().model_dump(mode="json")
    assert (await stage.http.get("/admin/state")).json()["faults"] == {}


async def test_faults_are_shown_replaced_and_removed(stage: Stage) -> None:
    await stage.fault(empty_data=True)
    await stage.fault(all_zero=True)
    shown = (await stage.http.get("/admin/faults")).json()
    assert (shown["empty_data"], shown["all_zero"]) == (False, True)
    assert (await stage.http.delete("/admin/faults")).json()["all_zero"] is False
    values = (await stage.get("/v3/forecast")).json()["data"]
    assert any(point["value"] for point in values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fail_status": 418},
        {"fail_status": 503, "count": 0},
        {"hang_seconds": -1},
        {"gap_every": 1},
        {"expired_tokens": "some"},
        {"explode": True},
        [],
    ],
)
async def test_a_wrong_switch_is_refused_and_changes_nothing(stage: Stage, wrong: Any) -> None:
    await stage.fault(all_zero=True)
    answer = await stage.http.post("/admin/faults", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert (await stage.http.get("/admin/faults")).json()["all_zero"] is True


async def test_faults_can_be_limited_to_some_paths(stage: Stage) -> None:
    await stage.fault(fail_status=503, paths=["/v3/forecast"])
    assert (await stage.get("/v3/forecast")).status_code == 503
    assert (await stage.get("/v3/signal-index")).status_code == 200


async def test_a_login_fails_only_where_its_path_is_named(stage: Stage) -> None:
    await stage.fault(fail_status=503)
    await stage.log_in()
    await stage.fault(fail_status=503, paths=["/login"])
    login = ("full", "sun-and-wind-1")
    assert (await stage.http.get("/login", auth=login)).status_code == 503
    await stage.fault(truncated_json=True, paths=["/login"])
    answer = await stage.http.get("/login", auth=login)
    with pytest.raises(ValueError, match="Unterminated string"):
        answer.json()


# -- failures instead of answers


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_burst_of_server_errors_ends_after_its_count(stage: Stage, status: int) -> None:
    await stage.fault(fail_status=status, count=3)
    assert await _statuses(stage, 5) == [status] * 3 + [200, 200]
    assert (await stage.http.get("/admin/faults")).json()["count"] == 0


async def test_without_a_count_server_errors_last(stage: Stage) -> None:
    await stage.fault(fail_status=503)
    assert await _statuses(stage, 4) == [503] * 4


async def test_a_429_comes_with_and_without_retry_after(stage: Stage) -> None:
    await stage.fault(too_many_requests=True, retry_after_seconds=7, count=1)
    answer = await stage.get("/v3/forecast")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (await stage.get("/v3/forecast")).status_code == 200
    await stage.fault(too_many_requests=True)
    answer = await stage.get("/v3/forecast")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


async def test_a_hanging_request_waits_and_is_answered_all_the_same(stage: Stage) -> None:
    await stage.fault(hang_seconds=90)
    assert (await stage.get("/v3/forecast")).status_code == 200
    assert stage.slept == [90]


async def test_truncated_json_is_half_of_the_real_answer(stage: Stage) -> None:
    whole = await stage.get("/v3/forecast")
    await stage.fault(truncated_json=True)
    half = await stage.get("/v3/forecast")
    assert (half.status_code, half.headers["content-type"]) == (200, "application/json")
    assert half.content == whole.content[: len(whole.content) // 2]


async def test_issued_tokens_expire_at_once_and_new_ones_work(stage: Stage) -> None:
    await stage.log_in()
    await stage.fault(expired_tokens="issued")
    answer = await stage.get("/v3/forecast")
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")
    await stage.log_in()
    assert (await stage.get("/v3/forecast")).status_code == 200
    await stage.http.delete("/admin/faults")
    assert (await stage.get("/v3/forecast")).status_code == 200


async def test_all_tokens_can_be_expired_for_as_long_as_the_fault_lasts(stage: Stage) -> None:
    await stage.fault(expired_tokens="all")
    for _ in range(3):
        await stage.log_in()
        assert (await stage.get("/v3/forecast")).status_code == 401
    await stage.http.delete("/admin/faults")
    assert (await stage.get("/v3/forecast")).status_code == 200


switches = st.builds(
    Faults,
    missing_meta=st.booleans(),
    empty_data=st.booleans(),
    null_value=st.booleans(),
    all_zero=st.booleans(),
    absurd_value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    gap_every=st.none() | st.integers(2, 9),
    duplicates=st.booleans(),
    unordered=st.booleans(),
)


@settings(deadline=None)
@given(faults=switches, length=st.integers(0, 20), nested=st.booleans())
def test_any_mix_of_faults_gives_an_answer(faults: Faults, length: int, *, nested: bool) -> None:
    points = [{"point_time": str(number), "value": 1.0} for number in range(length)]
    data = [{"generated_at": "now", "forecast": points}] if nested else points
    spoilt = spoil({"data": data, "meta": {"warnings": []}}, faults)
    series = spoilt["data"][0]["forecast"] if nested else spoilt["data"]
    assert len(series) <= 2 * length
    assert ("meta" in spoilt) is not faults.missing_meta
    if faults == Faults():
        assert series == points


# -- the state


async def test_the_state_counts_requests_by_path_outcome_and_user(stage: Stage) -> None:
    await stage.http.get("/login", auth=("nobody", "x"))
    await stage.get("/v3/forecast")
    await stage.get("/v3/forecast")
    await stage.get("/v3/forecast", "free", region="PSCO")
    await stage.http.get("/v3/forecast")
    await stage.http.get("/made/up")
    await stage.http.get("/something/else")
    rows = (await stage.http.get("/admin/state")).json()["requests"]
    assert {(r["path"], r["status"], r["user"]): r["count"] for r in rows} == {
        ("/login", 200, "free"): 1,
        ("/login", 200, "full"): 1,
        ("/login", 403, "nobody"): 1,
        ("/v3/forecast", 200, "full"): 2,
        ("/v3/forecast", 401, ""): 1,
        ("/v3/forecast", 403, "free"): 1,
        ("unknown", 302, ""): 2,
    }


async def test_the_counts_can_be_set_back(stage: Stage) -> None:
    await stage.get("/v3/forecast")
    assert (await stage.http.delete("/admin/state")).json()["requests"] == []
    await stage.get("/v3/forecast")
    assert await stage.count("/v3/forecast", 200) == 1


async def test_the_state_tells_where_the_replay_stands(stage: Stage, recorded: Trace) -> None:
    stage.advance(minutes=10)
    state: httpx.Response = await stage.http.get("/admin/state")
    at = DEMO_START + timedelta(minutes=10)
    assert state.json()["regions"]["CAISO_NORTH"] == {
        "point_time": "2026-01-10T12:10:00+00:00",
        "recorded_time": at.isoformat(),
        "intensity_g_per_kwh": recorded.values[recorded.place_of(at)],
        "data_point_period_seconds": 300,
        "speed": 1,
    }
