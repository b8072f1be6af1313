"""A private PostgreSQL for the tests: data in a folder of its own, a socket in it, no TCP port."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

START_SECONDS = 60.0
STOP_SECONDS = 30.0
USER = "ledger"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the data is thrown away
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",  # it would hold a template that is being copied
    "shared_buffers": "32MB",
    "max_connections": "50",
}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a database whose user may create others: TEST_POSTGRES_URL's, or our own."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    binaries = find_binaries()
    if binaries is None:
        message = "PostgreSQL's server is not installed: `make test` installs it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with running(binaries) as address:
        yield address


def find_binaries(root: Path = Path("/")) -> Path | None:
    """The folder of the newest server; Debian keeps it out of the PATH."""
    found = sorted(
        (path.parent for path in root.glob("usr/lib/postgresql/*/bin/initdb")),
        key=lambda folder: float(folder.parent.name),
    )
    on_path = shutil.which("initdb")
    if not found and on_path is not None:
        return Path(on_path).parent
    return found[-1] if found else None


@contextmanager
def running(binaries: Path) -> Iterator[str]:
    """A server with an empty database, stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="carbon-aware-pg-"))
    try:
        _give_away(folder)
        data = folder / "data"
        make = [binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            _unprivileged([*make, "--no-sync", "--locale=C"]),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            timeout=START_SECONDS,
        )
        assert made.returncode == 0, made.stderr
        with _served(binaries, folder) as address:
            yield address
    finally:
        shutil.rmtree(folder)


@contextmanager
def _served(binaries: Path, folder: Path) -> Iterator[str]:
    options = [part for item in SETTINGS.items() for part in ("-c", "=".join(item))]
    serve = [binaries / "postgres", "-D", folder / "data", "-k", folder, *options]
    address = URL.create(
        "postgresql+psycopg", username=USER, database="postgres", query={"host": str(folder)}
    ).render_as_string(hide_password=False)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            _unprivileged(serve), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait(server, address, folder / "log")
        yield address
    finally:
        server.send_signal(2)  # SIGINT: end the sessions and stop
        server.wait(STOP_SECONDS)


def _wait(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    engine = create_engine(address)
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        else:
            engine.dispose()
            return


def _account() -> pwd.struct_passwd | None:
    """Whom to become: the server refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.fail("PostgreSQL refuses root, and there is no user `postgres` or `nobody` to become")


def _give_away(folder: Path) -> None:
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _unprivileged(argv: list[str | Path]) -> list[str]:
    """The command as somebody who may run the server, ended by the kernel when we die (Linux)."""
    command = [str(part) for part in argv]
    if shutil.which("setpriv") is None:
        return command
    account = _account()
    become = ["setpriv", "--pdeathsig", "INT"]
    if account is not None:
        become += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return [*become, "--", *command]
