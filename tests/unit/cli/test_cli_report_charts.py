"""The report's charts: what is drawn where."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.reads.report_rows import CurvePoint
from shared.report.charts import HEIGHT, WIDTH, cumulative_chart, nice_ticks

START = datetime(2026, 11, 1, tzinfo=UTC)


def curve(*sums: tuple[float, float, float]) -> list[CurvePoint]:
    return [CurvePoint(START + timedelta(days=day), *each) for day, each in enumerate(sums)]


@given(most=st.floats(1e-6, 1e9))
def test_ticks_are_even_start_at_0_and_reach_the_greatest_value(most: float) -> None:
    ticks = nice_ticks(most)
    assert ticks[0] == 0.0
    assert ticks[-1] >= most * (1 - 1e-9)
    # The last tick is needed.
    assert ticks[-2] < most * (1 + 1e-9)
    assert 4 <= len(ticks) <= 7


def test_a_grid_that_emits_nothing_can_be_drawn() -> None:
    chart = cumulative_chart(curve((0, 0, 0), (0, 0, 450)), START + timedelta(days=2))
    assert "actual 0 g" in chart
    assert nice_ticks(0.0) == [0.0, 1.0]


def test_lines_stay_inside_and_a_greater_sum_is_higher() -> None:
    points = curve((0, 0, 0), (100, 150, 450), (150, 320, 900))
    chart = cumulative_chart(points, START + timedelta(days=10))
    last = {}
    for style, path in re.findall(r'class="line (\w+)" d="([^"]+)"', chart):
        xs = [float(x) for x in re.findall(r"[MH]([\d.]+)", path)]
        ys = [float(y) for y in re.findall(r"(?:V| )([\d.]+)", path)]
        assert xs == sorted(xs)
        assert xs[-1] < WIDTH
        assert 0 < min(ys) <= max(ys) < HEIGHT
        last[style] = ys[-1]
    assert last["reference"] < last["baseline"] < last["actual"]


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    chart = cumulative_chart(curve((0, 0, 0), (100, 100, 101)), START + timedelta(days=2))
    tops = [float(y) for y in re.findall(r'class="end \w+" x="[\d.]+" y="([\d.]+)"', chart)]
    gaps = [below - above for below, above in pairwise(tops)]
    assert len(tops) == 3
    assert min(gaps) == pytest.approx(16.0, abs=0.2) or min(gaps) > 16.0
