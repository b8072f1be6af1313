"""A report of a pruned ledger, in each of its forms: what is gone is said, never left out."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Cli = Callable[..., Result]
LATER = ("--since", "2d", "--until", "2999-01-01T00:00:00Z")
"""Whole days, whenever the test runs: no day of the jobs is cut."""
PRUNED = "1 job: they were pruned"
GAP = "ot counted: up to 2 pruned jobs that ended from "


@pytest.fixture
def pruned(cli: Cli, filled_ledger: str, story: Any) -> datetime:
    """A ledger whose two finished jobs are pruned; up to when."""
    done = cli("ledger", "prune", "--older-than", "5m", "--json")
    assert done.exit_code == 0, done.output
    limits = json.loads(done.stdout)
    assert limits["deleted"]["jobs"] == 2
    return datetime.fromisoformat(limits["jobs_before"])


@pytest.fixture
def cut(story: Any) -> tuple[str, ...]:
    """An hour, in which no day lies whole, around the end of both jobs."""
    return ("--since", story.ago(50).isoformat(), "--until", story.ago(0).isoformat())


def told(cli: Cli, *more: str) -> dict[str, Any]:
    done = cli("report", "--json", *more)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_whole_days_are_summed_without_what_needs_each_job(
    cli: Cli, pruned: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", "1000")
    found = told(cli, *LATER)
    assert datetime.fromisoformat(found["pruned_before"]) == pruned
    assert found["uncounted"] == []
    (kind,) = found["kinds"]
    assert (kind["total"]["jobs"], kind["total"]["known_jobs"]) == (2, 2)
    for row in kind["rows"]:
        assert (row["run_seconds"], row["sci_g_per_job"]) == (None, None)
        assert (row["optimum_jobs"], row["optimum_unknown_reason"]) == (0, PRUNED)
        assert row["sci_operational_g_per_job"] is not None
    lines = list(csv.DictReader(io.StringIO(cli("report", "--csv", *LATER).stdout)))
    assert [line["run_seconds"] for line in lines] == ["", ""]
    assert [line["optimum_unknown_reason"] for line in lines] == [PRUNED, PRUNED]
    shown = cli("report", *LATER).stdout
    assert "what was possible is not known of 2 jobs: they were pruned" in shown
    assert "no SCI: how long 2 pruned jobs ran is not known" in shown
    assert "EMBODIED" not in shown


def test_the_manifest_has_no_sci_of_jobs_whose_running_time_is_gone(
    cli: Cli, pruned: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", "1000")
    assert cli("report", "--impact-framework", "m.yaml", *LATER).exit_code == 0
    manifest = json.loads(Path("m.yaml").read_text(encoding="utf-8").split("\n", 1)[1])
    assert (
        "Where jobs of a type were pruned, how long they ran is unknown"
        in (manifest["description"])
    )
    for node in manifest["tree"]["children"]["simulated-marginal"]["children"].values():
        assert node["pipeline"]["compute"] == ["operational"]
        assert not {"time", "usage-ratio"} & set(node["inputs"][0])


def test_a_report_that_cuts_a_pruned_day_says_so_in_every_form(
    cli: Cli, pruned: datetime, cut: tuple[str, ...]
) -> None:
    files = ("--html", "r.html", "--impact-framework", "r.yaml")
    shown = cli("report", *files, *cut)
    assert shown.exit_code == 0, shown.output
    assert GAP in shown.stdout
    assert "of pruned jobs only the sums of whole UTC days are kept" in shown.stdout
    assert "no job that ran has ended in this time" in shown.stdout
    for name in ("r.html", "r.yaml"):
        assert GAP in Path(name).read_text(encoding="utf-8")
    lines = cli("report", "--csv", *cut)
    assert GAP in lines.stderr
    assert lines.stdout.count("\n") == 1
    found = told(cli, *cut)
    (gap,) = found["uncounted"]
    since, until = (datetime.fromisoformat(gap[name]) for name in ("since", "until"))
    assert (since, until) == (datetime.fromisoformat(cut[1]), pruned)
    assert (gap["most_jobs"], found["kinds"]) == (2, [])


def test_a_ledger_that_was_never_pruned_says_nothing_of_it(
    cli: Cli, filled_ledger: str, cut: tuple[str, ...]
) -> None:
    found = told(cli, *cut)
    assert (found["pruned_before"], found["uncounted"]) == (None, [])
    done = cli("report", *cut)
    assert "pruned" not in done.output


def test_a_quick_report_says_that_it_left_something_out(cli: Cli, filled_ledger: str) -> None:
    done = cli("report", "--quick", *LATER)
    assert "what was possible is left out of a quick report" in done.stdout
    assert "not known of left out" not in done.stdout
