import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Cli = Callable[..., Result]

SAVER = "aaaaaaaa-0000-4000-8000-000000000001"
WAITER = "bbbbbbbb-0000-4000-8000-000000000002"
LOSER = "cccccccc-0000-4000-8000-000000000003"
STATUS_KEYS = {
    "region", "intensity_g_per_kwh", "band", "signal", "source", "simulated", "freshness",
    "age_seconds", "jobs", "capacity", "emissions_g", "baseline_g", "reference_g", "avoided_g",
    "energy_kwh",
}  # fmt: skip
COUNT_KEYS = {
    "submitted", "deferred", "ready", "running", "succeeded", "dead", "cancelled", "expired",
    "rejected",
}  # fmt: skip
CAPACITY_KEYS = {"consumers", "prefetch", "base_consumers", "factor"}
JOB_KEYS = {
    "id", "type", "state", "attempts", "deferrals", "submitted_at", "started_at", "finished_at",
    "planned_at", "deadline", "energy_kwh", "energy_method", "emissions_g", "baseline_g",
    "avoided_g", "promised_g", "result", "error",
}  # fmt: skip
DECISION_KEYS = {
    "at", "outcome", "reason", "intensity_g_per_kwh", "band", "planned_at", "expected_g_per_kwh",
    "expected_saving_g", "latest_start", "freshness",
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("filled_ledger")


def test_the_status_has_the_fields_that_scripts_depend_on(cli: Cli) -> None:
    result = cli("status", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) >= STATUS_KEYS
    assert set(told["jobs"]) >= COUNT_KEYS
    assert set(told["capacity"]) >= CAPACITY_KEYS
    assert (told["region"], told["band"], told["simulated"]) == ("CAISO_NORTH", "low", True)
    assert (told["jobs"]["succeeded"], told["jobs"]["dead"], told["jobs"]["deferred"]) == (1, 1, 1)
    assert told["avoided_g"] == pytest.approx(told["baseline_g"] - told["emissions_g"])
    assert result.stdout.count("\n") == 1


def test_the_block_says_everything_and_marks_what_is_simulated(cli: Cli) -> None:
    result = cli("status")
    lines = {line[:18].strip(): line[18:] for line in result.stdout.splitlines()}
    assert lines["Carbon intensity"] == "200 g/kWh   low    SIMULATED"
    assert lines["Jobs processed"] == "2 (1 succeeded, 1 dead)"
    assert lines["Jobs deferred"] == "1 waiting for a cleaner grid"
    assert lines["Jobs in queue"] == "0 released, waiting for a worker"
    assert lines["Jobs pending"] == "1 not begun"
    assert lines["Jobs running"] == "0"
    assert lines["Jobs dead"] == "1"
    assert lines["Carbon saved"].startswith("+3.13 g (+62.7 % of the baseline 5.00 g)")
    assert lines["Carbon saved"].endswith("SIMULATED")
    assert lines["Reference"].endswith("the same energy at a fixed 450 g/kWh")
    assert lines["Active workers"] == "1"
    assert lines["Capacity"] == "6 consumers, prefetch 2, base 4 (low band: 1.5 x the base)"


def test_in_a_pipe_there_are_no_colours_no_boxes_and_no_spaces_at_the_end(cli: Cli) -> None:
    for command in (("status",), ("status", SAVER), ("why", SAVER)):
        text = cli(*command).stdout
        assert not set("\x1b│╭─┃") & set(text)
        assert [line.rstrip() for line in text.splitlines()] == text.splitlines()


def test_a_long_line_stays_whole_in_a_pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    reason = "the grid is 600 g/kWh (very high), and 200 g/kWh is expected later"
    assert reason in cli("why", SAVER).stdout


def test_a_job_has_the_fields_that_scripts_depend_on(cli: Cli) -> None:
    told = json.loads(cli("status", SAVER, "--json").stdout)
    assert set(told) >= JOB_KEYS
    assert (told["id"], told["state"], told["deferrals"]) == (SAVER, "succeeded", 1)
    assert told["result"] == {"epochs": 3}
    assert told["finished_at"].endswith("Z")
    assert told["promised_g"] == pytest.approx(3.33)


def test_the_beginning_of_an_id_is_enough(cli: Cli) -> None:
    result = cli("status", "bbbbbb")
    assert WAITER in result.stdout
    assert "deferred" in result.stdout
    assert "(in 9 min" in result.stdout or "(in 10 min" in result.stdout


def test_a_dead_job_shows_its_error(cli: Cli) -> None:
    text = cli("status", LOSER).stdout
    assert "Error         ValueError: no data" in text


def test_why_has_the_fields_that_scripts_depend_on(cli: Cli) -> None:
    told = json.loads(cli("why", SAVER, "--json").stdout)
    account = {"account_version", "account_revisions"}
    assert set(told) == {"id", "decisions", "attempts", "audit"} | account
    assert [row["outcome"] for row in told["decisions"]] == ["deferred", "released"]
    assert all(set(row) >= DECISION_KEYS for row in told["decisions"])


def test_why_tells_the_trail_and_ends_with_what_was_saved(cli: Cli) -> None:
    lines = cli("why", SAVER).stdout.splitlines()
    assert lines[0] == f"{SAVER}  ml_training"
    words = [word for line in lines for word in line.split()]
    trail = [word for word in words if word in {"submitted", "deferred", "released", "started"}]
    assert trail == ["submitted", "deferred", "released", "started"]
    assert any("600 g/kWh if run at once, 200 g/kWh expected there" in line for line in lines)
    assert lines[-1].startswith("Saved  +3.33 g: 1.67 g emitted, 5.00 g if run at submission")
    assert lines[-1].endswith("promised +3.33 g   SIMULATED")


def test_why_of_a_waiting_job_says_what_is_promised(cli: Cli) -> None:
    assert "not finished yet; its first decision promised +3.33 g" in cli("why", WAITER).stdout


@pytest.mark.parametrize("command", ["status", "why"])
def test_an_unknown_job_is_exit_4_and_one_line(cli: Cli, command: str) -> None:
    result = cli(command, "123456")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error: the ledger knows no job 123456; ")


def test_a_watched_job_that_is_over_ends_at_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQP_URL", "amqp://127.0.0.1:1/")
    result = cli("watch", SAVER)
    assert result.exit_code == 0
    assert "State         succeeded" in result.stdout
    assert result.stderr == "no broker answers: following the ledger\n"
    assert json.loads(cli("watch", SAVER, "--json").stdout)["state"] == "succeeded"


def test_a_folder_without_a_ledger_is_exit_69(cli: Cli, tmp_path: Path) -> None:
    result = cli("status", "--data-dir", str(tmp_path / "elsewhere"))
    assert result.exit_code == 69
    assert result.stderr.startswith("error: there is no ledger at ")
    assert result.stderr.count("\n") == 1


def test_a_wrong_variable_is_exit_78_and_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOT_SECONDS", "-1")
    result = cli("status")
    assert result.exit_code == 78
    assert "slot_seconds" in result.stderr
