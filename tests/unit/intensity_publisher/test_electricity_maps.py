"""The Electricity Maps client against answers as the contract describes them."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.providers.electricity_maps import ElectricityMaps
from services.intensity_publisher.providers.electricity_maps_answers import (
    Granularity,
    read_forecast,
    read_latest,
)
from shared.domain.grid import Signal
from shared.errors import ConfigurationError, SourceUnreachable

pytestmark = pytest.mark.usefixtures("no_waiting")
NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
LATEST, FORECAST = "/v3/carbon-intensity/latest", "/v3/carbon-intensity/forecast"
INVALID = {"error": "Invalid auth-token", "message": "No such token"}


def z(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def latest(**changes):
    return {
        "zone": "DE",
        "carbonIntensity": 318,
        "datetime": z(HOUR),
        "updatedAt": z(HOUR),
        "createdAt": z(HOUR),
        "emissionFactorType": "lifecycle",
        "flowTraced": True,
        "isEstimated": False,
        "estimationMethod": None,
        "temporalGranularity": "hourly",
    } | changes


def forecast(values, start=HOUR, step=timedelta(hours=1), **changes):
    points = [
        {"carbonIntensity": value, "datetime": z(start + step * n)}
        for n, value in enumerate(values)
    ]
    return {"zone": "DE", "forecast": points, "updatedAt": z(HOUR)} | changes


class Api:
    def __init__(self):
        self.asked = []
        self.answers = {LATEST: (200, latest()), FORECAST: (200, forecast([318, 250, 200]))}

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers[request.url.path]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    def count(self, path):
        return [request.url.path for request in self.asked].count(path)


@pytest.fixture
def api():
    return Api()


def client_of(api, **options):
    http = httpx.AsyncClient(
        base_url="https://api.electricitymaps.com", transport=httpx.MockTransport(api)
    )
    return ElectricityMaps(http, "a-key", lambda: NOW, **options)


@pytest.fixture
def maps(api):
    return client_of(api, zones={"Frankfurt": "DE"})


async def test_an_observation_is_average_and_has_a_forecast(maps, api):
    seen = await maps.observe("Frankfurt", NOW)
    assert (maps.signal, seen.reading.signal) == (Signal.AVERAGE, Signal.AVERAGE)
    assert (seen.reading.intensity_g_per_kwh, seen.reading.at) == (318, HOUR)
    assert (seen.reading.period_seconds, seen.reading.region) == (3600, "Frankfurt")
    assert (seen.reading.index_percent, seen.reading.simulated) == (None, False)
    assert seen.forecast.values_g_per_kwh == (318, 250, 200)
    assert (seen.forecast.generated_at, seen.warnings) == (HOUR, ())
    asked = api.asked[0]
    assert asked.headers["auth-token"] == "a-key"
    assert dict(asked.url.params) == {
        "zone": "DE",
        "emissionFactorType": "lifecycle",
        "temporalGranularity": "hourly",
        "disableCallerLookup": "true",
    }


async def test_a_region_without_a_zone_names_its_own(maps, api):
    await maps.observe("DE", NOW)
    assert api.asked[0].url.params["zone"] == "DE"


async def test_an_estimate_is_told(maps, api):
    api.answers[LATEST] = (200, latest(isEstimated=True, estimationMethod="FORECASTS_HIERARCHY"))
    (warning,) = (await maps.observe("DE", NOW)).warnings
    assert "estimate (FORECASTS_HIERARCHY)" in warning


async def test_five_minutes_are_asked_for_and_read(api):
    maps = client_of(api, granularity=Granularity.FIVE_MINUTES)
    api.answers[LATEST] = (200, latest(temporalGranularity="5_minutes"))
    api.answers[FORECAST] = (200, forecast([300, 310], step=timedelta(minutes=5)))
    seen = await maps.observe("DE", NOW)
    assert (seen.reading.period_seconds, seen.forecast.period_seconds) == (300, 300)
    assert api.asked[0].url.params["temporalGranularity"] == "5_minutes"


async def test_hourly_points_instead_of_five_minutes_are_no_gaps(api):
    maps = client_of(api, granularity=Granularity.FIVE_MINUTES)
    seen = await maps.observe("DE", NOW)
    assert seen.reading.period_seconds == 3600, "what the answer says, not what was asked for"
    assert (seen.forecast.period_seconds, len(seen.forecast.values_g_per_kwh)) == (3600, 3)


async def test_past_points_are_no_forecast(maps, api):
    api.answers[FORECAST] = (200, forecast([1000, 900, 318, 250], start=HOUR - timedelta(hours=2)))
    seen = await maps.observe("DE", NOW)
    assert (seen.forecast.start, seen.forecast.values_g_per_kwh) == (HOUR, (318, 250))


@pytest.mark.parametrize("status", [401, 403])
async def test_a_plan_without_forecast_is_asked_again_after_a_day(maps, api, status):
    api.answers[FORECAST] = (status, INVALID)
    for hours in (0, 1, 23):
        api.answers[LATEST] = (200, latest(datetime=z(HOUR + timedelta(hours=hours))))
        seen = await maps.observe("DE", NOW + timedelta(hours=hours))
        assert (seen.reading.intensity_g_per_kwh, seen.forecast) == (318, None)
        assert "free plan" in seen.warnings[0]
    assert api.count(FORECAST) == 1
    api.answers[FORECAST] = (200, forecast([200, 100], start=HOUR + timedelta(hours=25)))
    assert (await maps.observe("DE", NOW + timedelta(hours=25))).forecast is not None


async def test_a_401_on_a_forecast_that_has_worked_is_a_rate_limit(maps, api):
    await maps.observe("DE", NOW)
    api.answers[FORECAST] = (401, INVALID)
    for _ in range(2):
        assert "rate limit" in (await maps.observe("DE", NOW)).warnings[0]
    assert api.count(FORECAST) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (500, "oops"),
        (404, "nothing"),
        (200, "<html>"),
        (200, forecast([])),
        (200, forecast([None, None])),
        (200, forecast([0] * 24)),
        (200, forecast([300], zone="FR")),
        (200, forecast([300], start=HOUR - timedelta(days=2))),
        (200, forecast([True])),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_without_a_usable_forecast_the_reading_counts(maps, api, answer):
    api.answers[FORECAST] = answer
    seen = await maps.observe("DE", NOW)
    assert (seen.reading.intensity_g_per_kwh, seen.forecast) == (318, None)
    assert len(seen.warnings) == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((401, INVALID), ConfigurationError, "refuses the key"),
        (
            (400, {"status": "error", "message": "Zone 'DE' does not exist."}),
            ConfigurationError,
            "zone 'DE'",
        ),
        ((400, {"error": "temporalGranularity"}), SourceUnreachable, "temporalGranularity"),
        ((403, {"error": "not your zone"}), SourceUnreachable, "not your zone"),
        ((302, ""), SourceUnreachable, "302"),
        ((429, "slowly"), SourceUnreachable, "slowly"),
        ((503, "busy"), SourceUnreachable, "busy"),
        ((200, "null"), SourceUnreachable, "makes no sense"),
        ((200, latest(carbonIntensity=None)), SourceUnreachable, "carbonIntensity"),
        ((200, latest(carbonIntensity=0)), SourceUnreachable, "carbonIntensity"),
        ((200, latest(carbonIntensity="318")), SourceUnreachable, "carbonIntensity"),
        ((200, latest(carbonIntensity=99_999)), SourceUnreachable, "carbonIntensity"),
        ((200, latest(datetime="2026-03-01T12:00:00")), SourceUnreachable, "datetime"),
        ((200, latest(datetime=z(HOUR + timedelta(hours=3)))), SourceUnreachable, "yet to come"),
        ((200, latest(zone="US-CAL-CISO")), SourceUnreachable, "US-CAL-CISO"),
        ((200, latest(emissionFactorType="direct")), SourceUnreachable, "direct"),
        (httpx.ConnectError("no route"), SourceUnreachable, "no route"),
        (httpx.ReadTimeout(""), SourceUnreachable, "in time"),
    ],
)
async def test_an_unusable_answer_is_our_own_error(maps, api, answer, error, words):
    api.answers[LATEST] = answer
    with pytest.raises(error, match=words) as caught:
        await maps.observe("DE", NOW)
    assert type(caught.value).__name__.strip("_") in {error.__name__, "TryAgain"}
    assert "\n" not in str(caught.value)
    assert "a-key" not in str(caught.value)


async def test_a_401_of_a_key_that_has_worked_passes(maps, api):
    await maps.observe("DE", NOW)
    api.answers[LATEST] = (401, INVALID)
    with pytest.raises(SourceUnreachable, match="rate limit"):
        await maps.observe("DE", NOW)


async def test_an_old_point_is_told(maps, api):
    api.answers[LATEST] = (200, latest(datetime=z(HOUR - timedelta(hours=5))))
    seen = await maps.observe("DE", NOW)
    assert seen.reading.at == HOUR - timedelta(hours=5)
    assert "301 minutes ago" in seen.warnings[0]


@pytest.mark.parametrize("token", ["", "  ", "schlüssel", "two\nlines"])
def test_a_key_that_no_header_can_hold_is_refused_without_telling_it(token):
    with pytest.raises(ConfigurationError) as caught:
        ElectricityMaps(httpx.AsyncClient(), token, lambda: NOW)
    assert not token.strip() or token not in str(caught.value)


def test_a_key_from_a_file_may_end_in_a_newline():
    maps = ElectricityMaps(httpx.AsyncClient(), "a-key\n", lambda: NOW)
    assert maps._headers == {"auth-token": "a-key"}


keys = ["zone", "carbonIntensity", "datetime", "forecast", "updatedAt", "estimationMethod"]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*keys, "temporalGranularity", "isEstimated", "flowTraced"]), inner
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_gives_an_answer_or_our_own_error(value):
    text = json.dumps(value)
    for reader in (
        lambda: read_latest(text, "DE"),
        lambda: read_forecast(text, "DE", Granularity.HOURLY, NOW),
    ):
        try:
            reader()
        except SourceUnreachable as error:
            assert str(error)
            assert "\n" not in str(error)


point = st.fixed_dictionaries(
    {
        "carbonIntensity": st.none() | st.floats() | st.integers(),
        "datetime": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    }
)


@given(st.lists(point, max_size=30))
def test_any_points_give_a_forecast_or_our_own_error(points):
    text = json.dumps({"forecast": points})
    try:
        seen, _ = read_forecast(text, "DE", Granularity.FIVE_MINUTES, NOW)
    except SourceUnreachable:
        return
    assert all(1 <= value <= 2000 for value in seen.values_g_per_kwh)
