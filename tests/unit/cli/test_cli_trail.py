"""`status ID` and `why ID` of jobs that were interrupted, failed, cancelled and replayed."""

import json
import runpy
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import Result

from services.cli.job_view import PIECES_SHOWN, job_rows
from services.cli.output import print_rows
from services.cli.trail_view import Trail, print_trail
from shared.ledger import reads
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import Action

Cli = Callable[..., Result]
STORY: Any = runpy.run_path(str(Path(__file__).parents[1] / "ledger" / "story.py"))["Story"]
INTERRUPTED, CUT, CALLED_OFF, LONG = 1, 2, 3, 4


@pytest.fixture
def told(empty_folder: Path) -> Any:
    """A ledger where the commands look for it, and the story that fills it."""
    story = STORY()
    url = "sqlite:///.carbon-aware/ledger.db"
    migrate(url)
    engine = open_engine(url)
    with writing(engine) as connection:
        record(connection, [*interrupted(story), *cancelled(story), *long(story)])
    engine.dispose()
    return story


def interrupted(story: Any) -> list[Any]:
    """Paused once, failed and died, replayed, and running again."""
    return [
        story.accepted(1, 0, interruptible=True),
        story.deferred(1, 1, until=300, deferrals=1, promised_g=120.0),
        story.taken(290, Action.RUN_NOW, 1),
        story.released(1, 300, deferrals=1),
        story.started(1, 299),  # by the worker's clock, which is a second behind
        story.paused(1, 299, 400, left=200.0, energy_kwh=0.1),
        story.released(1, 600, deferrals=1, piece=2),
        story.started(1, 601, piece=2),
        story.failed(1, 601, 650, piece=2, energy_kwh=0.05),
        story.died(1, 652, 1),
        story.replayed(1, 900, 1, deadline=9000),
        story.released(1, 901, attempts=1, deferrals=1),
        story.started(1, 902, 2),
        story.progressed(1, 902, 930, 0.4, attempt=2, message="epoch 4 of 10"),
    ]


def cancelled(story: Any) -> list[Any]:
    return [
        story.accepted(CUT, 0),
        story.released(CUT, 1),
        story.started(CUT, 2),
        story.taken(55, Action.CANCEL, CUT),
        story.cut(CUT, 2, 60, energy_kwh=0.2),
        story.accepted(CALLED_OFF, 0),
        story.cancelled(CALLED_OFF, 20, by=None),
    ]


def long(story: Any) -> list[Any]:
    """Twelve pieces, the last of them elsewhere."""
    pieces = [
        story.paused(LONG, 100 * n, 100 * n + 50, left=1000.0 - n, piece=n) for n in range(1, 12)
    ]
    last = story.started(LONG, 1300, piece=12).model_copy(update={"region": "FR"})
    return [story.accepted(LONG, 0), *pieces, last]


def trail_words(text: str) -> list[str]:
    """The words of the second column."""
    return [
        line.split("UTC", 1)[1].strip().split("  ")[0]
        for line in text.splitlines()
        if " UTC  " in line
    ]


def test_the_trail_is_in_the_order_of_the_jobs_life(cli: Cli, told: Any) -> None:
    text = cli("why", str(told.job_id(INTERRUPTED))).stdout
    assert trail_words(text) == [
        "submitted", "deferred", "run now", "released", "started", "paused", "released", "started",
        "failed", "replayed", "released", "started",
    ]  # fmt: skip


def test_a_failed_attempt_stands_between_the_decisions_with_its_error(cli: Cli, told: Any) -> None:
    lines = cli("why", str(told.job_id(INTERRUPTED))).stdout.splitlines()
    (failed,) = [line for line in lines if "failed   " in line]
    assert failed.endswith("after 49 s, 50.00 Wh declared: attempt 1 broke")
    (paused,) = [line for line in lines if "paused   " in line]
    assert "3 min 20 s left: the grid became dirty" in paused
    assert any(line.endswith("attempt 1, piece 2, on host-1:CAISO_NORTH") for line in lines)
    assert any(line.endswith("replayed   asked by ana") for line in lines)


