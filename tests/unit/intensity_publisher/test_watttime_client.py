"""The WattTime client against answers as the contract describes them."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.providers.answers import error_text
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.providers.watttime_answers import (
    read_data,
    read_index,
    read_moer,
    read_token,
)
from shared.errors import ConfigurationError, SourceUnreachable

pytestmark = pytest.mark.usefixtures("no_waiting")
NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
SLOT = NOW.replace(minute=0)


def data(values, units="lbs_co2_per_mwh", start=SLOT, **meta):
    points = [
        {"point_time": (start + timedelta(minutes=5 * n)).isoformat(), "value": value}
        for n, value in enumerate(values)
    ]
    return {"data": points, "meta": {"data_point_period_seconds": 300, "units": units, **meta}}


class Api:
    """A scripted WattTime: answers by path, and what was asked."""

    def __init__(self):
        self.asked = []
        self.answers = {
            "/login": (200, {"token": "a.b.c"}),
            "/v3/signal-index": (200, data([42.0], units="percentile")),
            "/v3/forecast": (200, data([500.0, 400.0, 300.0], generated_at=SLOT.isoformat())),
            "/v3/my-access": (200, {"signal_types": []}),
        }
        self.once = {}

    def __call__(self, request):
        self.asked.append(request)
        status, body, *headers = self.once.pop(request.url.path, self.answers[request.url.path])
        text = body if isinstance(body, str) else json.dumps(body)
        return httpx.Response(status, text=text, headers=headers[0] if headers else {})

    def paths(self):
        return [request.url.path for request in self.asked]


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def moment():
    return {"now": NOW}


@pytest.fixture
def watttime(api, moment):
    client = httpx.AsyncClient(
        base_url="https://api.watttime.org", transport=httpx.MockTransport(api)
    )
    return WattTime(client, "someone", "secret", lambda: moment["now"])


async def test_an_observation_has_grams_index_and_forecast(watttime, api):
    seen = await watttime.observe("CAISO_NORTH", NOW)
    assert seen.reading.intensity_g_per_kwh == pytest.approx(226.80)
    assert (seen.reading.index_percent, seen.reading.at) == (42.0, SLOT)
    assert seen.forecast.values_g_per_kwh == pytest.approx((226.80, 181.44, 136.08))
    assert not seen.reading.simulated
    assert api.asked[0].headers["authorization"].startswith("Basic ")
    assert api.asked[1].headers["authorization"] == "Bearer a.b.c"
    assert dict(api.asked[1].url.params) == {"region": "CAISO_NORTH", "signal_type": "co2_moer"}


async def test_the_first_point_is_the_one_that_holds_now(watttime):
    later = await watttime.observe("R", NOW + timedelta(minutes=5))
    assert later.reading.at == SLOT + timedelta(minutes=5)
    assert later.reading.intensity_g_per_kwh == pytest.approx(181.44)


async def test_an_emulator_marks_everything_simulated(watttime, api):
    api.answers["/v3/signal-index"] = (
        200,
        data([42.0], units="percentile"),
        {"x-simulated": "true"},
    )
    assert (await watttime.observe("R", NOW)).reading.simulated


async def test_one_login_serves_25_minutes(watttime, api, moment):
    for minute in range(0, 60, 5):
        moment["now"] = NOW + timedelta(minutes=minute)
        await watttime.observe("R", NOW)
    assert api.paths().count("/login") == 3


async def test_a_refused_token_is_renewed_once(watttime, api):
    api.once["/v3/signal-index"] = (401, "Jwt is expired")
    await watttime.observe("R", NOW)
    assert api.paths().count("/login") == 2
    api.answers["/v3/signal-index"] = (401, "Jwt is expired")
    with pytest.raises(SourceUnreachable, match="Jwt is expired"):
        await watttime.observe("R", NOW)


async def test_a_wrong_password_stops_with_the_settings_to_check(watttime, api):
    api.answers["/login"] = (403, "Forbidden")
    with pytest.raises(ConfigurationError, match="WATTTIME_USERNAME and WATTTIME_PASSWORD"):
        await watttime.observe("R", NOW)
    assert api.paths() == ["/login"]


async def test_a_region_outside_the_plan_is_index_only_for_a_day(watttime, api):
    api.answers["/v3/forecast"] = (403, {"error": "x", "message": "Invalid scope."})
    for hours in (0, 1, 23):
        seen = await watttime.observe("PJM_DC", NOW + timedelta(hours=hours))
        assert (seen.reading.intensity_g_per_kwh, seen.reading.index_percent) == (None, 42.0)
        assert seen.forecast is None
    assert api.paths().count("/v3/forecast") == 1
    assert api.paths().count("/login") == 1, "an entitlement is no reason to log in again"
    api.answers["/v3/my-access"] = (500, "no list")
    await watttime.observe("PJM_DC", NOW + timedelta(hours=25))
    assert api.paths().count("/v3/forecast") == 2


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_failures_are_tried_again(watttime, api, status):
    api.once["/v3/forecast"] = (status, "busy", {"retry-after": "1"})
    assert (await watttime.observe("R", NOW)).forecast is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, ""),
        (500, "oops"),
        (200, "<html>"),
        (200, '{"data": ['),
        (200, {"data": []}),
        (200, data([None, None])),
        (200, data([0.0] * 12)),
        (200, data([99_999.0])),
        (200, data([500.0], units="percentile")),
        (200, data([500.0], start=SLOT - timedelta(days=1))),
        (400, {"error": "INVALID_QUERY_PARAMS", "msg": "bad region"}),
    ],
)
async def test_an_unusable_forecast_is_our_own_error(watttime, api, status, body):
    api.answers["/v3/forecast"] = (status, body)
    with pytest.raises(SourceUnreachable) as caught:
        await watttime.observe("R", NOW)
    assert "\n" not in str(caught.value)


async def test_gaps_are_bridged_and_reported(watttime, api):
    api.answers["/v3/forecast"] = (200, data([400.0, None, 200.0]))
    seen = await watttime.observe("R", NOW)
    assert seen.forecast.values_g_per_kwh == pytest.approx((181.44, 136.08, 90.72))
    assert any("bridged" in text for text in seen.warnings)


async def test_unordered_and_double_points_are_put_in_order(watttime, api):
    body = data([400.0, 300.0, 200.0])
    body["data"] = [body["data"][n] for n in (2, 0, 1, 0)]
    api.answers["/v3/forecast"] = (200, body)
    seen = await watttime.observe("R", NOW)
    assert seen.forecast.values_g_per_kwh == pytest.approx((181.44, 136.08, 90.72))


async def test_a_single_zero_is_data(watttime, api):
    api.answers["/v3/forecast"] = (200, data([0.0, 100.0, 0.0]))
    assert (await watttime.observe("R", NOW)).reading.intensity_g_per_kwh == 0.0


def test_z_and_offsets_and_missing_meta_are_understood():
    answer = read_data(
        '{"data": [{"point_time": "2026-03-01T12:00:00Z", "value": 1}], "meta": null}', "forecast"
    )
    assert read_moer(answer, "forecast").start == SLOT
    warned = read_data(
        '{"data": [], "meta": {"warnings": [{"type": "MISSING_DATA", "message": null}]}}', "x"
    )
    assert warned.warnings() == ("MISSING_DATA",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Forbidden", "Forbidden"),
        ('{"error": "a", "message": "b"}', "b"),
        ('{"error": "a", "msg": "c"}', "c"),
        ('{"detail": [{"loc": ["q"]}]}', "[{'loc': ['q']}]"),
        ("", "no text"),
    ],
)
def test_error_bodies_are_text_first_then_json(text, expected):
    assert error_text(text) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "meta", "point_time", "value", "units", "token"]), inner
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_gives_an_answer_or_our_own_error(value):
    text = json.dumps(value)
    for read in (
        read_token,
        lambda t: read_index(read_data(t, "signal-index")),
        lambda t: read_moer(read_data(t, "forecast"), "forecast"),
    ):
        try:
            read(text)
        except SourceUnreachable as error:
            assert str(error)
