"""The WattTime client beyond the poll: plans, warnings, history, account."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.providers.watttime_account import Place
from services.intensity_publisher.providers.watttime_session import NotEntitled
from shared.errors import ConfigurationError, SourceUnreachable

pytestmark = pytest.mark.usefixtures("no_waiting")
NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
SLOT = NOW.replace(minute=0)
INDEX, FORECAST, HISTORY = "/v3/signal-index", "/v3/forecast", "/v3/historical"
ACCESS, PLACE = "/v3/my-access", "/v3/region-from-loc"
NO_SCOPE = (403, {"error": "Invalid query parameters", "message": "Invalid scope."})
PASSWORD = "sun-and-wind-1"


def data(values, units="lbs_co2_per_mwh", start=SLOT, **meta):
    points = [
        {"point_time": (start + timedelta(minutes=5 * n)).isoformat(), "value": value}
        for n, value in enumerate(values)
    ]
    return {"data": points, "meta": {"data_point_period_seconds": 300, "units": units, **meta}}


def access(*endpoints, region="PJM_DC", signal="co2_moer"):
    entry = {"region": region, "region_full_name": "PJM DC", "parent": "PJM"}
    entry["endpoints"] = [{"endpoint": name, "models": []} for name in endpoints]
    return {"signal_types": [{"signal_type": signal, "regions": [entry]}]}


class Api:
    """A scripted WattTime; an answer may be made from the request."""

    def __init__(self):
        self.asked = []
        self.answers = {
            "/login": (200, {"token": "a.b.c"}),
            INDEX: (200, data([42.0], units="percentile")),
            FORECAST: (200, data([500.0, 400.0], generated_at=SLOT.isoformat())),
        }

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers[request.url.path]
        status, body = answer(request) if callable(answer) else answer
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    def count(self, path):
        return [request.url.path for request in self.asked].count(path)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def watttime(api):
    client = httpx.AsyncClient(
        base_url="https://api.watttime.org", transport=httpx.MockTransport(api)
    )
    return WattTime(client, "someone", "secret", lambda: NOW)


# -- plans


async def test_the_access_list_is_asked_once_a_day_and_decides(watttime, api):
    api.answers[FORECAST] = NO_SCOPE
    api.answers[ACCESS] = (200, access("v3/signal-index"))
    for hours in range(0, 72, 6):
        seen = await watttime.observe("PJM_DC", NOW + timedelta(hours=hours))
        assert (seen.reading.intensity_g_per_kwh, seen.forecast) == (None, None)
        assert any("plan has no forecast for PJM_DC" in text for text in seen.warnings)
    assert (api.count(FORECAST), api.count(ACCESS), api.count("/login")) == (1, 2, 1)
    asked = next(request for request in api.asked if request.url.path == ACCESS)
    assert asked.url.params["region"] == "PJM_DC"


async def test_a_better_plan_brings_the_forecast_back_even_if_it_is_late(watttime, api):
    good = api.answers[FORECAST]
    api.answers[FORECAST] = NO_SCOPE
    await watttime.observe("PJM_DC", NOW - timedelta(days=1))
    api.answers |= {ACCESS: (200, access("v3/forecast")), FORECAST: (503, "busy")}
    with pytest.raises(SourceUnreachable, match="busy"):
        await watttime.observe("PJM_DC", NOW)
    api.answers[FORECAST] = good
    assert (await watttime.observe("PJM_DC", NOW)).forecast is not None
    assert api.count(ACCESS) == 1


async def test_a_list_that_promises_too_much_is_asked_again_after_a_day(watttime, api):
    api.answers |= {FORECAST: NO_SCOPE, ACCESS: (200, access("v3/forecast"))}
    for hours in (0, 24, 25, 47, 48):
        await watttime.observe("PJM_DC", NOW + timedelta(hours=hours))
    assert (api.count(FORECAST), api.count(ACCESS)) == (3, 2)


async def test_one_region_outside_the_plan_leaves_the_others_alone(watttime, api):
    api.answers[FORECAST] = lambda request: (
        NO_SCOPE if request.url.params["region"] == "PJM_DC" else (200, data([500.0]))
    )
    assert (await watttime.observe("PJM_DC", NOW)).forecast is None
    assert (await watttime.observe("CAISO_NORTH", NOW)).forecast is not None


async def test_a_403_on_the_index_is_a_failed_poll_with_its_reason(watttime, api):
    api.answers[INDEX] = NO_SCOPE
    with pytest.raises(SourceUnreachable, match=r"no signal-index for R: Invalid scope\."):
        await watttime.observe("R", NOW)
    assert api.count("/login") == 1


# -- warnings


@pytest.mark.parametrize(("minutes", "stale"), [(14, False), (15, False), (16, True), (600, True)])
async def test_a_forecast_older_than_three_periods_is_told(watttime, api, minutes, stale):
    made = NOW - timedelta(minutes=minutes)
    api.answers[FORECAST] = (200, data([500.0], generated_at=made.isoformat()))
    seen = await watttime.observe("R", NOW)
    assert any(f"{minutes} minutes ago" in text for text in seen.warnings) is stale
    assert seen.forecast.generated_at == made


async def test_an_old_index_is_told(watttime, api):
    api.answers |= {
        INDEX: (200, data([42.0], units="percentile", start=SLOT - timedelta(hours=1))),
        FORECAST: NO_SCOPE,
    }
    seen = await watttime.observe("R", NOW)
    assert any("the index is of 01 Mar 11:00 UTC" in text for text in seen.warnings)


async def test_a_change_of_the_model_is_told_once(watttime, api):
    told = []
    for date in ("2022-10-01", "2022-10-01", None, "2026-03-01", "2026-03-01"):
        model = {"model": {"date": date}} if date else {}
        api.answers[FORECAST] = (200, data([500.0], **model))
        told.append((await watttime.observe("R", NOW)).warnings)
    assert [len(texts) for texts in told] == [0, 0, 0, 1, 0]
    assert "from 2022-10-01 to 2026-03-01" in told[3][0]


# -- history


def recorded(request):
    """Every five minutes 454 lb/MWh, both ends included, at most 32 days."""
    start, end = (datetime.fromisoformat(request.url.params[name]) for name in ("start", "end"))
    if end - start > timedelta(days=32):
        return 400, {"error": "INVALID_QUERY_PARAMS", "msg": "too long"}
    count = (end - start) // timedelta(minutes=5) + 1
    return 200, data([454.0] * count, start=start, model={"date": "2022-10-01"})


@pytest.mark.parametrize(("days", "pieces"), [(0, 1), (7, 1), (32, 1), (33, 2), (70, 3)])
async def test_history_comes_in_pieces_of_32_days(watttime, api, days, pieces):
    api.answers[HISTORY] = recorded
    past = await watttime.historical("CAISO_NORTH", SLOT - timedelta(days=days), SLOT)
    assert api.count(HISTORY) == pieces
    assert len(past.points) == days * 288 + 1
    times = [at for at, _ in past.points]
    assert (times[0], times[-1]) == (SLOT - timedelta(days=days), SLOT)
    assert times == sorted(set(times))
    assert {value for _, value in past.points} == {205.93}
    assert (past.period_seconds, past.model_dates, past.warnings) == (300, ("2022-10-01",), ())


async def test_gaps_of_history_stay_gaps(watttime, api):
    body = data([100.0, None, 99_999.0, -1.0, 200.0, 0.0])
    api.answers[HISTORY] = (200, body)
    past = await watttime.historical("R", SLOT, NOW)
    assert [(at - SLOT).total_seconds() / 300 for at, _ in past.points] == [0, 4, 5]
    assert past.warnings == ("3 points were missing, double or absurd",)


async def test_history_of_several_models_is_told(watttime, api):
    dates = iter(["2022-10-01", "2026-02-01"])
    api.answers[HISTORY] = lambda _: (200, data([100.0], model={"date": next(dates)}))
    past = await watttime.historical("R", SLOT - timedelta(days=40), SLOT)
    assert past.model_dates == ("2022-10-01", "2026-02-01")
    assert "several models" in past.warnings[0]


@pytest.mark.parametrize("hours", [0, -1])
async def test_no_history_is_no_error(watttime, api, hours):
    api.answers[HISTORY] = (200, data([]))
    past = await watttime.historical("R", SLOT, SLOT + timedelta(hours=hours))
    assert (past.points, past.period_seconds) == ((), None)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (NO_SCOPE, NotEntitled, "plan has no historical for R"),
        ((500, "oops"), SourceUnreachable, "oops"),
        ((302, ""), SourceUnreachable, "302"),
        ((200, "null"), SourceUnreachable, "makes no sense"),
        ((200, data([1.0], units="percentile")), SourceUnreachable, "percentile"),
        ((200, data([0.0] * 12)), SourceUnreachable, "outage"),
    ],
)
async def test_unusable_history_is_our_own_error(watttime, api, answer, error, words):
    api.answers[HISTORY] = answer
    with pytest.raises(error, match=words) as caught:
        await watttime.historical("R", SLOT, NOW)
    assert isinstance(caught.value, SourceUnreachable)


# -- the account


async def test_the_access_list_is_parsed(watttime, api):
    api.answers[ACCESS] = (200, access("v3/forecast", "/v3/historical"))
    allowed = await watttime.my_access()
    assert allowed.allows("PJM_DC", "forecast")
    assert allowed.allows("PJM_DC", "historical")
    assert not allowed.allows("PJM_DC", "forecast/historical")
    assert not allowed.allows("PJM_NJ", "forecast")
    assert allowed.regions[0].full_name == "PJM DC"
    api.answers[ACCESS] = (200, access("v3/forecast", signal="health_damage"))
    assert (await watttime.my_access()).regions == ()


async def test_a_location_has_a_region_or_none(watttime, api):
    found = {"region": "PSCO", "region_full_name": "Colorado", "signal_type": "co2_moer"}
    api.answers[PLACE] = (200, found)
    place = await watttime.region_from_location(39.7522, -105.0)
    assert place == Place("PSCO", "Colorado")
    assert dict(api.asked[-1].url.params) == {
        "latitude": "39.7522",
        "longitude": "-105.0",
        "signal_type": "co2_moer",
    }
    api.answers[PLACE] = (404, {"error": "No coverage available for these coordinates"})
    assert await watttime.region_from_location(0, 0) is None
    api.answers[PLACE] = (422, {"detail": [{"loc": ["query", "latitude"], "msg": "wrong"}]})
    with pytest.raises(SourceUnreachable, match=r"422 .*latitude"):
        await watttime.region_from_location(91, 0)


async def test_registering_posts_json_without_a_login(watttime, api):
    api.answers["/register"] = (200, {"user": "freddo", "ok": "User created"})
    assert await watttime.register("freddo", PASSWORD, "f@example.org") == "User created"
    (asked,) = api.asked
    assert asked.method == "POST"
    assert "authorization" not in asked.headers
    fields = {"username": "freddo", "password": PASSWORD, "email": "f@example.org"}
    assert json.loads(asked.content) == fields
    await watttime.register("freddo", PASSWORD, "f@example.org", "Example")
    assert json.loads(api.asked[-1].content) == fields | {"org": "Example"}


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((400, {"error": "That username is taken."}), ConfigurationError, "is taken"),
        ((422, {"detail": [{"loc": ["body", "password"]}]}), ConfigurationError, "password"),
        ((302, ""), SourceUnreachable, "302"),
        ((503, "busy"), SourceUnreachable, "busy"),
        ((200, "{}"), SourceUnreachable, "makes no sense"),
    ],
)
async def test_a_failed_registration_says_why_and_is_not_repeated(
    watttime, api, answer, error, words
):
    api.answers["/register"] = answer
    with pytest.raises(error, match=words) as caught:
        await watttime.register("freddo", PASSWORD, "f@example.org")
    assert len(api.asked) == 1
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "é", None, 5])
async def test_a_token_that_no_header_can_hold_is_our_own_error(watttime, api, token):
    api.answers["/login"] = (200, {"token": token})
    with pytest.raises(SourceUnreachable, match="login"):
        await watttime.observe("R", NOW)
