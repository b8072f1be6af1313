"""What `status ID`, `why ID`, `report` and `watch` say of an account that was revised."""

import json
import runpy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from services.cli.event_words import event_line
from shared.domain.grid import Signal
from shared.ledger.reads import RevisedAccounts
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.report.revisions import revised_accounts_line

Cli = Callable[..., Result]
STORY: Any = runpy.run_path(str(Path(__file__).parents[1] / "ledger" / "story.py"))["Story"]
REVISED, LATE, UNTOUCHED = 1, 2, 3
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
UNTIL = ("--since", "2026-11-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z")


@pytest.fixture
def told(empty_folder: Path) -> Any:
    """A ledger with three jobs; a source revised its history after the first two had ended."""
    story = STORY()
    url = "sqlite:///.carbon-aware/ledger.db"
    migrate(url)
    engine = open_engine(url)
    grid = [story.intensity(300 * n, 400.0 - 100 * n) for n in range(4)]
    with writing(engine) as connection:
        record(connection, [*grid, story.accepted(REVISED, 0), story.succeeded(REVISED, 300, 900)])
        record(connection, [story.accepted(LATE, 300), story.succeeded(LATE, 300, 900)])
        record(connection, [story.accepted(UNTOUCHED, 50_000)])
        record(connection, [story.revised(5000, 300, [360.0, 260.0])], NOW)
        record(connection, [story.failed(LATE, 300, 600, energy_kwh=0.5, attempt=2)], NOW)
    engine.dispose()
    return story


def test_why_tells_the_change_and_its_cause(cli: Cli, told: Any) -> None:
    done = cli("why", str(told.job_id(REVISED)))
    line = "version 2: avoided +100.0 g -> +70.0 g: WattTime revised 2 of 3 readings"
    assert next(row for row in done.stdout.splitlines() if "revised" in row).endswith(line)


def test_an_unchanged_saving_tells_what_was_emitted(cli: Cli, told: Any) -> None:
    done = cli("status", str(told.job_id(LATE)))
    rows = [row for row in done.stdout.splitlines() if row.startswith("Revised")]
    assert len(rows) == 2
    assert rows[0].endswith("emitted 250.0 g -> 310.0 g: WattTime revised 2 of 2 readings")
    assert rows[1].endswith("-> -180.0 g: readings, or words on how it ran, came late")


def test_status_json_has_the_version_and_both_accounts(cli: Cli, told: Any) -> None:
    found = json.loads(cli("status", str(told.job_id(REVISED)), "--json").stdout)
    assert found["account_version"] == 2
    (kept,) = found["account_revisions"]
    assert (kept["version"], kept["cause"], kept["sources"]) == (2, "revised", ["watttime"])
    assert (kept["was"]["avoided_g"], kept["now"]["avoided_g"]) == (100.0, 70.0)
    assert kept["now"]["avoided_g"] == found["avoided_g"]
    assert kept["at"] == "2026-11-23T05:00:00Z"


def test_why_json_has_them_too(cli: Cli, told: Any) -> None:
    found = json.loads(cli("why", str(told.job_id(REVISED)), "--json").stdout)
    assert (found["account_version"], len(found["account_revisions"])) == (2, 1)


def test_an_account_that_never_changed_says_nothing(cli: Cli, told: Any) -> None:
    found = json.loads(cli("status", str(told.job_id(UNTOUCHED)), "--json").stdout)
    assert (found["account_version"], found["account_revisions"]) == (1, [])
    assert "revised" not in cli("why", str(told.job_id(UNTOUCHED))).stdout


def test_the_report_counts_each_account_once_and_sums_all_changes(cli: Cli, told: Any) -> None:
    found = json.loads(cli("report", "--json", *UNTIL).stdout)
    assert found["revised"] == [
        {
            "signal": "marginal",
            "simulated": False,
            "accounts": 2,
            "emissions_change_g": pytest.approx(60.0 + 60.0 + 180.0),
            "avoided_change_g": pytest.approx(-30.0 - 180.0),
            "newly_known_accounts": 0,
        }
    ]
    line = "2 accounts were revised in this time (real, marginal intensity): -210.0 g avoided"
    assert f"{line}, +300.0 g emitted in sum" in cli("report", *UNTIL).stdout


def test_a_report_of_another_time_has_no_revisions(cli: Cli, told: Any) -> None:
    before = ("--since", "2026-11-01T00:00:00Z", "--until", "2026-11-23T05:00:00Z")
    assert json.loads(cli("report", "--json", *before).stdout)["revised"] == []
    assert "revised" not in cli("report", *before).stdout


def test_the_page_has_the_line(cli: Cli, told: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert cli("report", "--html", str(page), *UNTIL).exit_code == 0
    assert "2 accounts were revised in this time (real, marginal intensity)" in page.read_text()


@pytest.mark.parametrize(
    ("sums", "line"),
    [
        (
            RevisedAccounts(Signal.AVERAGE, False, 1, -2.0, 1.0, 0),
            "(real, average intensity): +1.00 g avoided, -2.00 g emitted in sum",
        ),
        (
            RevisedAccounts(Signal.MARGINAL, True, 3, None, None, 3),
            "(simulated, marginal intensity); 3 unknown before",
        ),
        (
            RevisedAccounts(None, None, 1, None, None, 0),
            "(on an unknown grid)",
        ),
    ],
)
def test_every_kind_of_sum_has_words(sums: RevisedAccounts, line: str) -> None:
    many = "1 account was" if sums.accounts == 1 else "3 accounts were"
    assert revised_accounts_line(sums) == f"{many} revised in this time {line}"


def test_a_revision_of_the_grid_is_one_line_of_watch(told: Any) -> None:
    line = event_line(told.revised(0, 300, [1.0, 2.0], simulated=True))
    assert line.word.plain == "revised"
    text = "CAISO_NORTH: watttime says 2 points otherwise than before SIMULATED"
    assert line.text.plain.split() == text.split()
