"""Charts whose specification stays, and reads that all tabs share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from dashboard import (
    charts,
    charts_plan,
    charts_savings,
    charts_system,
    charts_workers,
    frames,
    frames_savings,
)
from dashboard.data.source import forget, kept
from dashboard.drawing import Drawing
from dashboard.theme import DARK, LIGHT, Ink

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TIME, GRAMS = [NOW, NOW + timedelta(hours=1)], [1.0, 2.0]


def frame(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def timeline(most: int) -> frames.Timeline:
    points = frame(at=TIME, value=GRAMS, kind=["recorded"] * 2, band=["low"] * 2)
    bands = frame(start=TIME, end=TIME, low=GRAMS, high=GRAMS, middle=GRAMS, band=["low"] * 2)
    planned = frame(at=TIME, value=GRAMS, jobs=[1, most])
    due = frame(at=TIME, value=GRAMS, jobs=[1, 1])
    end = TIME[1]
    return frames.Timeline(points, bands, planned, due, NOW, NOW, end, frames.GRAMS_TITLE)


def drawings(ink: Ink, size: int) -> dict[str, Drawing]:
    """Every chart, over rows of which none is like those of another size."""
    value = [float(size), float(size + 1)]
    steps = frame(at=TIME, jobs=[size, size], reason=["", ""], kind=["", ""], order=[0, 1])
    bands = frame(start=TIME, end=TIME, band=["low", "high"])
    slots = frame(at=TIME, end=TIME, value=value, band=["low", "high"], jobs=[size, size])
    loads = frame(at=TIME, end=TIME, low=value, high=value, value=value, what=["", ""], jobs=[1, 1])
    groups = frame(group=["a", "b"], which=["x", "y"], value=value, percent=["", ""], jobs=[1, 1])
    costs = frame(
        group=["a", "b"], wait=value, percent=value, jobs=[1, 1], names=["", ""], side=["", ""]
    )
    errors = pd.DataFrame({"Made before": ["1 h", "3 h"], "Mean error, g/kWh": value})
    waits = frame(wait=["under 10 s", "over"], jobs=[size, size])
    sums = frame(at=TIME, line=[frames_savings.EMITTED] * 2, value=value)
    return {
        "grid": charts.grid_chart(timeline(5), ink),
        "capacity": charts.capacity_chart(steps, timeline(5), ink),
        "queue": charts.queue_chart(steps, timeline(5), ink),
        "intensity": charts_plan.intensity_chart(slots, ink),
        "load": charts_plan.load_chart(loads, "h", ink),
        "sizes": charts_workers.sizes_chart(steps, bands, ink),
        "errors": charts_system.errors_chart(errors, ink),
        "sums": charts_savings.running_sums_chart(sums, "g", ink),
        "avoided": charts_savings.avoided_chart(groups, "g", by_day=False),
        "avoided by day": charts_savings.avoided_chart(groups, "g", by_day=True),
        "promises": charts_savings.promises_chart(groups, "g"),
        "waits": charts_savings.waits_chart(waits, ink),
        "cost": charts_savings.cost_chart(costs, "h", "g", ink),
    }


def names_of(spec: Any) -> Iterator[str]:
    """Every name of rows in a specification."""
    if isinstance(spec, list):
        for each in spec:
            yield from names_of(each)
    elif isinstance(spec, dict):
        if isinstance(spec.get("data"), dict):
            yield spec["data"]["name"]
        for each in spec.values():
            yield from names_of(each)


@pytest.mark.parametrize("name", drawings(LIGHT, 1))
def test_new_rows_need_no_new_specification(name: str) -> None:
    first, second = drawings(LIGHT, 1)[name], drawings(LIGHT, 7)[name]
    assert first.spec is second.spec


@pytest.mark.parametrize("name", drawings(LIGHT, 1))
@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_a_specification_names_the_rows_that_come_with_it(name: str, ink: Ink) -> None:
    drawn = drawings(ink, 1)[name]
    assert set(names_of(drawn.spec)) == set(drawn.rows)
    assert "datasets" not in drawn.spec
    assert "config" not in drawn.spec


def test_the_legend_of_planned_jobs_grows_with_them() -> None:
    few, many = (charts.grid_chart(timeline(most), LIGHT).spec for most in (5, 50))
    assert few != many
    assert charts.grid_chart(timeline(41), LIGHT).spec is many


def test_a_read_is_shared_by_all_tabs_until_it_is_forgotten() -> None:
    asked: list[str] = []

    @kept(60)
    def read(url: str) -> list[str]:
        asked.append(url)
        return [url]

    assert read("a") is read("a")
    assert read("b") == ["b"]
    assert asked == ["a", "b"]
    forget()
    assert read("a") == ["a"]
    assert asked == ["a", "b", "a"]
