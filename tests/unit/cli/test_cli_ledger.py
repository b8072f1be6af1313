"""`carbon-aware ledger`: what a person and a script get."""

import gzip
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from services.cli import ledger_commands
from services.cli.ledger_commands import in_bytes
from shared.ledger.schema import migrate

Cli = Callable[..., Result]
LEDGER = Path(".carbon-aware/ledger.db")


def spoil(statement: str) -> None:
    connection = sqlite3.connect(LEDGER)
    connection.execute(statement)
    connection.commit()
    connection.close()


def jobs(path: Path = LEDGER) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    connection.close()
    return int(count)


def test_a_sound_ledger_is_checked_with_exit_code_0(cli: Cli, filled_ledger: str) -> None:
    result = cli("ledger", "check")
    assert result.exit_code == 0, result.output
    assert "sqlite, tables of version" in result.stdout
    assert "✗" not in result.stdout
    found = json.loads(cli("ledger", "check", "--json").stdout)
    assert found["ok"] is True
    assert {finding["mark"] for finding in found["findings"]} == {"ok"}


def test_a_finding_says_what_to_do(cli: Cli, filled_ledger: str) -> None:
    spoil("UPDATE jobs SET avoided_g = avoided_g + 1")
    result = cli("ledger", "check")
    assert result.exit_code == 1
    line, sums = [line for line in result.stdout.splitlines() if line.startswith("✗")]
    assert "2 jobs whose avoided emissions are not baseline less emissions (aaaaaaaa-" in line
    assert "that are not the sums of their jobs (daily of day " in sums
    assert "`carbon-aware ledger rebuild dump.jsonl.gz --into NEW_URL`" in line
    assert json.loads(cli("ledger", "check", "--json").stdout)["ok"] is False


def test_an_account_that_is_due_is_a_warning(cli: Cli, filled_ledger: str) -> None:
    spoil("UPDATE jobs SET account_due = 1 WHERE avoided_g IS NOT NULL")
    result = cli("ledger", "check")
    assert result.exit_code == 0
    assert "!  accounts due " in result.stdout


def test_a_missing_ledger_is_a_finding(cli: Cli, empty_folder: Path) -> None:
    result = cli("ledger", "check", "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["findings"]
    assert "carbon-aware setup" in finding["fix"]


def test_vacuum_says_the_sizes(cli: Cli, filled_ledger: str) -> None:
    assert re.fullmatch(r"\d+\.\d kB before, \d+\.\d kB after\n", cli("ledger", "vacuum").stdout)
    sizes = json.loads(cli("ledger", "vacuum", "--json").stdout)
    assert sizes["after_bytes"] == sizes["before_bytes"] == LEDGER.stat().st_size


@pytest.mark.parametrize("name", ["dump.jsonl", "dump.jsonl.gz"])
def test_a_ledger_is_dumped_and_made_again(cli: Cli, filled_ledger: str, name: str) -> None:
    written = cli("ledger", "export", name)
    assert written.exit_code == 0, written.output
    assert written.stdout.startswith(f"written: {name}, ")
    assert Path(name).stat().st_mode & 0o777 == 0o600
    into = "sqlite:///again.db"
    rebuilt = json.loads(cli("ledger", "rebuild", name, "--into", into, "--json").stdout)
    assert f"sha256 of its events: {rebuilt['sha256']}" in written.stdout
    assert jobs(Path("again.db")) == jobs() == 3
    again = json.loads(cli("ledger", "rebuild", name, "--into", into, "--json").stdout or "{}")
    assert again == {}, "a ledger with something in it is refused"
    reports = [cli("report", "--json"), cli("report", "--json", env={"LEDGER_URL": into})]
    first, second = (json.loads(each.stdout)["kinds"] for each in reports)
    assert first == second


def test_equal_ledgers_give_equal_files(
    cli: Cli, filled_ledger: str, monkeypatch: pytest.MonkeyPatch, story: Any
) -> None:
    monkeypatch.setattr(ledger_commands, "system_clock", lambda: story.now)
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        assert cli("ledger", "export", name).exit_code == 0
    assert Path("one.jsonl.gz").read_bytes() == Path("two.jsonl.gz").read_bytes()


def test_an_export_overwrites_nothing(cli: Cli, filled_ledger: str) -> None:
    Path("dump.jsonl").write_text("mine")
    result = cli("ledger", "export", "dump.jsonl")
    assert (result.exit_code, Path("dump.jsonl").read_text()) == (78, "mine")
    assert "dump.jsonl is there already; name a new one" in result.stderr


def test_an_export_into_no_folder_is_one_line(cli: Cli, filled_ledger: str) -> None:
    result = cli("ledger", "export", "none/dump.jsonl")
    assert result.exit_code == 78
    assert "none/dump.jsonl cannot be written: No such file" in result.stderr


def cut(data: bytes) -> bytes:
    return gzip.compress(b"".join(gzip.decompress(data).splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-20], "cannot be read"),
        (lambda data: b"no gzip", "cannot be read"),
        # A whole header, and then a block of no kind that deflate has.
        (lambda data: data[:10] + b"\xff" * len(data[10:]), "cannot be read"),
        (cut, "are not the"),
    ],
)
def test_a_damaged_dump_makes_no_ledger(
    cli: Cli, filled_ledger: str, damage: Callable[[bytes], bytes], said: str
) -> None:
    cli("ledger", "export", "dump.jsonl.gz")
    path = Path("dump.jsonl.gz")
    path.write_bytes(damage(path.read_bytes()))
    result = cli("ledger", "rebuild", str(path), "--into", "sqlite:///again.db")
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("again.db").exists()


