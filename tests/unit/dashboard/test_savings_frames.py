"""What the charts and files of the page Savings are made from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import frames_savings, tables_savings, units
from dashboard.equivalents import CAR_G_PER_KM, PHONE_G_PER_CHARGE, equivalents
from shared.domain.grid import Signal
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, KindReport, ReportRow
from shared.ledger.reads.waiting import DeferralCost, WaitBucket

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GRAM, SECOND = units.Unit("g", 1.0), units.Unit("s", 1.0)
COST = DeferralCost(Signal.MARGINAL, False, "etl", 4, 3600.0, 100.0)
ROW = ReportRow(
    group="etl", jobs=10, succeeded_jobs=9, known_jobs=8, unknown_jobs=2, energy_kwh=1.5,
    wasted_kwh=0.1, emissions_g=300.0, baseline_g=400.0, avoided_g=100.0, avoided_percent=25.0,
    reference_g=675.0, promised_jobs=5, promised_g=120.0, realised_g=90.0,
    sci_operational_g_per_job=37.5, mean_wait_seconds=1800.0, p95_wait_seconds=7200.0,
    missed_deadlines=1, energy_measured_jobs=3, energy_modelled_jobs=0, energy_declared_jobs=5,
    intensity_observed_jobs=8, intensity_forecast_jobs=0, intensity_carried_jobs=0,
    emissions_without_baseline_g=None, unknown_jobs_energy_kwh=None,
)  # fmt: skip
UNKNOWN = replace(
    ROW, group='odd, "name"', known_jobs=0, energy_kwh=None, emissions_g=None, baseline_g=None,
    avoided_g=None, avoided_percent=None, promised_jobs=0, promised_g=None, realised_g=None,
    sci_operational_g_per_job=None, mean_wait_seconds=None, p95_wait_seconds=None,
)  # fmt: skip
REAL = KindReport(Signal.MARGINAL, False, (ROW,), replace(ROW, group="total"))
ODD = KindReport(None, None, (UNKNOWN,), replace(UNKNOWN, group="total"))


def test_running_sums_hold_to_the_end_of_the_period() -> None:
    points = [CurvePoint(NOW, 0.0, 0.0, 0.0), CurvePoint(NOW, 2000.0, 3000.0, 4000.0)]
    unit = frames_savings.sums_unit(points)
    rows = frames_savings.running_sums(points, NOW + timedelta(hours=1), unit)
    assert unit.name == "kg"
    last = rows[rows["at"] == NOW + timedelta(hours=1)]
    assert dict(zip(last["line"], last["value"], strict=True)) == {
        frames_savings.EMITTED: 2.0,
        frames_savings.AT_SUBMISSION: 3.0,
        frames_savings.REFERENCE: 4.0,
    }
    assert frames_savings.running_sums([], NOW, unit).empty


def test_groups_that_matter_most_are_drawn() -> None:
    rows = [replace(ROW, group=str(n), avoided_g=float(n - 20)) for n in range(30)]
    drawn = frames_savings.avoided(rows, GroupBy.TYPE, GRAM)
    assert drawn["group"].tolist()[0] == "0"  # the greatest loss is not hidden
    assert len(drawn) == frames_savings.GROUPS_SHOWN
    assert len(frames_savings.avoided(rows, GroupBy.DAY, GRAM)) == 30


def test_unknown_groups_are_not_drawn() -> None:
    assert frames_savings.avoided([UNKNOWN], GroupBy.TYPE, GRAM).empty
    assert frames_savings.promises([UNKNOWN], GroupBy.TYPE, GRAM).empty


def test_promised_stands_beside_realised() -> None:
    drawn = frames_savings.promises([ROW], GroupBy.TYPE, GRAM)
    assert dict(zip(drawn["which"], drawn["value"], strict=True)) == {
        frames_savings.PROMISED: 120.0,
        frames_savings.REALISED: 90.0,
    }


def waited(*means_seconds: float) -> list[WaitBucket]:
    return [WaitBucket(mean / 1.05, mean * 1.05, 2, mean) for mean in means_seconds]


def test_waits_are_counted_in_bars_with_names() -> None:
    rows = frames_savings.waits(waited(0.0, 9.9, 59.9, 310.0, 1000.0))
    names = ["under 10 s", "10 s\u20131 min", "1\u20135 min", "5\u201315 min", "15 min\u20131 h"]
    assert rows["wait"].tolist() == names
    assert rows["jobs"].tolist() == [4, 2, 0, 2, 2]
    assert frames_savings.waits([]).empty


def test_the_last_bar_has_no_end_and_the_first_takes_what_a_skewed_clock_made() -> None:
    rows = frames_savings.waits(waited(-3.0, 24 * 3600.0, 1e9))
    assert rows["jobs"].tolist() == [2, *[0] * 8, 4]
    assert rows["wait"].tolist()[-1] == "over 1 d"


def test_the_table_ends_with_all_groups_and_keeps_unknown_apart() -> None:
    kind = KindReport(Signal.MARGINAL, False, (ROW, UNKNOWN), replace(ROW, group="total"))
    table = tables_savings.groups(kind, GroupBy.TYPE)
    assert table["Job type"].tolist() == ["etl", 'odd, "name"', "all"]
    assert table["Avoided, g"].isna().tolist() == [False, True, False]
    assert table["Mean wait, min"].tolist()[0] == 30.0
    assert table["Energy is"].tolist()[0] == "3 measured, 5 declared"
    assert len(tables_savings.groups(REAL, GroupBy.TYPE)) == 1


def test_what_waiting_bought_is_told_of_the_deferred_jobs_alone() -> None:
    drawn = frames_savings.waiting_against_saving([COST], SECOND, GRAM)
    found = drawn[["group", "wait", "grams", "jobs"]].to_numpy().tolist()
    assert found == [["etl", 3600.0, 25.0, 4]]
    assert frames_savings.waiting_against_saving([], SECOND, GRAM).empty


def test_dots_on_top_of_each_other_are_named_together() -> None:
    near = [replace(COST, group=name, mean_wait_seconds=1.0) for name in ("a", "b")]
    drawn = frames_savings.waiting_against_saving([COST, *near], SECOND, GRAM)
    assert drawn["names"].tolist() == ["etl", "a, b", ""]
    third = replace(near[0], group="c")
    drawn = frames_savings.waiting_against_saving([COST, *near, third], SECOND, GRAM)
    assert drawn["names"].tolist() == ["etl", "a and 2 more", "", ""]


@given(st.floats(0, 1e9))
def test_equivalents_are_the_grams_over_their_factor(grams: float) -> None:
    car, phone = equivalents(grams)
    assert car.amount * CAR_G_PER_KM == pytest.approx(grams)
    assert phone.amount * PHONE_G_PER_CHARGE == pytest.approx(grams)
    assert pytest.approx(244.2, abs=0.1) == CAR_G_PER_KM
    assert "2026" in car.source


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=5))
def test_a_unit_suits_the_largest_figure(values: list[float | None]) -> None:
    for unit in (units.mass(values), units.energy(values), units.time(values)):
        assert unit.name
        assert [unit.of(value) is None for value in values] == [v is None for v in values]


@pytest.mark.parametrize(
    ("seconds", "name"), [(0, "s"), (100, "s"), (200, "min"), (20_000, "h"), (400_000, "d")]
)
def test_spans_change_their_unit_with_their_size(seconds: float, name: str) -> None:
    assert units.time([None, seconds]).name == name
