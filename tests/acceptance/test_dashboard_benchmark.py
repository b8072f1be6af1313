"""The dashboard's benchmark on a small ledger: every page and tab answers, the table is whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.ledger.tables import jobs


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("dashboard_speed")


def test_the_ledger_ends_where_the_clock_is(benchmark_script, tmp_path: Path):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    engine = benchmark_script("ledger_build").build(tmp_path / "l.db", 40, 4, yesterday)
    with engine.connect() as connection:
        last = connection.scalar(
            select(func.max(jobs.c.submitted_at, type_=jobs.c.submitted_at.type))
        )
        assert connection.scalar(select(func.count()).select_from(jobs)) == 40
    engine.dispose()
    assert last.date() == yesterday.date()


@pytest.mark.timeout(300)
def test_every_page_and_every_tab_is_measured(bench, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "first_figures", nobody_looks)
    size = ["--jobs", "40", "--days", "2", "--tabs", "2", "--seconds", "3", "--rounds", "1"]
    bench.main(["--folder", str(tmp_path), *size])
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert [page or "live" for page in bench.PAGES] == names[-10:-3]
    live = lines[-2].split()
    assert live[0] == "Live"
    assert int(live[2]) > 0
    assert lines[-1].startswith("all pages")


async def nobody_looks(*_: object) -> dict[str, float]:
    return {}
