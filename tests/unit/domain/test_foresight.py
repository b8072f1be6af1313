"""A region's foresight: issued forecasts continued, weighed, and never a look ahead."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.forecaster import Forecaster
from shared.domain.foresight import ENOUGH_ISSUES, MOST_POINTS, Foresight, Trust
from shared.domain.grid import Forecast, utc
from shared.domain.windows import Series

HOUR_S, DAY_S = 3600.0, 86_400.0


def waves(hours, noise=20.0, seed=1):
    hour = np.arange(hours)
    level = 300 + 120 * np.sin(2 * np.pi * hour / 24)
    return level + np.random.default_rng(seed).normal(0, noise, hours)


def foresight(values, first=0):
    made = Foresight()
    for hour, value in enumerate(values, first):
        made.observed.add(hour * HOUR_S, float(value))
    return made


def issue(hour, values):
    start = utc(hour * HOUR_S)
    return Forecast(start, start, HOUR_S, tuple(float(value) for value in values))


def test_an_issued_forecast_is_continued_as_far_as_asked():
    issued = issue(96, (310.0, 320.0, 330.0))
    whole = foresight(waves(97, 0)).ahead(issued, 96 * HOUR_S, HOUR_S, 48)
    assert whole.values_g_per_kwh[:3] == (310.0, 320.0, 330.0)
    assert (whole.generated_at, whole.start) == (issued.generated_at, issued.start)
    assert whole.end == utc(144 * HOUR_S)
    truth = waves(144, 0)[99:]
    assert np.array(whole.values_g_per_kwh)[3:] == pytest.approx(truth, abs=40)


def test_within_a_period_the_reach_is_still_two_days():
    whole = foresight(waves(97)).ahead(None, 96.7 * HOUR_S, HOUR_S, 48)
    assert whole.start == utc(96 * HOUR_S)
    assert whole.end >= utc(144.7 * HOUR_S)


def test_a_longer_issue_stays_whole():
    issued = issue(96, range(100, 172))
    assert foresight(waves(97)).ahead(issued, 96 * HOUR_S, HOUR_S, 48) is issued


def test_without_an_issue_our_own_begins_with_the_present():
    values = waves(97)
    own = foresight(values).ahead(None, 96 * HOUR_S + 60, HOUR_S, 48)
    assert own.values_g_per_kwh[0] == pytest.approx(values[-1], abs=0.006)
    assert own.generated_at == utc(96 * HOUR_S + 60)


def test_less_than_a_day_of_history_leaves_the_issue_as_it_is():
    young, issued = foresight(waves(20)), issue(19, (1.0, 2.0))
    assert young.ahead(issued, 19 * HOUR_S, HOUR_S, 48) is issued
    assert young.ahead(None, 19 * HOUR_S, HOUR_S, 48) is None


def test_while_the_source_is_away_the_rest_of_the_issue_is_kept_and_continued():
    issued = issue(96, range(100, 112))
    whole = foresight(waves(97)).ahead(issued, 102 * HOUR_S, HOUR_S, 48)
    assert whole.values_g_per_kwh[:12] == issued.values_g_per_kwh
    assert whole.end == utc(150 * HOUR_S)


def test_away_for_long_our_own_follows_the_clock():
    own = foresight(waves(96, 0)).ahead(None, 125 * HOUR_S, HOUR_S, 24)
    assert own.start == utc(125 * HOUR_S)
    assert own.values_g_per_kwh == pytest.approx(waves(149, 0)[125:], abs=5)


def test_no_more_points_than_a_decision_can_take():
    made = Foresight()
    for minute in range(0, 3000, 2):
        made.observed.add(minute * 60.0, 100.0)
    own = made.ahead(None, 2998 * 60.0, 120.0, 48)
    assert len(own.values_g_per_kwh) == MOST_POINTS


def test_days_are_shorter_where_time_is_replayed_faster():
    fast, values = Foresight(DAY_S / 60), waves(97, 0)
    for hour, value in enumerate(values):
        fast.observed.add(hour * 60.0, float(value))
    own = fast.ahead(None, 96 * 60.0, 60.0, 48)
    usual = foresight(values).ahead(None, 96 * HOUR_S, HOUR_S, 48)
    assert own.values_g_per_kwh == pytest.approx(usual.values_g_per_kwh)
    assert own.end == utc(144 * 60.0)


@settings(max_examples=12, deadline=None)
@given(st.integers(30, 800), st.floats(0, 3000), st.booleans())
def test_nothing_after_now_is_used(now, other, with_issue):
    values = waves(840)
    changed = values.copy()
    changed[now + 1 :] = other
    issued = issue(now, (200.0, 210.0)) if with_issue else None
    answers = [
        foresight(each).ahead(issued, now * HOUR_S, HOUR_S, 48)
        for each in (values[: now + 1], values, changed)
    ]
    assert answers[0] == answers[1] == answers[2]


def test_what_is_asked_each_hour_is_what_a_fresh_one_would_say():
    values, kept = waves(35 * 24), Foresight()
    for hour, value in enumerate(values):
        kept.observed.add(hour * HOUR_S, float(value))
        if hour > 33 * 24:
            said = kept.ahead(None, hour * HOUR_S, HOUR_S, 48)
    fresh = foresight(values).ahead(None, (35 * 24 - 1) * HOUR_S, HOUR_S, 48)
    assert said.values_g_per_kwh == pytest.approx(fresh.values_g_per_kwh)


def test_the_forecaster_is_refitted_once_a_week(monkeypatch):
    fits, fitted = [], Forecaster._fitted
    monkeypatch.setattr(
        Forecaster, "_fitted", lambda self, *given: fits.append(0) or fitted(self, *given)
    )
    values, kept = waves(44 * 24), Foresight()
    for hour, value in enumerate(values):
        kept.observed.add(hour * HOUR_S, float(value))
        if hour >= 29 * 24 and hour % 6 == 0:
            kept.ahead(None, hour * HOUR_S, HOUR_S, 48)
    assert len(fits) == 3, "of the fifth, sixth and seventh week"


class Provider:
    """Issues a day ahead every hour."""

    def __init__(self, forecast_of):
        self.forecast_of, self.values, self.foresight = forecast_of, waves(30 * 24), Foresight()

    def run(self, hours):
        for hour in hours:
            self.foresight.observed.add(hour * HOUR_S, float(self.values[hour]))
            if hour > 10 * 24:
                issued = issue(hour, self.forecast_of(self.values, hour))
                self.foresight.note(issued)
                last = self.foresight.ahead(issued, hour * HOUR_S, HOUR_S, 24)
        return issued, last


def exact(values, hour):
    return values[hour : hour + 24]


def wrong(values, hour):
    return np.append(values[hour], 600 - values[hour + 1 : hour + 24])


def test_an_issue_that_comes_true_is_handed_on():
    issued, last = Provider(exact).run(range(28 * 24))
    assert last.values_g_per_kwh[:24] == pytest.approx(issued.values_g_per_kwh, abs=0.01)


def test_an_issue_that_never_comes_true_gives_way_to_ours_but_not_at_present():
    provider = Provider(wrong)
    issued, last = provider.run(range(20 * 24))
    own = provider.foresight.ahead(None, (20 * 24 - 1) * HOUR_S, HOUR_S, 24)
    assert last.values_g_per_kwh[1:] == pytest.approx(own.values_g_per_kwh[1:], abs=0.02)
    assert last.values_g_per_kwh[0] == pytest.approx(issued.values_g_per_kwh[0], abs=0.01)


def test_what_had_come_before_now_stays_as_it_was_issued():
    provider = Provider(wrong)
    issued, _ = provider.run(range(20 * 24))
    later = provider.foresight.ahead(issued, (20 * 24 + 1) * HOUR_S, HOUR_S, 24)
    said, given = np.array(later.values_g_per_kwh[:24]), np.array(issued.values_g_per_kwh)
    assert said[:3] == pytest.approx(given[:3], abs=0.01)
    assert np.abs(said[3:] - given[3:]).max() > 50


def test_the_present_point_of_an_issue_says_nothing_of_its_trust():
    def absurd_now(values, hour):
        return np.append(1e6, values[hour + 1 : hour + 24])

    issued, last = Provider(absurd_now).run(range(20 * 24))
    assert last.values_g_per_kwh[1:24] == pytest.approx(issued.values_g_per_kwh[1:], abs=0.01)


def test_a_provider_is_trusted_until_half_a_week_says_otherwise():
    issued, last = Provider(wrong).run(range(12 * 24))
    assert last.values_g_per_kwh[:24] == pytest.approx(issued.values_g_per_kwh, abs=0.01)


def test_issues_are_held_for_a_week_and_thinned_to_one_an_hour():
    trust = Trust(DAY_S)
    for step in range(12 * 24 * 12):
        trust.note(replace(issue(0, [1.0] * 48), start=utc(step * 300.0)))
    assert ENOUGH_ISSUES < len(trust._issues) <= 8 * 24 + 1
    assert all(len(held.values) == 24 for held in trust._issues)
    gaps = {b.start_s - a.start_s for a, b in zip(trust._issues, trust._issues[1:], strict=False)}
    assert gaps == {HOUR_S}


def test_the_trust_in_a_provider_is_taken_once_a_day_from_what_had_come(monkeypatch):
    values, trust, asked = waves(20 * 24), Trust(DAY_S), []
    for hour in range(10 * 24, 19 * 24):
        trust.note(issue(hour, wrong(values, hour)))
    weighed = Trust._weighed
    monkeypatch.setattr(
        Trust, "_weighed", lambda self, series: asked.append(0) or weighed(self, series)
    )
    until = Series(0.0, HOUR_S, values[: 19 * 24])
    weights = {trust.weight(until, (19 * 24 - 1 + n) * HOUR_S) for n in (0, 1, 2, 25)}
    assert (len(asked), len(weights)) == (3, 1)
    assert weights.pop() < 0.3


def test_issues_at_another_distance_of_points_are_not_compared():
    trust = Trust(DAY_S)
    for hour in range(10 * 24, 19 * 24):
        trust.note(replace(issue(hour, [1.0] * 24), period_seconds=1800.0))
    assert trust.weight(Series(0.0, HOUR_S, waves(20 * 24)), 20 * DAY_S) == 1.0
