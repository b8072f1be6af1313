"""A million decisions in twenty seconds on one core."""

import pytest

from shared.domain.replay import Policy

MOST_SECONDS_PER_MILLION = 20.0


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("decisions")


def test_a_replay_decides_a_million_times_in_twenty_seconds(bench):
    speed = bench.replayed_decisions(1, Policy.ADAPTIVE)
    assert speed.decisions >= 1_000_000
    assert speed.seconds_for_a_million < MOST_SECONDS_PER_MILLION


def test_the_scheduler_decides_a_million_jobs_in_twenty_seconds(bench):
    speed = bench.live_decisions(3, 72.0)
    assert speed.decisions == bench.JOBS_AT_ONCE
    assert speed.seconds_for_a_million < MOST_SECONDS_PER_MILLION


def test_the_table_has_a_line_for_every_measurement(bench, monkeypatch, capsys):
    monkeypatch.setattr(bench, "JOBS_AT_ONCE", 20)
    monkeypatch.setattr(
        bench, "speeds", lambda repeats: iter([bench.live_decisions(repeats, 14.0)])
    )
    bench.main(["--repeats", "1"])
    title, heads, line = capsys.readouterr().out.splitlines()
    assert "medians of 1 repeats" in title
    assert "us each" in heads
    assert line.startswith("decide(), deadline within 14 h")
