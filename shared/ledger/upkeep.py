"""Give unused space back, and bring the database's own statistics up to date."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.ledger.readers import refuse_readers
from shared.ledger.reads.query import reading
from shared.ledger.schema import unreachable
from shared.ledger.tables import metadata


def size_bytes(engine: Engine) -> int:
    """What the ledger takes on disk, with SQLite's write-ahead log.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            query = "SELECT pg_database_size(current_database())"
            return int(connection.exec_driver_sql(query).scalar() or 0)
    path = Path(str(engine.url.database))
    parts = (path, path.with_name(f"{path.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def vacuum(engine: Engine) -> None:
    """Rewrite SQLite's file, or vacuum PostgreSQL's tables; needs a connection of its own.

    Raises:
        LedgerUnreachable: it is locked, the login may only read it, or the disk has no room for a
            second copy.
    """
    refuse_readers(engine)  # PostgreSQL would skip every table, and say so to nobody
    if engine.dialect.name == "postgresql":
        tables = ", ".join(sorted(metadata.tables))
        _run(engine, [f"VACUUM (ANALYZE) {tables}"])
    else:
        log_into_file = "PRAGMA wal_checkpoint(TRUNCATE)"
        analyse = ["PRAGMA analysis_limit=1000", "ANALYZE"]
        _run(engine, [log_into_file, "VACUUM", *analyse, log_into_file])


def _run(engine: Engine, statements: list[str]) -> None:
    """Outside of any transaction, where alone these statements are allowed."""
    try:
        raw = engine.raw_connection()
    except SQLAlchemyError as error:
        raise unreachable(error) from error
    try:
        if engine.dialect.name == "postgresql":
            raw.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg's own
        cursor = raw.cursor()
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()
        cursor.close()
    except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]  # an engine has one
        raise unreachable(error) from error
    finally:
        raw.invalidate()  # its mode is not the one that others expect
