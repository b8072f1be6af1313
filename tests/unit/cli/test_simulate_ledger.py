"""`simulate --from-ledger`: one's own jobs under other policies, beside what really happened."""

import json
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, update

from services.cli.simulate_ledger import History
from shared.domain.grid import Signal
from shared.domain.replay import Schedule, longest_stretch
from shared.ledger.reads.history import ObservedKind
from shared.ledger.schema import open_engine, writing
from shared.ledger.tables import attempts, jobs, readings
from shared.ledger.writes import settle_accounts


@pytest.fixture
def engine(filled_ledger):
    opened = open_engine(filled_ledger)
    with writing(opened) as connection:
        while settle_accounts(connection):
            pass
    yield opened
    opened.dispose()


def replayed(cli, *options):
    result = cli("simulate", "--from-ledger", "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_really_happened_is_what_the_ledger_accounted(cli, engine):
    told = replayed(cli, "--policy", "run_now", "--forecast", "perfect")
    with engine.connect() as connection:
        emitted, avoided = connection.execute(
            select(func.sum(jobs.c.emissions_g), func.sum(jobs.c.avoided_g)).where(
                jobs.c.state == "succeeded"
            )
        ).one()
    assert told["realised"]["emissions_g"] == pytest.approx(emitted)
    assert told["realised"]["avoided_g"] == pytest.approx(avoided)
    assert told["realised"]["jobs"] == told["policies"]["run_now"]["jobs"] == 1
    assert told["realised"]["mean_wait_seconds"] == pytest.approx(25 * 60)
    assert told["policies"]["run_now"]["emissions_g"] == pytest.approx(emitted + avoided)


def test_json_says_what_the_data_is(cli, engine):
    told = replayed(cli, "--policy", "adaptive")
    assert (told["simulated"], told["region"], told["signal"]) == (True, "CAISO_NORTH", "marginal")
    assert (told["source"], told["readings_bridged"], told["jobs_left_out"]) == ("watttime", 0, 0)


def test_the_table_is_marked_and_has_a_line_for_what_happened(cli, engine):
    result = cli("simulate", "--from-ledger", "--policy", "run_now")
    assert result.exit_code == 0, result.output
    title, _, *lines = result.stdout.splitlines()
    assert "CAISO_NORTH, marginal by watttime" in title
    assert "SIMULATED" in title
    assert [line.split("  ")[0] for line in lines] == ["really happened", "run_now"]


@pytest.mark.parametrize(
    ("period_s", "simulated", "day_s"),
    [
        (300.0, True, 86_400.0),
        (5.0, True, 1440.0),
        (3600.0, True, 86_400.0),
        (5.0, False, 86_400.0),
    ],
)
def test_a_faster_replay_has_shorter_days(period_s, simulated, day_s):
    kind = ObservedKind(Signal.MARGINAL, "watttime", simulated, period_s, 2)
    stretch = longest_stretch(np.array([0.0, period_s]), np.array([100.0, 200.0]), period_s)
    none = np.array([])
    history = History("R", kind, stretch, [], Schedule(none.astype(int), none, none), none, {})
    assert history.day_seconds == day_s


def test_no_policy_plans_beyond_the_readings(cli, engine, story):
    result = cli("simulate", "--from-ledger", "--policy", "optimal", "--json")
    assert "1 deadline cut to the end of the readings" in result.stderr  # it was in two hours
    assert "held on" not in result.stderr
    best = json.loads(result.stdout)["policies"]["optimal"]
    assert best["mean_wait_seconds"] <= 55 * 60 + 5 * 60
    assert best["missed_deadlines"] == 0


def test_missing_readings_are_bridged_and_counted(cli, engine, story):
    with writing(engine) as connection:
        connection.execute(readings.delete().where(readings.c.at == story.ago(50)))
    result = cli("simulate", "--from-ledger", "--policy", "run_now", "--json")
    assert "1 missing reading bridged by straight lines" in result.stderr
    assert json.loads(result.stdout)["readings_bridged"] == 1


def test_jobs_outside_the_longest_stretch_are_left_out_with_their_number(cli, engine, story):
    gap = (readings.c.at > story.ago(55)) & (readings.c.at < story.ago(25))
    with writing(engine) as connection:
        connection.execute(readings.delete().where(gap))
    result = cli("simulate", "--from-ledger", "--policy", "run_now")
    assert result.exit_code == 4
    assert "can be replayed; 1 left out: they lie outside the readings" in result.stderr


def test_a_job_of_unknown_energy_is_left_out(cli, engine):
    with writing(engine) as connection:
        connection.execute(update(attempts).values(energy_kwh=None))
    result = cli("simulate", "--from-ledger")
    assert result.exit_code == 4
    assert "1 left out: their energy is unknown" in result.stderr


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--since", "10m"), "no job finished in the last 10 min"),
        (("--region", "PJM"), "0 observed readings of PJM"),
    ],
)
def test_where_there_is_not_enough_one_line_says_so(cli, engine, options, line):
    result = cli("simulate", "--from-ledger", *options)
    assert result.exit_code == 4
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--from-ledger", "--jobs", "x.csv"), "--jobs: cannot be used with --from-ledger"),
        (("--from-ledger", "--since", "soon"), "--since: 'soon' is no duration"),
        (("--from-ledger", "--since", "2026"), "--since: '2026' has no unit; write 60s, 5m or 2h"),
        (("--region", "PJM"), "--region: cannot be used without --from-ledger"),
        (("--since", "2d"), "--since: cannot be used without --from-ledger"),
        ((), "--intensity: is missing"),
        (("--intensity", "x.csv"), "--jobs: is missing"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(cli, empty_folder, options, line):
    result = cli("simulate", *options)
    assert result.exit_code == 2
    assert line in result.stderr


def test_a_ledger_that_is_not_there_is_unreachable(cli, empty_folder):
    assert cli("simulate", "--from-ledger").exit_code == 69


def test_a_late_start_counts_against_what_happened(cli, engine, story):
    late = story.ago(20)
    with writing(engine) as connection:
        done = attempts.c.outcome == "succeeded"
        connection.execute(
            update(attempts)
            .where(done)
            .values(started_at=late, finished_at=late + timedelta(minutes=2))
        )
        connection.execute(update(jobs).values(deadline=late))
    told = replayed(cli, "--policy", "run_now")
    assert told["realised"]["missed_deadlines"] == 1
    assert told["policies"]["run_now"]["missed_deadlines"] == 0
