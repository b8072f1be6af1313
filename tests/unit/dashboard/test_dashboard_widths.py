"""No word of a band is cut: a table takes a column's width from its first rows."""

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

LEAST_PIXELS = 80
"""Of `very high` with the cell's own room at both sides."""


@pytest.mark.parametrize("name", ["", "workers", "plan", "system"])
def test_a_column_of_bands_has_room_for_the_longest_word(
    fill_week: Callable[..., str], open_page: Callable[..., AppTest], name: str
) -> None:
    fill_week()
    tables = [frame for frame in open_page(name).dataframe if "Band" in frame.value.columns]
    assert tables
    for table in tables:
        assert json.loads(table.proto.columns)["Band"]["width"] >= LEAST_PIXELS


@pytest.mark.parametrize("name", ["", "jobs"])
def test_a_column_of_states_has_room_for_the_longest_words(
    fill: Callable[..., str], open_page: Callable[..., AppTest], name: str
) -> None:
    fill()
    (table,) = [frame for frame in open_page(name).dataframe if "State" in frame.value.columns]
    assert json.loads(table.proto.columns)["State"]["width"] >= 160


def test_how_long_ago_has_room_in_a_table_that_begins_without_it(
    fill: Callable[..., str], open_page: Callable[..., AppTest]
) -> None:
    fill()
    tables = open_page("system").dataframe
    (queues,) = [frame for frame in tables if "Oldest" in frame.value.columns]
    assert queues.value["Oldest"].isna().iloc[0]
    assert json.loads(queues.proto.columns)["Oldest"]["width"] >= 100
