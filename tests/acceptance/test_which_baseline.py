"""The table "Which baseline" of docs/method.md: computed again, and what its words say of it."""

from pathlib import Path

import numpy as np
import pytest

from shared.domain.replay import Foreseen, Policy, Replay
from shared.domain.savings import Point, Run, account
from shared.domain.windows import Series

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
PAGE = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
HOUR_S = 3600.0
needs_grids = pytest.mark.skipif(
    not (DATA / "electricity_maps_2022_hourly.csv").exists(),
    reason="needs the recorded grids in ../shared/data",
)


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("which_baseline")


@pytest.fixture
def table(bench):
    """The cells of the page's table by zone."""
    body = PAGE.split(bench.HEADER + "\n")[1].splitlines()[1:]
    end = next(place for place, line in enumerate(body) if not line.startswith("|"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body[:end]]
    return {zone: tuple(cells) for zone, *cells in rows}


def waves():
    hours = np.arange(24 * 60)
    return Series(0.0, HOUR_S, 300 + 100 * np.sin(2 * np.pi * hours / 24))


@needs_grids
@pytest.mark.timeout(300)  # some ten seconds a zone on an idle machine
@pytest.mark.parametrize("zone", ["PL", "SE-SE3"])
def test_a_row_of_the_page_is_what_the_script_prints(bench, table, zone):
    ((name, found),) = bench.rows(DATA, [zone])
    assert name == zone
    assert found.cells() == table[zone]


@needs_grids
def test_what_runs_at_once_is_credited_as_the_page_says_in_every_zone(
    bench, benchmark_script, table
):
    grids = benchmark_script("published_results").zones(DATA)
    assert set(grids) == set(table)
    for zone, series in grids.items():
        load = benchmark_script("forecasters").uniform_jobs(series)
        found = Replay(series, load, Foreseen(series)).run(Policy.RUN_NOW)
        used_kwh = 2.0 * len(load)
        mean, by_fixed, by_ours, _, _, possible = table[zone]
        assert f"{found.emissions_g / used_kwh:.0f}" == mean
        assert f"{100 - 100 * found.emissions_g / (450 * used_kwh):.1f}" == by_fixed
        assert f"{found.avoided_percent:.1f}" == by_ours == "0.0"
        assert f"{found.optimal_percent:.1f}" == possible


def test_the_words_below_the_table_are_true(table):
    rows = [[float(cell) for cell in cells] for cells in table.values()]
    assert all(adaptive_ours <= possible for *_, adaptive_ours, possible in rows)
    for_nothing = sum(at_once > possible for _, at_once, _, _, _, possible in rows)
    called_a_loss = sum(by_fixed < 0 < by_ours for _, _, _, by_fixed, by_ours, _ in rows)
    words = {2: "two", 5: "five"}
    assert f"above it in {words[for_nothing]} zones for doing nothing" in " ".join(PAGE.split())
    assert f"in {words[called_a_loss]} it calls real savings a loss" in " ".join(PAGE.split())


def test_the_replay_credits_as_the_ledger_does(bench, benchmark_script):
    """Both baselines of the table from `savings.account`, job by job."""
    series = waves()
    load = benchmark_script("forecasters").uniform_jobs(series)
    replay = Replay(series, load, Foreseen(series))
    points = [Point(HOUR_S * hour, HOUR_S, value) for hour, value in enumerate(series.values)]
    started_s = load.submitted_s + replay.outcome(Policy.LOWEST_WINDOW).wait_s
    accounts = [
        account([Run(start_s, start_s + 2 * HOUR_S, 2.0)], submitted_s, points)
        for submitted_s, start_s in zip(load.submitted_s, started_s, strict=True)
    ]
    found = replay.run(Policy.LOWEST_WINDOW)
    assert sum(each.avoided_g for each in accounts) == pytest.approx(found.avoided_g)
    fixed = 1 - sum(each.emissions_g for each in accounts) / sum(
        each.reference_g for each in accounts
    )
    assert bench.fixed_percent(found.emissions_g, 2.0 * len(load)) == pytest.approx(100 * fixed)


def test_on_any_grid_running_at_once_earns_nothing_by_ours(bench):
    found = bench.credits_of(waves())
    assert found.at_once_ours == 0.0
    assert found.at_once_fixed == pytest.approx(100 * (1 - found.mean_g_per_kwh / 450))
    assert 0 < found.adaptive_ours <= found.possible


def test_an_unknown_zone_is_named_and_so_is_what_there_is(bench, monkeypatch, capsys):
    monkeypatch.setattr(bench, "zones", lambda _: {"DE": waves()})
    with pytest.raises(SystemExit) as ended:
        bench.main(["--only", "FR"])
    assert ended.value.code == 2
    assert "--only: no zone FR; there are DE" in capsys.readouterr().err
