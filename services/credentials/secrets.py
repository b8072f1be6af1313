"""Which secrets there are, who gets which, and how they are written."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from services.credentials.settings import CredentialsSettings
from shared.broker.rights import Definitions, definitions, rights_of
from shared.broker.topology import Topology
from shared.errors import ConfigurationError

WRITES_LEDGER = ("setup", "ledger")
READS_LEDGER = ("dashboard", "operator")
"""Who is given the database's address: with the login of its owner, and with one that reads."""
SERVERS = ("rabbitmq", "postgres")
"""They run as users of their own, and nobody else mounts their folders."""
DATABASE = "carbon_aware"
READER = "carbon_aware_reader"
EMULATOR_USER = "demo"
COOKIE = "erlang_cookie"
"""What the nodes of one RabbitMQ know each other by."""
SALT_BYTES = 4

NewPassword = Callable[[], str]
NewSalt = Callable[[int], bytes]


def write_credentials(
    settings: CredentialsSettings, new_password: NewPassword, new_salt: NewSalt
) -> list[str]:
    """Write every file of every service; passwords that exist are kept.

    Returns:
        What was written, in words.

    Raises:
        ConfigurationError: a folder is missing or cannot be written.
    """
    topology = Topology((), 1, settings.namespace)
    passwords = _passwords(settings.credentials_dir, topology, new_password)
    files = dict(_addresses(settings, topology, passwords))
    files |= dict(_servers(topology, passwords, new_salt))
    made = 0
    for (owner, name), text in sorted(files.items()):
        _write(settings.credentials_dir / owner, name, text, shared=owner in SERVERS)
        made += 1
    return [f"{made} secrets for {len({owner for owner, _ in files})} services"]


def with_passwords(
    without: Definitions, passwords: Mapping[str, str], new_salt: NewSalt
) -> Definitions:
    """Definitions whose users can log in."""
    users = [
        each | {"password_hash": hashed(passwords[each["name"]], new_salt(SALT_BYTES))}
        for each in without["users"]
    ]
    return without | {"users": users}


def hashed(password: str, salt: bytes) -> str:
    """RabbitMQ's form of a password: base64 of the salt and SHA-256 of salt and password.

    https://www.rabbitmq.com/docs/passwords#computing-password-hash
    """
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _passwords(folder: Path, topology: Topology, new: NewPassword) -> dict[str, str]:
    """By user; those of the broker, of the database and `emulator`, and the broker's cookie."""
    known = {
        each.user: _password_in(folder / each.user / "amqp_url") for each in rights_of(topology)
    }
    known["postgres"] = _text_of(folder / "postgres" / "postgres_password")
    known[READER] = _text_of(folder / "postgres" / "reader_password")
    known["emulator"] = _text_of(folder / "emulator" / "emulator_password")
    known[COOKIE] = _text_of(folder / "rabbitmq" / COOKIE)
    return {user: password or new() for user, password in known.items()}


def _addresses(
    settings: CredentialsSettings, topology: Topology, passwords: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], str]]:
    for rights in rights_of(topology):
        user = rights.user
        login = f"{settings.broker_scheme}://{user}:{quote(passwords[user], safe='')}"
        yield (user, "amqp_url"), f"{login}@{settings.broker_address}/"
        yield (user, "published_amqp_url"), f"{login}@{settings.published_broker_address}/"
    database = f"{settings.database_address}/{DATABASE}"
    writer = f"{DATABASE}:{quote(passwords['postgres'], safe='')}"
    reader = f"{READER}:{quote(passwords[READER], safe='')}"
    for login, owners in ((writer, WRITES_LEDGER), (reader, READS_LEDGER)):
        for owner in owners:
            yield (owner, "ledger_url"), f"postgresql://{login}@{database}"
    yield ("setup", "ledger_reader_url"), f"postgresql://{reader}@{database}"
    login = f"{EMULATOR_USER}:{quote(passwords['emulator'], safe='')}"
    yield ("publisher", "emulator_url"), f"http://{login}@{settings.emulator_address}"
    yield ("emulator", "emulator_password"), passwords["emulator"]


def _servers(
    topology: Topology, passwords: Mapping[str, str], new_salt: NewSalt
) -> Iterator[tuple[tuple[str, str], str]]:
    imported = with_passwords(definitions(topology), passwords, new_salt)
    yield ("rabbitmq", "definitions.json"), json.dumps(imported, indent=2) + "\n"
    yield ("rabbitmq", COOKIE), passwords[COOKIE]
    yield ("postgres", "postgres_password"), passwords["postgres"]
    yield ("postgres", "reader_password"), passwords[READER]


def _password_in(path: Path) -> str:
    return unquote(urlsplit(_text_of(path)).password or "")


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _write(folder: Path, name: str, text: str, *, shared: bool) -> None:
    """Write so that nobody ever reads half of it."""
    part = folder / f".{name}"
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.chmod(0o444 if shared else 0o400)
        part.replace(folder / name)
    except OSError as error:
        raise ConfigurationError(f"cannot write {folder / name}: {error.strerror}") from error
