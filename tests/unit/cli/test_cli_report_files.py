"""What a report is written to: Parquet, the embodied share, and one line where it cannot be."""

import csv
import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli import report_writing
from shared.ledger.schema import migrate
from shared.report.data import FIGURES

LATER = ("--until", "2999-01-01T00:00:00Z")
HOUR_ON_A_SIXTEENTH_G = 1_000_000 / (4 * 365 * 24) / 16


def told(cli: Any, *more: str) -> dict[str, Any]:
    done = cli("report", "--json", *LATER, *more)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("by", ["type", "region", "day", "priority"])
def test_parquet_has_the_columns_and_the_values_of_the_csv(
    cli: Any, filled_ledger: str, tmp_path: Path, by: str
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "report.parquet"
    done = cli("report", "--csv", "--by", by, "--parquet", str(file), *LATER)
    assert done.exit_code == 0, done.output
    table = parquet.read_table(file)
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert table.column_names == list(lines[0]) == ["signal", "simulated", by, *FIGURES]
    for row, line in zip(table.to_pylist(), lines, strict=True):
        row["simulated"] = str(row["simulated"]).lower()
        assert {name: "" if value is None else str(value) for name, value in row.items()} == line
    kinds = {field.name: str(field.type) for field in table.schema}
    assert (kinds["jobs"], kinds["emissions_g"], kinds[by]) == ("int64", "double", "string")
    assert kinds["simulated"] == "bool"


def test_parquet_of_nothing_still_has_its_columns(
    cli: Any, empty_folder: Path, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    migrate("sqlite:///.carbon-aware/ledger.db")
    done = cli("report", "--parquet", "empty.parquet")
    assert done.exit_code == 0, done.output
    assert "no job that ran has ended in this time" in done.stdout
    assert parquet.read_table("empty.parquet").num_rows == 0


def test_parquet_without_its_library_says_what_to_install(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = cli("report", "--parquet", "report.parquet")
    assert done.exit_code == 78
    assert "pip install 'carbon-aware-jobs[parquet]'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("report.parquet").exists()


@pytest.mark.parametrize(
    ("option", "ending"),
    [("--parquet", "parquet"), ("--html", "html"), ("--impact-framework", "yaml")],
)
def test_a_place_that_cannot_be_written_is_one_line(
    cli: Any, filled_ledger: str, option: str, ending: str
) -> None:
    Path(f"taken.{ending}").mkdir()
    Path("file").touch()
    for place, why in (
        (f"no/such/a.{ending}", "there is no folder no/such"),
        (f"file/a.{ending}", "there is no folder file"),
        (f"taken.{ending}", "it is a folder"),
    ):
        done = cli("report", option, place)
        assert done.exit_code == 1
        assert f"error: {option}: {place} cannot be written ({why})" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_folder_without_permission_is_one_line(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever is root may write everywhere, so the system's answer is given here.
    denied = SimpleNamespace(access=lambda *_: False, W_OK=os.W_OK)
    monkeypatch.setattr(report_writing, "os", denied)
    done = cli("report", "--html", "report.html")
    assert done.exit_code == 1
    assert "error: --html: report.html cannot be written (no permission)" in done.stderr


def test_a_ledger_that_is_not_there_is_one_line(cli: Any, empty_folder: Path) -> None:
    done = cli("report")
    assert done.exit_code != 0
    assert done.stderr.count("\n") == 1
    assert "ledger" in done.stderr


def test_sci_has_the_embodied_share_of_the_time_that_jobs_ran(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", "1000")
    monkeypatch.setenv("JOBS_PER_SERVER", "16")
    (kind,) = told(cli)["kinds"]
    rows = {row["type"]: row for row in kind["rows"]}
    saver, loser = rows["ml_training"], rows["database_backup"]
    assert (saver["run_seconds"], loser["run_seconds"]) == (120, 30)
    embodied = HOUR_ON_A_SIXTEENTH_G * 120 / 3600
    assert saver["sci_embodied_g_per_job"] == pytest.approx(embodied)
    assert saver["sci_g_per_job"] == pytest.approx(0.00833 * 200 + embodied)
    total = kind["total"]
    assert total["sci_embodied_g_per_job"] == pytest.approx(
        (saver["sci_embodied_g_per_job"] + loser["sci_embodied_g_per_job"]) / 2
    )
    assert total["sci_g_per_job"] - total["sci_embodied_g_per_job"] == pytest.approx(
        total["emissions_g"] / 2
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "heavy"])
def test_a_wrong_embodied_share_is_one_line(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", value)
    done = cli("report")
    assert done.exit_code == 78
    assert "embodied_kg_per_server" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_was_possible_stands_in_every_row_or_why_it_is_not_known(
    cli: Any, filled_ledger: str
) -> None:
    (kind,) = told(cli)["kinds"]
    rows = {row["type"]: row for row in kind["rows"]}
    assert rows["ml_training"]["optimum_avoided_g"] is None
    assert rows["ml_training"]["optimum_unknown_reason"] == (
        "1 job: the readings end before the deadline"
    )
    # Nothing came of the other job: at best it would not have run.
    assert rows["database_backup"]["optimum_avoided_g"] == 0
    assert kind["total"]["optimum_jobs"] == 1


def test_a_quick_report_leaves_out_what_looks_at_each_job(cli: Any, filled_ledger: str) -> None:
    (kind,) = told(cli, "--quick")["kinds"]
    assert kind["total"]["optimum_unknown_reason"] == "left out of a quick report"
    assert (kind["total"]["run_seconds"], kind["total"]["optimum_jobs"]) == (None, None)
    done = cli("report", "--quick", *LATER)
    assert "EMBODIED" not in done.stdout


def test_a_day_is_understood_and_said(cli: Any, filled_ledger: str, story: Any) -> None:
    day = (story.now - timedelta(days=1)).date()
    done = cli("report", "--csv", "--since", day.isoformat(), *LATER)
    assert done.exit_code == 0
    assert f"Jobs that ended from {day} 00:00 UTC to 2999-01-01 00:00 UTC" in done.stderr
    assert "Jobs that ended" not in done.stdout


def test_the_first_year_has_four_digits(cli: Any, filled_ledger: str) -> None:
    done = cli("report", "--csv", "--since", "0001-01-01", *LATER)
    assert "Jobs that ended from 0001-01-01 00:00 UTC to 2999-01-01 00:00 UTC" in done.stderr
