"""PostgreSQL's login for those who only read the ledger: made, and let read, by the set-up step."""

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, ProgrammingError, SQLAlchemyError

from shared.errors import ConfigurationError, LedgerUnreachable
from shared.ledger.reads.query import reading
from shared.ledger.schema import open_engine, unreachable, writing

SETTING = "LEDGER_READER_URL"
GRANTS = (
    "GRANT USAGE ON SCHEMA %1$I TO %2$I",
    "GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO %2$I",
    # Of those that a later version adds, at once.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT SELECT ON TABLES TO %2$I",
)


def let_read(url: str, reader_url: str) -> None:
    """Make the reader's login where it is missing, and let it read every table and change none.

    Args:
        url: the ledger's, with the login that owns its tables.
        reader_url: the same database's, with the reader's name and password.

    Raises:
        ConfigurationError: an address will not do, or the login is missing and cannot be made.
        LedgerUnreachable: the database does not answer, or refuses.
    """
    reader = _parse(reader_url)
    engine = open_engine(url)
    try:
        if engine.dialect.name != "postgresql" or reader.username == engine.url.username:
            raise ConfigurationError(
                f"{SETTING}: it needs PostgreSQL, and another login than LEDGER_URL has"
            )
        with writing(engine) as connection:
            _make(connection, reader)
            schema = connection.scalar(select(func.current_schema()))
            for grant in GRANTS:
                _run(connection, grant, str(schema), str(reader.username))
    except SQLAlchemyError as error:
        raise unreachable(error) from error
    finally:
        engine.dispose()


def refuse_readers(engine: Engine) -> None:
    """Make sure that this login may change the ledger.

    Raises:
        LedgerUnreachable: it may only read it, or the database does not answer.
    """
    if engine.dialect.name != "postgresql":
        return
    with reading(engine) as connection:
        may = connection.scalar(select(func.has_table_privilege("jobs", "DELETE")))
    if not may:
        raise LedgerUnreachable(
            f"the login {engine.url.username} may only read the ledger; use that of the ledger"
            " service: `docker compose run --rm ledger carbon-aware ledger ...`"
        )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(f"{SETTING} is no database address") from error
    if not parsed.username or not parsed.password:
        raise ConfigurationError(f"{SETTING}: it needs the name and the password of a login")
    return parsed


def _make(connection: Connection, reader: URL) -> None:
    """Only a superuser may say an existing login's password again, which is the same anyhow."""
    name, password = str(reader.username), str(reader.password)
    known = text("SELECT 1 FROM pg_roles WHERE rolname = :name")
    if connection.scalar(known, {"name": name}) is None:
        try:
            _run(connection, "CREATE ROLE %1$I LOGIN PASSWORD %2$L", name, password)
        except ProgrammingError as error:
            raise ConfigurationError(
                f"{SETTING}: there is no login {name}, and LEDGER_URL's may not make it; make it by"
                " hand with that password"
            ) from error
    elif connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        _run(connection, "ALTER ROLE %1$I LOGIN PASSWORD %2$L", name, password)


def _run(connection: Connection, template: str, *values: str) -> None:
    """Statements of this kind take no parameters, so PostgreSQL itself quotes what goes in."""
    statement = str(connection.scalar(select(func.format(template, *values))))
    connection.exec_driver_sql(statement.replace("%", "%%"))  # it is the driver's placeholder
