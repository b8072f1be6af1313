"""PostgreSQL's login that reads the ledger and changes nothing."""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError

from shared.errors import ConfigurationError, LedgerUnreachable
from shared.ledger.readers import let_read, refuse_readers
from shared.ledger.reads import job_status
from shared.ledger.schema import migrate, open_engine
from shared.ledger.tables import metadata
from shared.ledger.upkeep import vacuum

KNOWN = text("SELECT rolpassword FROM pg_authid WHERE rolname = :name")
HARD = "p'a\\s%s:w\"d$1"


def address(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
def role(postgres_ledger: Any) -> Iterator[str]:
    """A name of one's own; the login is gone at the end."""
    name = f"r_{secrets.token_hex(4)}"
    yield name
    run = create_engine(postgres_ledger.engine.url, isolation_level="AUTOCOMMIT")
    with run.connect() as connection:
        if connection.scalar(KNOWN, {"name": name}):
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")
    run.dispose()


@pytest.fixture
def urls(postgres_ledger: Any, role: str) -> tuple[str, str]:
    """Of the owner, and of the reader."""
    url = postgres_ledger.engine.url
    return address(url), address(url.set(username=role, password=HARD))


def test_a_reader_reads_every_table_and_changes_none(
    postgres_ledger: Any, urls: tuple[str, str], story: Any, life: Any
) -> None:
    postgres_ledger.record(*life)
    let_read(*urls)
    engine = open_engine(urls[1])
    try:
        assert job_status(engine, story.job_id(1)) is not None
        for table in metadata.sorted_tables:
            with engine.connect() as connection:
                connection.execute(select(table)).all()
                with pytest.raises(ProgrammingError, match="permission denied"):
                    connection.execute(delete(table))
        with engine.connect() as connection, pytest.raises(ProgrammingError, match="denied"):
            connection.exec_driver_sql("CREATE TABLE public.mine (x int)")
    finally:
        engine.dispose()


@pytest.mark.parametrize("times", [1, 2])  # the second time it is there
def test_its_password_is_that_of_the_address(
    postgres_ledger: Any, urls: tuple[str, str], role: str, times: int
) -> None:
    """As PostgreSQL keeps it: https://www.rfc-editor.org/rfc/rfc5803."""
    for _ in range(times):
        let_read(*urls)
    with postgres_ledger.engine.connect() as connection:
        kept = connection.scalar(KNOWN, {"name": role})
    _, rounds, salt, stored, _ = re.split(r"[$:]", kept)
    salted = hashlib.pbkdf2_hmac("sha256", HARD.encode(), b64decode(salt), int(rounds))
    key = hmac.digest(salted, b"Client Key", "sha256")
    assert hashlib.sha256(key).digest() == b64decode(stored)


def test_a_table_of_a_later_version_is_readable_at_once(
    postgres_ledger: Any, urls: tuple[str, str]
) -> None:
    let_read(*urls)
    with postgres_ledger.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE later (x int)")
    engine = open_engine(urls[1])
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar() == 0
    engine.dispose()


def test_what_changes_the_ledger_says_that_a_reader_may_not(
    postgres_ledger: Any, urls: tuple[str, str], role: str
) -> None:
    let_read(*urls)
    engine = open_engine(urls[1])
    with pytest.raises(LedgerUnreachable, match=f"{role} may only read"):
        vacuum(engine)
    engine.dispose()
    refuse_readers(postgres_ledger.engine)


def test_an_owner_who_may_make_no_login_uses_the_one_that_is_there(
    postgres_ledger: Any, role: str
) -> None:
    """As with CloudNativePG, which makes the logins itself."""
    owner, reader = f"{role}_owner", role
    server = create_engine(postgres_ledger.engine.url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        try:
            connection.exec_driver_sql(f"CREATE ROLE {owner} LOGIN")
            connection.exec_driver_sql(f"CREATE DATABASE {owner} OWNER {owner}")
            url = server.url.set(database=owner, username=owner)
            urls = address(url), address(url.set(username=reader, password=HARD))
            migrate(urls[0])
            with pytest.raises(ConfigurationError, match=f"there is no login {reader}"):
                let_read(*urls)
            connection.exec_driver_sql(f"CREATE ROLE {reader} LOGIN")
            let_read(*urls)
            open_engine(urls[1]).dispose()
        finally:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {owner} WITH (FORCE)")
            connection.exec_driver_sql(f"DROP ROLE IF EXISTS {owner}")
    server.dispose()


def test_addresses_that_will_not_do_are_refused_by_name(
    postgres_ledger: Any, sqlite_ledger: Any
) -> None:
    own = postgres_ledger.engine.url
    file = address(sqlite_ledger.engine.url)
    for url, reader in (
        (address(own), "no address"),
        (address(own), address(own.set(username="r", password=None))),
        (address(own), address(own.set(password="x"))),
        (file, address(own.set(username="r", password="x"))),
    ):
        with pytest.raises(ConfigurationError, match="LEDGER_READER_URL"):
            let_read(url, reader)
