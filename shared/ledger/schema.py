"""Open the ledger's database, and bring its tables up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from shared.errors import ConfigurationError, LedgerUnreachable
from shared.ledger.copying import let_copy
from shared.ledger.rollups import fill_rollups

HEAD = "0007"
"""The revision of the tables that this code reads and writes."""
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 10_000
WRITER_LOCK = 0x6361_7262_6F6E
"""Names PostgreSQL's advisory lock of the one that writes into this database."""
SET_UP = "run `carbon-aware setup` once"


def open_engine(url: str) -> Engine:
    """Open the ledger for reading and writing.

    Raises:
        ConfigurationError: the address is none.
        LedgerUnreachable: it cannot be opened, or its tables are missing or of another version.
    """
    parsed = _parse(url)
    if _is_file(parsed) and not Path(str(parsed.database)).exists():
        raise LedgerUnreachable(f"there is no ledger at {parsed.database}; {SET_UP}")
    engine = _create_engine(parsed)
    try:
        with engine.connect() as connection:
            check_tables(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise unreachable(error, _shown(parsed)) from error
    except LedgerUnreachable:
        engine.dispose()
        raise
    return engine


def migrate(url: str) -> None:
    """Create the database if need be and bring its tables up to date; harmless when repeated.

    Raises:
        ConfigurationError: the address is none.
        LedgerUnreachable: it cannot be opened or written.
    """
    parsed = _parse(url)
    engine: Engine | None = None
    try:
        if _is_file(parsed):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = _create_engine(parsed)
        with writing(engine) as connection:
            command.upgrade(alembic_config(connection), "head")
            fill_rollups(connection)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable(error, _shown(parsed)) from error
    finally:
        if engine is not None:
            engine.dispose()


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, in code; migrations run on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def check_tables(connection: Connection) -> None:
    """Make sure that the tables are those that this code knows.

    Raises:
        LedgerUnreachable: they are missing, or of another version.
    """
    if not inspect(connection).has_table("alembic_version"):
        raise LedgerUnreachable(f"the ledger has no tables; {SET_UP}")
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found != HEAD:
        raise LedgerUnreachable(
            f"the ledger's tables are of version {found}, this program needs {HEAD}; {SET_UP}"
        )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the only writer: others wait until it ends.

    What an event changes is worked out from what is there, so nobody may change that meanwhile.
    SQLite's write lock is taken at once, so that it never has to upgrade.
    """
    with engine.connect().execution_options(begin="IMMEDIATE") as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(WRITER_LOCK)))
        yield connection


def unreachable(error: Exception, where: str = "the database") -> LedgerUnreachable:
    """One line for what a database driver said."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
    return LedgerUnreachable(f"the ledger cannot be used ({where}: {said})")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "LEDGER_URL is no database address; use one like sqlite:///ledger.db"
        ) from error
    # Plain `postgresql://` means the driver that the extra `postgres` installs.
    return parsed.set(drivername="postgresql+psycopg") if _is_plain_postgres(parsed) else parsed


def _is_plain_postgres(url: URL) -> bool:
    return url.drivername in {"postgresql", "postgres"}


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _create_engine(url: URL) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    # A database that was made without an encoding (SQL_ASCII) would answer with bytes.
    encoding = {} if is_sqlite else {"client_encoding": "utf8"}
    try:
        engine = create_engine(url, pool_pre_ping=not is_sqlite, connect_args=encoding)
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigurationError(f"LEDGER_URL cannot be used: {error}") from error
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        let_copy(engine)
    return engine


def _configure_sqlite(connection: Any, record: object) -> None:  # noqa: ANN401 - the driver's own
    del record
    connection.isolation_level = None  # the driver's own BEGIN would leave DDL outside
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # an acknowledged event survives a power cut
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
