"""Some hours of jobs through the real services save what the replay of the same log predicts."""

import importlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SPEED = 150  # a point of the grid lasts 2 s
HOURS = 3
JOBS = 100
START = datetime(2021, 4, 13, 12, 30, tzinfo=UTC)
"""It falls from 380 to 80 g/kWh in three hours: much to be saved whenever the system is ready."""


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_three_hours_of_jobs_save_what_the_replay_predicts(tmp_path, rabbitmq_server, monkeypatch):
    """The tolerance is the full day's 5 %, at 150x instead of 60x.

    The two pools together have a place for every job even in a very high band, where they shrink
    to a quarter: the prediction knows no pools.

    Two things make a live start differ from the replay's. A job starts when the update of its
    point has arrived and the messages have passed, some tenths of a second into a point of 2 s.
    And from that moment on the present window is weighed, not from the beginning of the point:
    where the forecast is nearly flat, one of them runs and the other waits on, for about the same
    grams. Both together came to less than 1 % of the savings, on a machine with other work too.
    """
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    bench = importlib.import_module("live_against_replay")
    setup = bench.Setup(SPEED, START, base_consumers=2 * JOBS)
    done = bench.live_day(tmp_path, setup, hours=HOURS, jobs=JOBS, seed=1)
    assert done.failures() == [], "\n".join(bench.report(done))
    assert bench.TOLERANCE == 0.05
    assert done.live_avoided_g > 0.1 * done.live.baseline_g.sum(), "there was much to be saved"
    assert (done.live.started_s - done.live.workload.submitted_s > 10).sum() > JOBS / 20
    assert done.audited.run_now_g.sum() == pytest.approx(done.live.baseline_g.sum(), rel=0.005)
    audited_g = done.audited.run_now_g - done.audited.emissions_g
    assert audited_g.sum() == pytest.approx(done.live_avoided_g, rel=0.01), "one account"