def test_scripts_get_the_attempts_with_their_tracebacks(cli: Cli, told: Any) -> None:
    body = json.loads(cli("why", str(told.job_id(INTERRUPTED)), "--json").stdout)
    paused, failed, running = body["attempts"]
    assert (paused["attempt"], paused["piece"], paused["outcome"]) == (1, 1, "paused")
    assert (failed["error"], failed["traceback"]) == ("attempt 1 broke", "Traceback ...")
    assert (running["attempt"], running["outcome"], running["finished_at"]) == (2, None, None)
    assert [(row["action"], row["by"]) for row in body["audit"]] == [
        ("run_now", "ana"),
        ("replay", "ana"),
    ]
    assert [row["piece"] for row in body["decisions"]] == [1, 1, 2, 1]


def test_a_running_job_shows_its_progress_and_its_pieces(cli: Cli, told: Any) -> None:
    result = cli("status", str(told.job_id(INTERRUPTED)))
    assert result.exit_code == 0
    rows = [line for line in result.stdout.splitlines() if "declared" in line]
    assert rows[0].endswith("paused: attempt 1, 1 min 41 s, 100.00 Wh declared")
    assert rows[1].endswith("failed: attempt 1, piece 2, 49 s, 50.00 Wh declared")
    assert "Progress   40 %, epoch 4 of 10 (" in result.stdout
    assert "not over yet: attempt 2\n" in result.stdout


def test_scripts_get_progress_pieces_and_who_cancelled(cli: Cli, told: Any) -> None:
    running = json.loads(cli("status", str(told.job_id(INTERRUPTED)), "--json").stdout)
    assert running["progress"] == {
        "fraction": 0.4,
        "message": "epoch 4 of 10",
        "at": "2026-11-22T12:15:30Z",
    }
    assert [piece["outcome"] for piece in running["pieces"]] == ["paused", "failed", None]
    assert running["pieces"][0]["energy_kwh"] == 0.1
    assert running["cancelled_by"] is None
    cut = json.loads(cli("status", str(told.job_id(CUT)), "--json").stdout)
    assert (cut["state"], cut["cancelled_by"], cut["progress"]) == ("cancelled", "ana", None)


def test_a_cut_attempt_says_what_it_used_and_who_cut_it(cli: Cli, told: Any) -> None:
    text = cli("why", str(told.job_id(CUT))).stdout
    assert trail_words(text) == ["submitted", "released", "started", "cancel", "cancelled"]
    assert "after 58 s, 200.00 Wh declared: by ana: not needed" in text
    assert "Cancelled     by ana: not needed" in cli("status", str(told.job_id(CUT))).stdout


def test_a_job_cancelled_before_it_ran_has_no_energy(cli: Cli, told: Any) -> None:
    text = cli("status", str(told.job_id(CALLED_OFF))).stdout
    assert "Energy" not in text
    assert "unknown: it never ran" in text
    assert "nobody said by whom: not needed" in text
    assert trail_words(cli("why", str(told.job_id(CALLED_OFF))).stdout) == [
        "submitted",
        "cancelled",
    ]


def test_of_many_pieces_the_last_are_shown_with_their_regions(cli: Cli, told: Any) -> None:
    lines = cli("status", str(told.job_id(LONG))).stdout.splitlines()
    assert any(line.endswith("running, piece 12") for line in lines)
    assert any(line.endswith("4 times before those below") for line in lines)
    shown = [line for line in lines if ": attempt 1" in line]
    assert len(shown) == PIECES_SHOWN
    assert shown[-1].endswith("not over yet: attempt 1, piece 12 in FR")


@pytest.mark.parametrize("number", [INTERRUPTED, CUT, CALLED_OFF, LONG])
def test_a_terminal_of_80_columns_is_never_overrun(told: Any, number: int) -> None:
    engine = open_engine("sqlite:///.carbon-aware/ledger.db")
    job_id, now = told.job_id(number), told.at(940)
    job = reads.job_status(engine, job_id)
    trail = Trail(
        job,
        reads.decisions(engine, job_id),
        reads.attempts(engine, job_id),
        reads.audit_of_job(engine, job_id),
    )
    engine.dispose()
    shown = StringIO()
    out = Console(file=shown, width=80, force_terminal=True, color_system=None)
    print_rows(out, job_rows(job, now))
    print_trail(out, trail, now)
    lines = shown.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert str(job_id) in shown.getvalue()
