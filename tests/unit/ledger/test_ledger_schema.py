"""Opening, migrating, and what is said when that fails."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.errors import ConfigurationError, LedgerUnreachable
from shared.ledger.instants import Instant, to_microseconds
from shared.ledger.schema import HEAD, alembic_config, migrate, open_engine, writing
from shared.ledger.spelled import drop_views
from shared.ledger.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_knows(ledger: Any) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_indices_that_the_code_knows(ledger: Any) -> None:
    """Alembic does not compare the conditions of partial indices."""
    found = _indices(ledger)
    with writing(ledger.engine) as connection:
        drop_views(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert _indices(ledger) == found


INDICES = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def _indices(ledger: Any) -> set[str]:
    """All but those of primary keys, which have no text in SQLite."""
    with ledger.engine.connect() as connection:
        found = connection.exec_driver_sql(INDICES[ledger.engine.dialect.name])
        told = {" ".join(row[0].split()) for row in found}
    return {each for each in told if not each.startswith("CREATE UNIQUE")}


def test_the_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_migrating_makes_the_folder_and_can_be_repeated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a % b/deep/ledger.db"
    migrate(url)
    migrate(url)
    open_engine(url).dispose()


def test_migrating_down_leaves_nothing(ledger: Any) -> None:
    with writing(ledger.engine) as connection:
        command.downgrade(alembic_config(connection), "base")
    assert _indices(ledger) == set()


def test_sqlite_is_durable_and_lets_readers_in(sqlite_ledger: Any) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    with sqlite_ledger.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_a_reader_does_not_wait_for_the_writer(ledger: Any) -> None:
    with writing(ledger.engine), ledger.engine.connect() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM jobs").scalar() == 0


@pytest.mark.parametrize("content", [None, b"", b"this is no database, but a text" * 99])
def test_an_unusable_ledger_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerUnreachable) as caught:
        open_engine(f"sqlite:///{path}")
    assert "\n" not in str(caught.value)
    assert content is not None or not path.exists()


def test_missing_tables_name_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreachable, match="run `carbon-aware setup` once"):
        open_engine(f"sqlite:///{tmp_path}/none.db")


def test_tables_of_another_version_are_refused(ledger: Any) -> None:
    with writing(ledger.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'x'")
    with pytest.raises(LedgerUnreachable, match="of version x"):
        open_engine(ledger.engine.url.render_as_string(hide_password=False))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerUnreachable):
        migrate(f"sqlite:///{tmp_path}/file/ledger.db")


@pytest.mark.parametrize("url", ["no address", "nosuchdatabase://x/y"])
def test_a_wrong_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_engine(url)


def test_instants_are_exact_and_sort() -> None:
    kind, dialect = Instant(), None
    early = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    late = (early + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=5)))
    stored = [kind.process_bind_param(at, dialect) for at in (early, late)]  # type: ignore[arg-type]
    assert stored[1] == stored[0] + 1  # type: ignore[operator]
    assert kind.process_result_value(stored[1], dialect) == late  # type: ignore[arg-type]
    assert kind.process_bind_param(None, dialect) is None  # type: ignore[arg-type]


def test_an_instant_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_microseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
