"""Every program reaches a broker by TLS, and shows its own certificate there."""

import json
import os
import subprocess
import sys

import pytest

from services.cli.up_settings import UpSettings
from shared.broker.connection import connect
from shared.errors import BrokerUnreachable, ConfigurationError
from shared.settings import BrokerSettings


@pytest.fixture
def tls(own_node, monkeypatch, tmp_path):
    """The variables that a user sets."""
    monkeypatch.chdir(tmp_path)
    variables = {
        "AMQP_URL": own_node.tls_url,
        "AMQP_CA_FILE": str(own_node.ca.cert_file),
        "AMQP_CERT_FILE": str(own_node.client.cert_file),
        "AMQP_KEY_FILE": str(own_node.client.key_file),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def log_in():
    connection = await connect(BrokerSettings.load().amqp_url, "test")
    await connection.close()


async def test_a_program_with_the_authority_and_its_own_certificate_gets_in(tls):
    await log_in()
    assert UpSettings.load().amqp_url == BrokerSettings.load().amqp_url


async def test_a_broker_whose_authority_is_unknown_is_refused(tls):
    tls.delenv("AMQP_CA_FILE")
    with pytest.raises(BrokerUnreachable, match=r"CERTIFICATE_VERIFY_FAILED.*check AMQP_CA_FILE"):
        await log_in()


async def test_a_program_without_its_certificate_is_refused(tls):
    tls.delenv("AMQP_CERT_FILE")
    tls.delenv("AMQP_KEY_FILE")
    with pytest.raises(BrokerUnreachable):
        await log_in()


def test_the_command_line_sets_up_and_looks_around_by_tls(tls, tmp_path, namespace):
    environment = os.environ | {"NAMESPACE": namespace, "WHEEL_SLOTS": "3"}
    environment["LEDGER_URL"] = f"sqlite:///{tmp_path / 'ledger.db'}"

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("setup")
    assert done.returncode == 0, done.stderr
    findings = {each["name"]: each for each in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert findings["topology"]["mark"] == "ok"


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("AMQP_URL", "amqp://guest:guest@127.0.0.1/", "amqps://"),
        ("AMQP_KEY_FILE", "", "AMQP_KEY_FILE go together"),
        ("AMQP_CA_FILE", "/nowhere/ca.pem", "amqp_ca_file"),
    ],
)
@pytest.mark.parametrize("settings", [BrokerSettings, UpSettings])
def test_files_that_do_not_fit_are_one_line(tls, variable, value, hint, settings):
    tls.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=hint) as caught:
        settings.load()
    assert "\n" not in str(caught.value)


def test_files_without_an_address_are_a_mistake_where_a_private_broker_would_start(tls):
    tls.delenv("AMQP_URL")
    with pytest.raises(ConfigurationError, match="amqps://"):
        UpSettings.load()
