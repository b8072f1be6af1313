"""`report`: the terminal, CSV, JSON and the page, from the ledger of the story."""

import csv
import io
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from shared.ledger.rollups import fill_rollups
from shared.ledger.schema import open_engine, writing
from shared.ledger.tables import daily, daily_waits, jobs

UNITS = ("_kwh", "_g", "_percent", "_seconds", "_jobs", "_per_job")


def change(url: str, **values: Any) -> None:
    """Set columns of every job, as no event of the story does, and count the roll-ups again."""
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(update(jobs).values(**values))
        for table in (daily, daily_waits):
            connection.execute(delete(table))
        fill_rollups(connection)
    engine.dispose()


def told(cli: Any, *more: str) -> dict[str, Any]:
    done = cli("report", "--json", "--until", "2999-01-01T00:00:00Z", *more)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_json_has_each_kind_with_its_rows_and_total(cli: Any, filled_ledger: str) -> None:
    (kind,) = told(cli)["kinds"]
    assert (kind["signal"], kind["simulated"]) == ("marginal", True)
    rows = {row["type"]: row for row in kind["rows"]}
    saver = rows["ml_training"]
    assert saver["emissions_g"] == pytest.approx(0.00833 * 200)
    assert saver["baseline_g"] == pytest.approx(0.00833 * 600)
    assert saver["promised_g"] == 3.33
    assert saver["realised_g"] == pytest.approx(0.00833 * 400)
    assert saver["avoided_percent"] == pytest.approx(100 * 400 / 600)
    assert saver["sci_operational_g_per_job"] == pytest.approx(0.00833 * 200)
    assert (saver["sci_embodied_g_per_job"], saver["sci_g_per_job"]) == (None, None)
    assert saver["mean_wait_seconds"] == pytest.approx(25 * 60)
    lost = rows["database_backup"]
    assert (lost["succeeded_jobs"], lost["jobs"]) == (0, 1)
    assert lost["avoided_g"] == pytest.approx(-0.2)
    assert kind["total"]["avoided_g"] == pytest.approx(0.00833 * 400 - 0.2)


def test_every_number_has_its_unit_in_its_name(cli: Any, filled_ledger: str) -> None:
    (kind,) = told(cli, "--by", "region")["kinds"]
    numbers = [name for name, value in kind["total"].items() if isinstance(value, int | float)]
    plain = {"jobs", "missed_deadlines"}
    assert {name for name in numbers if not name.endswith(UNITS)} == plain


def test_csv_says_the_same_as_json_and_unknown_is_empty(cli: Any, filled_ledger: str) -> None:
    done = cli("report", "--csv", "--until", "2999-01-01T00:00:00Z")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    (kind,) = told(cli)["kinds"]
    assert len(lines) == len(kind["rows"]) == 2
    for line, row in zip(lines, kind["rows"], strict=True):
        assert (line.pop("signal"), line.pop("simulated")) == ("marginal", "true")
        assert line == {name: "" if value is None else str(value) for name, value in row.items()}
    assert lines[0]["promised_g"] == ""


def test_a_pipe_gets_whole_tables(cli: Any, filled_ledger: str) -> None:
    done = cli("report", "--by", "priority", "--until", "2999-01-01T00:00:00Z")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "Simulated, marginal intensity" in lines[2]
    heads = [line.split()[0] for line in lines if line.startswith("priority")]
    assert heads == ["priority"] * 3
    assert all("…" not in line for line in lines)
    assert any(re.match(r"normal +2 +0 ", line) for line in lines)


def test_jobs_on_a_grid_that_was_not_recorded_are_unknown(cli: Any, filled_ledger: str) -> None:
    account = ("signal", "simulated", "emissions_g", "baseline_g", "avoided_g")
    change(filled_ledger, **dict.fromkeys(account))
    done = cli("report", "--until", "2999-01-01T00:00:00Z")
    assert "Unknown grid" in done.stdout
    assert " 0 g" not in done.stdout
    assert "in no sum: 2 jobs without a whole account" in done.stdout


class Page(HTMLParser):
    """Collects the words, and everything that could make a request."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        asking = {"src", "href", "data", "action", "srcset"}
        self.addresses += [value or "" for name, value in attrs if name in asking]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_asks_for_nothing_and_has_charts_tables_and_methods(
    cli: Any, filled_ledger: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    done = cli("report", "--html", str(file), "--until", "2999-01-01T00:00:00Z")
    assert done.exit_code == 0, done.output
    assert "written" in done.stderr
    assert "written" not in done.stdout
    text = file.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.addresses == []
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert "url(" not in text
    assert "@import" not in text
    assert {"svg", "table", "title"} <= page.tags
    words = " ".join(page.words)
    for said in ("Cumulative emissions", "450 g/kWh line", "How these figures are made"):
        assert said in words
    assert "SIMULATED" in words  # the story's grid is


def test_names_of_jobs_cannot_write_into_the_page(
    cli: Any, filled_ledger: str, story: Any, tmp_path: Path
) -> None:
    change(filled_ledger, type="<script>x</script>", simulated=False)
    file = tmp_path / "report.html"
    later = (story.now + timedelta(days=1)).isoformat()
    assert cli("report", "--html", str(file), "--until", later).exit_code == 0
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert "<script>x</script>" in page.words
    assert "SIMULATED" not in page.words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "soon"], "--since: 'soon' is no time"),
        (["--since", "2026"], "--since: '2026' is no time; write 2h, 30d, 2026-11-23 or 2026-11-"),
        (["--until", "2026-11-01T00:00:00"], "--until: '2026-11-01T00:00:00' has no time zone"),
        (["--since", "1d", "--until", "2d"], "--since: must be earlier"),
        (["--csv", "--json"], "--csv: cannot be used with --json"),
        (["--parquet", "report.csv"], "--parquet: 'report.csv' has to end in .parquet"),
        (["--html", "report"], "--html: 'report' has to end in .html or .htm"),
        (["--impact-framework", "a.json"], "--impact-framework: 'a.json' has to end in .yaml or"),
        (["--impact-framework", "a.yaml", "--quick"], "cannot be used with --quick"),
        (["--by", "colour"], "--by"),
    ],
)
def test_bad_options_are_one_line(
    cli: Any, filled_ledger: str, options: list[str], said: str
) -> None:
    done = cli("report", *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_page_that_cannot_be_written_is_one_line(cli: Any, filled_ledger: str) -> None:
    done = cli("report", "--html", "no/such/folder/report.html")
    assert done.exit_code == 1
    assert "error: --html: no/such/folder/report.html cannot be written" in done.stderr
