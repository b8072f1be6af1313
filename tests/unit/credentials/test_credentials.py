"""Passwords are made once, kept, and handed to nobody who does not need them."""

import base64
import hashlib
import json
import stat
from urllib.parse import urlsplit

import pytest
from sqlalchemy.engine import make_url

from services.credentials.secrets import hashed, write_credentials
from services.credentials.settings import CredentialsSettings
from shared.broker.rights import rights_of
from shared.broker.topology import Topology
from shared.errors import ConfigurationError

OWNERS = [each.user for each in rights_of(Topology((), 1))]
OWNERS += ["dashboard", "emulator", "rabbitmq", "postgres"]


@pytest.fixture
def settings(tmp_path):
    for owner in OWNERS:
        (tmp_path / owner).mkdir()
    return CredentialsSettings(_env_file=None, credentials_dir=tmp_path)


def passwords():
    """Hard ones: what an address must escape."""
    number = 0
    while True:
        number += 1
        yield f"p@ss/w:rd?#{number}"


def write(settings, source):
    return write_credentials(settings, lambda: next(source), lambda count: b"s" * count)


def everything(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_hash_is_rabbitmqs(settings):
    """The example of https://www.rabbitmq.com/docs/passwords#computing-password-hash."""
    salt = bytes.fromhex("908DC60A")
    digest = hashlib.sha256(salt + b"test12").digest()
    assert hashed("test12", salt) == base64.b64encode(salt + digest).decode()
    assert hashed("test12", salt) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_every_user_gets_an_address_with_a_password_of_its_own(settings, tmp_path):
    write(settings, passwords())
    found = {}
    for rights in rights_of(Topology((), 1)):
        address = urlsplit((tmp_path / rights.user / "amqp_url").read_text())
        assert (address.username, address.hostname, address.port) == (
            rights.user, "rabbitmq", 5672,
        )  # fmt: skip
        found[rights.user] = address.password
    assert len(set(found.values())) == len(found)


def test_the_broker_gets_hashes_of_the_same_passwords_and_no_password(settings, tmp_path):
    source = passwords()
    write(settings, source)
    text = (tmp_path / "rabbitmq" / "definitions.json").read_text()
    assert "p@ss" not in text
    for user in json.loads(text)["users"]:
        raw = base64.b64decode(user["password_hash"])
        assert raw[:4] == b"ssss"
        assert len(raw) == 4 + 32


def test_the_ledgers_address_has_the_databases_password(settings, tmp_path):
    write(settings, passwords())
    password = (tmp_path / "postgres" / "postgres_password").read_text()
    for owner in ("ledger", "setup"):
        assert make_url((tmp_path / owner / "ledger_url").read_text()).password == password
    for owner in ("worker", "client", "scheduler", "publisher"):
        assert not (tmp_path / owner / "ledger_url").exists()


def test_who_only_reads_the_ledger_has_a_login_that_the_set_up_step_makes(settings, tmp_path):
    write(settings, passwords())
    owner = (tmp_path / "postgres" / "postgres_password").read_text()
    told = (tmp_path / "setup" / "ledger_reader_url").read_text()
    reader = make_url(told)
    assert (reader.username, reader.database) == ("carbon_aware_reader", "carbon_aware")
    assert reader.password == (tmp_path / "postgres" / "reader_password").read_text() != owner
    for name in ("dashboard", "operator"):
        assert (tmp_path / name / "ledger_url").read_text() == told


def test_a_deployment_from_before_gets_the_reader_and_keeps_its_passwords(settings, tmp_path):
    source = passwords()
    write(settings, source)
    first = everything(tmp_path)
    owners = (tmp_path / "ledger" / "ledger_url").read_text()
    for name in ("dashboard", "operator"):  # all had the owner's login
        (tmp_path / name / "ledger_url").unlink()
        (tmp_path / name / "ledger_url").write_text(owners)
    (tmp_path / "setup" / "ledger_reader_url").unlink()
    (tmp_path / "postgres" / "reader_password").unlink()
    write(settings, source)
    changed = {name for name, text in everything(tmp_path).items() if first[name] != text}
    assert changed == {
        *("dashboard/ledger_url", "operator/ledger_url"),
        *("setup/ledger_reader_url", "postgres/reader_password"),
    }


def test_a_second_start_keeps_every_password(settings, tmp_path):
    source = passwords()
    write(settings, source)
    first = everything(tmp_path)
    write(settings, source)
    assert everything(tmp_path) == first


def test_a_user_who_is_new_gets_a_password_and_the_others_keep_theirs(settings, tmp_path):
    source = passwords()
    write(settings, source)
    first = everything(tmp_path)
    (tmp_path / "worker" / "amqp_url").unlink()
    write(settings, source)
    changed = {name for name, text in everything(tmp_path).items() if first[name] != text}
    assert changed == {
        "worker/amqp_url",
        "worker/published_amqp_url",
        "rabbitmq/definitions.json",
    }


def test_only_servers_that_run_as_other_users_can_read_what_is_not_theirs(settings, tmp_path):
    write(settings, passwords())
    for path in tmp_path.rglob("*"):
        if path.is_file():
            mode = stat.S_IMODE(path.stat().st_mode)
            expected = 0o444 if path.parent.name in {"rabbitmq", "postgres"} else 0o400
            assert mode == expected, path


def test_a_folder_that_is_missing_is_named(settings, tmp_path):
    (tmp_path / "worker").rmdir()
    with pytest.raises(ConfigurationError, match=r"cannot write .*worker"):
        write(settings, passwords())
