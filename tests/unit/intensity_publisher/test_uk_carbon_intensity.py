"""The UK Carbon Intensity client against answers as the contract describes them."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.providers.uk_carbon_intensity import (
    UkCarbonIntensity,
    read_half_hours,
)
from shared.domain.grid import Signal
from shared.errors import ConfigurationError, SourceUnreachable

pytestmark = pytest.mark.usefixtures("no_waiting")
NOW = datetime(2026, 8, 30, 10, 7, tzinfo=UTC)
START = NOW.replace(minute=0)
HALF_HOUR = timedelta(minutes=30)
AHEAD = "/intensity/2026-08-30T10:07Z/fw48h"
BAD_REQUEST = {"error": {"code": "400 Bad Request", "message": "Please enter a valid\npath"}}


def half_hours(*values, start=START):
    """Half hours of (forecast, actual)."""
    return [
        {
            "from": f"{start + HALF_HOUR * n:%Y-%m-%dT%H:%MZ}",
            "to": f"{start + HALF_HOUR * (n + 1):%Y-%m-%dT%H:%MZ}",
            "intensity": {"forecast": forecast, "actual": actual, "index": "low"},
        }
        for n, (forecast, actual) in enumerate(values)
    ]


def region_of(points):
    return {"regionid": 13, "dnoregion": "UKPN London", "shortname": "London", "data": points}


class Api:
    def __init__(self):
        self.asked = []
        self.answers = {
            "/intensity": (200, {"data": half_hours((84, 79))}),
            AHEAD: (
                200,
                {"data": half_hours((90, 88), (84, None), (70, None), start=START - HALF_HOUR)},
            ),
        }

    def __call__(self, request):
        self.asked.append(request.url.path)
        answer = self.answers[request.url.path]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def uk(api):
    client = httpx.AsyncClient(
        base_url="https://api.carbonintensity.org.uk", transport=httpx.MockTransport(api)
    )
    return UkCarbonIntensity(client, lambda: NOW)


async def test_an_observation_has_the_measured_value_and_48_hours(uk, api):
    seen = await uk.observe("GB", NOW)
    assert (uk.signal, seen.reading.signal) == (Signal.AVERAGE, Signal.AVERAGE)
    assert (seen.reading.intensity_g_per_kwh, seen.reading.at) == (79, START)
    assert (seen.reading.period_seconds, seen.reading.index_percent) == (1800, None)
    assert (seen.forecast.start, seen.forecast.values_g_per_kwh) == (START, (79, 70))
    assert seen.warnings == ()
    assert api.asked == ["/intensity", AHEAD]


async def test_without_a_measured_value_the_forecast_is_used_and_told(uk, api):
    api.answers["/intensity"] = (200, {"data": half_hours((84, None))})
    seen = await uk.observe("GB", NOW)
    assert seen.reading.intensity_g_per_kwh == 84
    assert "its forecast is used" in seen.warnings[0]


async def test_an_answer_of_the_last_half_hour_gives_way_to_the_forecast_of_this_one(uk, api):
    api.answers["/intensity"] = (200, {"data": half_hours((90, 88), start=START - HALF_HOUR)})
    seen = await uk.observe("GB", NOW)
    assert (seen.reading.at, seen.reading.intensity_g_per_kwh) == (START, 84)
    assert "its forecast is used" in seen.warnings[0]


@pytest.mark.parametrize(
    ("region", "where"), [("GB-13", "regionid/13"), ("GB-SW1", "postcode/SW1")]
)
@pytest.mark.parametrize("as_list", [True, False])
async def test_regions_answer_with_a_list_or_an_object(uk, api, region, where, as_list):
    def wrapped(points):
        return {"data": [region_of(points)] if as_list else region_of(points)}

    api.answers[f"/regional/{where}"] = (200, wrapped(half_hours((50, None))))
    api.answers[f"/regional{AHEAD}/{where}"] = (200, wrapped(half_hours((50, None), (0, None))))
    seen = await uk.observe(region, NOW)
    assert (seen.reading.intensity_g_per_kwh, seen.reading.region) == (50, region)
    assert seen.forecast.values_g_per_kwh == (50, 0)


@pytest.mark.parametrize("region", ["FR", "GB-0", "GB-19", "GB-", "GB-sw1a/../x", "GB13", ""])
async def test_a_region_elsewhere_is_a_wrong_setting(uk, api, region):
    with pytest.raises(ConfigurationError, match="GB-1 to GB-18"):
        await uk.observe(region, NOW)
    assert api.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, BAD_REQUEST), "Please enter a valid path"),
        ((400, BAD_REQUEST), "Please enter a valid path"),
        ((200, "null"), "has nothing"),
        ((200, {}), "has nothing"),
        ((200, {"data": None}), "has nothing"),
        ((200, {"data": []}), "has nothing"),
        ((200, "<html>"), "makes no sense"),
        ((200, '{"data": [{"from"'), "makes no sense"),
        ((200, {"data": half_hours((True, None))}), "makes no sense"),
        ((302, ""), "302"),
        ((500, "oops"), "oops"),
        ((429, "slowly"), "slowly"),
        (httpx.ConnectError("no route"), "no route"),
        (httpx.ReadTimeout("slow"), "in time"),
    ],
)
async def test_every_failure_is_our_own_error_and_a_warning_where_the_reading_counts(
    uk, api, answer, words
):
    good, api.answers[AHEAD] = api.answers[AHEAD], answer
    seen = await uk.observe("GB", NOW)
    assert (seen.reading.intensity_g_per_kwh, seen.forecast) == (79, None)
    assert words in seen.warnings[0]
    api.answers |= {"/intensity": answer, AHEAD: good}
    with pytest.raises(SourceUnreachable, match=words) as caught:
        await uk.observe("GB", NOW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "current",
    [
        half_hours((None, None)),
        half_hours((99_999, -1)),
        half_hours((1, 2), start=START + HALF_HOUR),
    ],
)
async def test_nothing_is_made_up_for_a_half_hour_without_a_value(uk, api, current):
    api.answers["/intensity"] = (200, {"data": current})
    api.answers[AHEAD] = (200, "null")
    with pytest.raises(SourceUnreachable, match="no value for this half hour"):
        await uk.observe("GB", NOW)


async def test_zeros_throughout_are_an_outage(uk, api):
    api.answers["/intensity"] = (200, {"data": half_hours((0, 0))})
    api.answers[AHEAD] = (200, {"data": half_hours(*[(0, None)] * 24)})
    with pytest.raises(SourceUnreachable, match="outage"):
        await uk.observe("GB", NOW)


async def test_a_forecast_may_stop_early_and_have_gaps(uk, api):
    points = half_hours((84, None), (80, None), (None, None), (60, None))
    api.answers[AHEAD] = (200, {"data": points})
    seen = await uk.observe("GB", NOW)
    assert seen.forecast.values_g_per_kwh == (79, 80, 70, 60)
    assert any("bridged" in text for text in seen.warnings)


times = st.datetimes(timezones=st.just(UTC)).map(lambda at: f"{at:%Y-%m-%dT%H:%MZ}")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | times
    | st.sampled_from([f"{START:%Y-%m-%dT%H:%MZ}", f"{START + HALF_HOUR:%Y-%m-%dT%H:%MZ}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "error", "from", "intensity", "forecast", "actual"]), inner
        )
        | st.fixed_dictionaries(
            {"from": inner, "intensity": st.fixed_dictionaries({"forecast": inner})}
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_gives_half_hours_or_our_own_error(value):
    try:
        points = read_half_hours(json.dumps(value), "/intensity")
    except SourceUnreachable as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert all(each.value is None or 0 <= each.value <= 2000 for each in points)


@given(json_values, json_values)
async def test_any_json_gives_an_observation_or_our_own_error(current, ahead):
    api = Api()
    api.answers = {"/intensity": (200, current), AHEAD: (200, ahead)}
    client = httpx.AsyncClient(base_url="https://uk", transport=httpx.MockTransport(api))
    try:
        seen = await UkCarbonIntensity(client, lambda: NOW).observe("GB", NOW)
    except SourceUnreachable:
        return
    assert seen.reading.intensity_g_per_kwh is not None
