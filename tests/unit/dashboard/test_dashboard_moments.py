"""A time is shown with its date wherever it may be of another day."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tables import Decision
from dashboard.views.elements import moment
from dashboard.views.panels import decision_line

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("name", "least"), [("", 3), ("system", 3), ("plan", 2), ("workers", 1)])
def test_every_moment_in_a_table_is_written_in_one_way(
    fill_week: Callable[..., str], open_page: Callable[..., AppTest], name: str, least: int
) -> None:
    fill_week()
    columns = [
        column["type_config"]
        for frame in open_page(name).dataframe
        for column in json.loads(frame.proto.columns).values()
        if column.get("type_config", {}).get("type") == "datetime"
    ]
    told = [column["format"] for column in columns if column["format"] != "distance"]
    assert len(told) >= least
    assert set(told) == {_format(moment())}


def _format(column: Any) -> str:
    return str(column["type_config"]["format"])


def test_a_decision_of_another_day_has_its_date() -> None:
    row = Decision(NOW - timedelta(days=2), UUID(int=1), "report", "deferred", "orange", "why")
    assert ":gray[21 Nov 12:00]" in decision_line(row, NOW)
