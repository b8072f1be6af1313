"""A recorded trace as a source."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intensity_publisher.providers.recorded_trace import RecordedTrace
from shared.domain.grid import Signal
from shared.errors import ConfigurationError, SourceUnreachable

TRACE = """time,intensity_g_per_kwh
2021-04-02T00:00:00Z,300
2021-04-02T01:00:00+00:00,0
2021-04-02T04:00:00+02:00,120.5
"""
FORECASTS = """generated_at,point_time,intensity_g_per_kwh
2021-04-02T00:00:00Z,2021-04-02T01:00:00Z,10
2021-04-02T00:00:00Z,2021-04-02T02:00:00Z,110
2021-04-02T01:00:00Z,2021-04-02T02:00:00Z,115
2021-04-02T01:00:00Z,2021-04-02T03:00:00Z,200
"""
START = datetime(2021, 4, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)


@pytest.fixture
def files(tmp_path):
    def write(trace=TRACE, forecasts=None):
        (tmp_path / "trace.csv").write_text(trace)
        if forecasts is None:
            return tmp_path / "trace.csv", None
        (tmp_path / "forecasts.csv").write_text(forecasts)
        return tmp_path / "trace.csv", tmp_path / "forecasts.csv"

    return write


def source_of(paths, **options):
    options = {"signal": Signal.MARGINAL} | options
    return RecordedTrace(paths[0], lambda: NOW, forecasts=paths[1], **options)


@pytest.mark.parametrize(
    ("minutes", "value"), [(0, 300), (59, 300), (60, 0), (125, 120.5), (179, 120.5)]
)
async def test_a_point_holds_for_its_period_of_wall_time(files, minutes, value):
    seen = await source_of(files()).observe("R", START + timedelta(minutes=minutes))
    assert seen.reading.intensity_g_per_kwh == value
    assert seen.reading.at == START + timedelta(hours=minutes // 60)
    assert (seen.reading.period_seconds, seen.reading.simulated) == (3600, True)
    assert (seen.forecast, seen.reading.index_percent) == (None, None)


@pytest.mark.parametrize("signal", list(Signal))
async def test_the_signal_is_as_given(files, signal):
    source = source_of(files(), signal=signal)
    assert (await source.observe("R", START)).reading.signal is source.signal is signal


@pytest.mark.parametrize("minutes", [-1, 180])
async def test_outside_the_recording_there_is_nothing(files, minutes):
    with pytest.raises(SourceUnreachable, match="2021-04-02 00:00 to 2021-04-02 02:00 UTC"):
        await source_of(files()).observe("R", START + timedelta(minutes=minutes))


async def test_the_first_point_may_hold_now(files):
    source = source_of(files(forecasts=FORECASTS), starts_now=True)
    first = await source.observe("R", NOW)
    assert (first.reading.at, first.reading.intensity_g_per_kwh) == (NOW.replace(minute=0), 300)
    assert first.forecast.generated_at == first.forecast.start == NOW.replace(minute=0)
    assert first.forecast.values_g_per_kwh == (300, 10, 110)
    with pytest.raises(SourceUnreachable, match="2026-03-01 12:00"):
        await source.observe("R", NOW + timedelta(hours=3))


async def test_a_forecast_is_the_newest_that_had_been_issued(files):
    source = source_of(files(forecasts=FORECASTS))
    early = await source.observe("R", START + timedelta(minutes=59))
    late = await source.observe("R", START + timedelta(minutes=60))
    last = await source.observe("R", START + timedelta(minutes=130))
    assert early.forecast.values_g_per_kwh == (300, 10, 110)
    assert late.forecast.values_g_per_kwh == (0, 115, 200)
    assert last.forecast.values_g_per_kwh == (120.5, 200), "what holds now is known"
    assert last.forecast.generated_at == START + timedelta(hours=1)


async def test_before_the_first_issue_there_is_no_forecast(files):
    later = "\n".join(FORECASTS.splitlines()[:1] + FORECASTS.splitlines()[3:])
    seen = await source_of(files(forecasts=later)).observe("R", START)
    assert (seen.forecast, seen.warnings) == (None, ())


async def test_a_forecast_that_has_run_out_is_told(files):
    old = FORECASTS.replace("2021-04-02T0", "2021-04-01T0")
    half_hourly = old.replace("T02:00", "T01:30").replace("T03:00", "T02:30")
    seen = await source_of(files(forecasts=half_hourly)).observe("R", START)
    assert seen.forecast is None
    assert "not now" in seen.warnings[0]


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        ("", "no column time, intensity_g_per_kwh"),
        ("time,intensity\n", "no column intensity_g_per_kwh"),
        ("time,intensity_g_per_kwh\n", "holds no point"),
        (TRACE.replace("04:00:00+02:00", "05:00:00+02:00"), "line 4: points are not evenly"),
        (TRACE.replace("01:00:00+00:00", "00:00:00Z"), "line 3: .* in order"),
        (TRACE.replace("00:00:00Z", "00:00:00"), "line 2: time must be a time with a zone"),
        (TRACE.replace("120.5", ""), "line 4: .* number of 0 or more"),
        (TRACE.replace("120.5", "-1"), "line 4: .* number of 0 or more"),
        (TRACE.replace("120.5", "nan"), "line 4: .* number of 0 or more"),
        (TRACE.replace("120.5", "inf"), "line 4: .* number of 0 or more"),
        (TRACE.replace(",120.5", ""), "line 4: .* number of 0 or more"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(files, trace, words):
    with pytest.raises(ConfigurationError, match=words):
        source_of(files(trace=trace))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        source_of((tmp_path / "absent.csv", None))


async def test_a_single_point_holds_for_five_minutes(files):
    source = source_of(files(trace="\n".join(TRACE.splitlines()[:2])))
    assert (await source.observe("R", START)).reading.period_seconds == 300


cells = st.sampled_from(
    ["2021-04-02T00:00:00Z", "2021-04-02T01:00:00Z", "0001-01-01T00:00:00+10:00", "1", "0", "x", ""]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(st.tuples(cells, cells), max_size=5).map(
        lambda rows: "\n".join([TRACE.splitlines()[0], *(",".join(row) for row in rows)]).encode()
    )
)
def test_any_file_is_a_trace_or_our_own_error(tmp_path, content):
    path = Path(tmp_path / "any.csv")
    path.write_bytes(content)
    try:
        source = RecordedTrace(path, lambda: NOW, signal=Signal.AVERAGE)
        asyncio.run(source.observe("R", START))
    except (ConfigurationError, SourceUnreachable) as error:
        assert "\n" not in str(error)
