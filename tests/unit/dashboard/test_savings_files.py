"""The files of the page Savings are those of the report command."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet
import pytest

from dashboard.data import savings
from dashboard.data.savings import Groups
from dashboard.downloads import FILES
from shared.domain.embodied import Server
from shared.ledger.reads.report import report
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.schema import open_engine
from shared.report.data import FIGURES

SERVER = Server(1000.0, 4.0, 8.0)


@pytest.fixture
def groups(fill: Callable[..., str], ledger_url: str) -> Groups:
    """All jobs of a busy ledger, as the page knows them."""
    fill()
    engine = open_engine(ledger_url)
    until = datetime.now(UTC)
    since = until - timedelta(days=30)
    try:
        return Groups(since, until, GroupBy.TYPE, report(engine, since, until, GroupBy.TYPE), ())
    finally:
        engine.dispose()


def written(ledger_url: str, groups: Groups, server: Server | None = SERVER) -> dict[str, bytes]:
    told = savings.whole_report(ledger_url, groups, server)
    return {file.label: file.make(told) for file in FILES}


def test_every_file_has_all_rows_and_columns_of_the_report(groups: Groups, ledger_url: str) -> None:
    files = written(ledger_url, groups)
    names = ["signal", "simulated", "type", *FIGURES]
    rows = list(csv.DictReader(io.StringIO(files["CSV"].decode())))
    assert list(rows[0]) == names
    table = pyarrow.parquet.read_table(io.BytesIO(files["Parquet"]))
    assert table.column_names == names
    page = files["HTML"].decode()
    groups_shown = {row.group for kind in groups.kinds for row in kind.rows}
    assert {row["type"] for row in rows} == groups_shown == set(table["type"].to_pylist())
    assert all(f"<td>{group}</td>" in page for group in groups_shown)


def test_the_embodied_share_follows_the_server(groups: Groups, ledger_url: str) -> None:
    def shares(server: Server | None) -> list[Any]:
        text = written(ledger_url, groups, server)["CSV"].decode()
        rows = csv.DictReader(io.StringIO(text))
        return [row["sci_embodied_g_per_job"] for row in rows if row["known_jobs"] != "0"]

    assert shares(None) == [""] * len(shares(SERVER))
    assert all(float(share) > 0 for share in shares(SERVER))


def test_of_very_many_jobs_the_file_says_what_it_leaves_out(
    groups: Groups, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not groups.is_quick
    monkeypatch.setattr(savings, "MOST_LOOKED_BACK_AT", 3)
    assert groups.is_quick
    rows = csv.DictReader(io.StringIO(written(ledger_url, groups)["CSV"].decode()))
    reasons = {row["optimum_unknown_reason"] for row in rows if row["known_jobs"] != "0"}
    assert reasons == {"left out of a quick report"}
