"""How many bytes a job takes on disk as lived: recorded event by event, as the service does it.

    python benchmarks/ledger_size.py [--jobs 40000] [--postgres URL]

Nothing is compacted afterwards. The URL names an empty PostgreSQL database, which is filled.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger_speed import bodies, record_all
from sqlalchemy import Engine

from shared.ledger.schema import open_engine
from shared.ledger.upkeep import size_bytes

PARTS = {
    "sqlite": "SELECT name, sum(pgsize), 100.0 * sum(unused) / sum(pgsize) FROM dbstat"
    " GROUP BY name ORDER BY 2 DESC",
    "postgresql": "SELECT relname, pg_total_relation_size(oid), NULL FROM pg_class"
    " WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC",
}
"""Of tables and indices: names, bytes, and the unused part of their pages in percent."""
LEAST_BYTES = 1.0
"""Of a job: what takes less is left out."""


def lines(engine: Engine, jobs: int) -> list[str]:
    """The sum, and a line for each table and index."""
    with engine.connect() as connection:
        parts = connection.exec_driver_sql(PARTS[engine.dialect.name]).all()
    found = [f"{size_bytes(engine) / jobs:>8,.0f} bytes a job in all"]
    for name, size, unused in parts:
        if size / jobs >= LEAST_BYTES:
            told = "" if unused is None else f"  {unused:>4.1f} % unused"
            found.append(f"{size / jobs:>8,.1f} {name:<32}{told}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Record, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--postgres", metavar="URL")
    asked = parser.parse_args(arguments)
    messages = bodies(asked.jobs)
    print(f"{len(messages):,} events of {asked.jobs:,} jobs")
    with TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'ledger.db'}"}
        if asked.postgres:
            urls["PostgreSQL, where a table's line has its indices"] = asked.postgres
        for name, url in urls.items():
            record_all(url, messages)
            engine = open_engine(url)
            print(f"\n{name}", *lines(engine, asked.jobs), sep="\n")
            engine.dispose()


if __name__ == "__main__":
    main()