def test_a_full_ledger_is_not_rebuilt_into(cli: Cli, filled_ledger: str) -> None:
    cli("ledger", "export", "dump.jsonl")
    result = cli("ledger", "rebuild", "dump.jsonl", "--into", filled_ledger)
    assert result.exit_code == 1
    assert "name one that does not exist yet" in result.stderr


def test_a_dry_run_counts_and_deletes_nothing(cli: Cli, filled_ledger: str) -> None:
    result = cli("ledger", "prune", "--older-than", "15m", "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("would go: 1 job that ended before ")
    assert jobs() == 3
    found = json.loads(cli("ledger", "prune", "--older-than", "15m", "--dry-run", "--json").stdout)
    gone = json.loads(cli("ledger", "prune", "--older-than", "15m", "--json").stdout)
    assert gone["deleted"] == found["deleted"]
    assert (gone["deleted"]["jobs"], jobs()) == (1, 2)
    assert cli("ledger", "check").exit_code == 0


def test_readings_may_be_kept_longer(cli: Cli, filled_ledger: str) -> None:
    order = ("--older-than", "1m", "--readings-older-than", "3d", "--json")
    assert json.loads(cli("ledger", "prune", *order).stdout)["deleted"]["readings"] == 0


def test_dead_jobs_do_not_go_unsaid(cli: Cli, filled_ledger: str) -> None:
    order = ("ledger", "prune", "--older-than", "9m")
    would = json.loads(cli(*order, "--dry-run", "--json").stdout)
    assert (would["deleted"]["jobs"], would["dead_jobs"]) == (2, 1)
    *_, note = cli(*order, "--dry-run").stdout.splitlines()
    assert note.startswith("note: 1 of the jobs is dead; what is still in jobs.dead can be")
    assert json.loads(cli(*order, "--json").stdout)["dead_jobs"] == 1
    assert json.loads(cli(*order, "--json").stdout)["dead_jobs"] == 0


def test_a_job_without_an_end_is_named_where_readings_stay_for_it(
    cli: Cli, filled_ledger: str
) -> None:
    waiter = "bbbbbbbb-0000-4000-8000-000000000002"
    order = ("ledger", "prune", "--older-than", "3m", "--dry-run")
    assert json.loads(cli(*order, "--json").stdout)["readings_held_by"] == waiter
    *_, note = cli(*order).stdout.splitlines()
    assert note.startswith(f"note: job {waiter} of 20")
    assert " is still deferred: readings from a day before it on stay for its account" in note
    younger = ("ledger", "prune", "--older-than", "15m", "--dry-run")
    assert json.loads(cli(*younger, "--json").stdout)["readings_held_by"] is None
    assert "still" not in cli(*younger).stdout


def test_who_pruned_is_in_the_audit(cli: Cli, filled_ledger: str) -> None:
    assert cli("ledger", "prune", "--older-than", "15m", "--by", "ana").exit_code == 0
    connection = sqlite3.connect(LEDGER)
    rows = connection.execute("SELECT action, scope, by FROM audit").fetchall()
    connection.close()
    assert [(row[0], row[2]) for row in rows] == [("prune", "ana")]
    assert rows[0][1].startswith("jobs that ended before 20")


@pytest.mark.parametrize("text", ["soon", "-1d", "0s", "99999999999d", "90"])
def test_a_wrong_age_is_one_line(cli: Cli, filled_ledger: str, text: str) -> None:
    result = cli("ledger", "prune", f"--older-than={text}")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "--older-than" in result.stderr
    assert jobs() == 3


@pytest.mark.parametrize("command", [("ledger", "prune"), ("dead", "drop"), ("rejected", "drop")])
def test_what_deletes_says_in_its_help_when_it_asks(cli: Cli, command: tuple[str, ...]) -> None:
    words = " ".join(cli(*command, "--help").stdout.split())
    assert "Delete without asking. Where the input is no terminal, nobody is asked." in words


def test_a_person_is_asked_first(
    cli: Cli, filled_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.ledger_prune._somebody_is_there", lambda: True)
    refused = cli("ledger", "prune", "--older-than", "15m", input="n\n")
    assert (refused.exit_code, jobs()) == (130, 3)
    assert "delete 1 job that ended before" in refused.stderr
    assert cli("ledger", "prune", "--older-than", "15m", input="y\n").exit_code == 0
    assert jobs() == 2


def test_an_empty_ledger_is_no_special_case(cli: Cli, empty_folder: Path) -> None:
    migrate(f"sqlite:///{LEDGER}")
    assert cli("ledger", "check").exit_code == 0
    assert cli("ledger", "prune", "--older-than", "1d").exit_code == 0
    assert cli("ledger", "export", "dump.jsonl").exit_code == 0
    assert cli("ledger", "rebuild", "dump.jsonl", "--into", "sqlite:///x.db").exit_code == 0


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (4096, "4.1 kB"), (2_500_000_000, "2.5 GB")]
)
def test_sizes_in_words(count: int, text: str) -> None:
    assert in_bytes(count) == text
