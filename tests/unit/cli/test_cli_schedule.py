"""`schedule list`: from the file alone, without a broker."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.output import console
from services.cli.schedule_view import planned_runs, print_schedules
from shared.schedules import parse_schedules

TEXT = """
[[schedule]]
name = "nightly report"
cron = "0 22 * * *"
timezone = "Europe/Berlin"
until = "07:00"
type = "report"

[[schedule]]
name = "check"
cron = "*/5 * * * *"
within = "1h"
type = "fraud_check"

[[schedule]]
name = "yearly"
cron = "0 0 1 1 *"
type = "archive"
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["schedule", "list", *args])


def test_each_schedule_is_a_line_with_its_next_run_and_window(tmp_path, run):
    (tmp_path / "jobs.toml").write_text(TEXT)
    done = run()
    assert done.exit_code == 0, done.output
    nightly, check, yearly = done.stdout.splitlines()
    assert nightly.startswith("nightly report  0 22 * * *   next ")
    assert nightly.endswith("done by 07:00, report, times of Europe/Berlin")
    assert "done within 1 h, fraud_check" in check
    assert "by the usual deadline of its type, archive" in yearly


def test_json_has_instants_in_utc(tmp_path, run):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    rows = json.loads(run("--json", "--file", str(path)).stdout)["schedules"]
    assert [row["name"] for row in rows] == ["nightly report", "check", "yearly"]
    nightly, check, yearly = rows
    assert nightly["next_at"].endswith(("20:00:00Z", "21:00:00Z"))
    assert nightly["until"] == "07:00"
    assert check["within_seconds"] == 3600
    assert (yearly["finish_by"], yearly["within_seconds"], yearly["until"]) == (None, None, None)
    assert len(nightly["next_id"]) == 36


def test_the_next_run_and_its_window_are_those_of_the_scheduler():
    (entry,) = parse_schedules([{"name": "a", "cron": "0 22 * * *", "type": "t", "until": "07:00"}])
    (row,) = planned_runs([entry], datetime(2026, 6, 1, 23, tzinfo=UTC))
    assert row.next_at == datetime(2026, 6, 2, 22, tzinfo=UTC)
    assert row.finish_by == datetime(2026, 6, 3, 7, tzinfo=UTC)


def test_a_wrong_or_missing_file_is_one_line(tmp_path, run):
    missing = run()
    assert missing.exit_code == 78
    assert missing.stderr == "error: JOBS_FILE: there is no jobs.toml; name yours with --file\n"
    (tmp_path / "jobs.toml").write_text('[[schedule]]\nname = "a"\ntype = "t"\ncron = "* * *"')
    wrong = run()
    assert wrong.exit_code == 78
    assert wrong.stderr.startswith("error: JOBS_FILE: jobs.toml: schedule 'a': cron: write minute")


def test_the_example_is_valid(run):
    example = Path(__file__).parents[3] / "examples" / "schedules.toml"
    done = run("--file", str(example))
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 2


def test_a_file_without_schedules_says_so(capsys):
    print_schedules(console(), [], datetime(2026, 6, 1, tzinfo=UTC))
    assert "write a [[schedule]]" in capsys.readouterr().err
