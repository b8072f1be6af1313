"""Whatever JSON WattTime sends: an answer or our own error comes out."""

import json
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.providers.watttime_account import (
    read_access,
    read_place,
    read_registration,
)
from services.intensity_publisher.providers.watttime_answers import (
    read_data,
    read_index,
    read_moer,
    read_past,
    read_token,
)
from shared.errors import SourceUnreachable

words = [
    *("data", "meta", "point_time", "value", "units", "token", "model", "date", "generated_at"),
    *("data_point_period_seconds", "warnings", "message", "signal_types", "regions", "region"),
    *("endpoints", "endpoint", "ok", "signal_type"),
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat())
    | st.sampled_from(["co2_moer", "0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00-10:00"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(words), inner, max_size=6)
    ),
    max_leaves=25,
)
READERS = {
    "token": read_token,
    "index": lambda text: read_index(read_data(text, "signal-index")),
    "moer": lambda text: read_moer(read_data(text, "forecast"), "forecast"),
    "past": lambda text: read_past(read_data(text, "historical")),
    "warnings": lambda text: read_data(text, "forecast").warnings(),
    "access": read_access,
    "place": read_place,
    "registration": read_registration,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@given(value=json_values)
def test_any_json_gives_an_answer_or_our_own_error(reader, value):
    try:
        reader(json.dumps(value))
    except SourceUnreachable as error:
        assert str(error)
        assert "\n" not in str(error)


some_points = st.lists(
    st.fixed_dictionaries(
        {
            "point_time": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
            "value": st.none() | st.floats() | st.integers(),
        }
    ),
    max_size=20,
)


@given(some_points, st.floats() | st.integers() | st.none())
def test_any_points_at_any_spacing_give_a_series_or_our_own_error(points, period):
    meta = {"data_point_period_seconds": period, "model": "of yesterday"}
    try:
        series = read_moer(read_data(json.dumps({"data": points, "meta": meta}), "x"), "x")
    except SourceUnreachable:
        return
    assert all(0 <= value <= 1588 for value in series.values)
