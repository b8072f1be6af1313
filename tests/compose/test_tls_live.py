"""deploy/tls.yml for real, with an authority that lives for an hour."""

import json
import ssl

import pika
import pytest

from tests.certificates import make_pair
from tests.compose.project import everything, short_jobs

JOBS = 20
OWNERS = (
    "rabbitmq", "setup", "publisher", "scheduler", "worker", "ledger", "operator", "client",
)  # fmt: skip

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder as deploy/tls.yml wants it; gives the folder and what a client trusts and shows."""
    made, folder = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("tls")
    authority = make_pair(made, "authority")
    for owner in OWNERS:
        pair = make_pair(made, owner, authority, hosts=[owner])
        place = folder / owner
        place.mkdir()
        files = {"ca": authority.cert_file, "certificate": pair.cert_file, "key": pair.key_file}
        for name, file in files.items():
            (place / f"{name}.pem").write_bytes(file.read_bytes())
            (place / f"{name}.pem").chmod(0o444)  # by the users of the containers
        place.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def encrypted(engine, certificates):
    """Everything, with TLS between the services and the broker."""
    overrides = ("deploy/tls.yml", "deploy/dashboard-actions.yml")
    with everything(*overrides, TLS_DIR=str(certificates)) as here:
        here.tls = ssl.create_default_context(cafile=certificates / "client" / "ca.pem")
        mine = certificates / "client"
        here.tls.load_cert_chain(mine / "certificate.pem", mine / "key.pem")
        yield here


def test_the_broker_takes_clients_by_tls_alone(encrypted):
    command = ("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "--formatter", "json")
    found = json.loads(encrypted.compose(*command, "list_connections", "user", "ssl").stdout)
    assert {each["user"] for each in found} >= {"publisher", "scheduler", "worker", "ledger"}
    assert all(each["ssl"] for each in found)
    listeners = encrypted.compose(*command[:3], "rabbitmq-diagnostics", "-q", "listeners").stdout
    assert "protocol: amqp/ssl" in listeners
    assert "protocol: amqp," not in listeners


def test_jobs_from_the_host_run(encrypted, until):
    encrypted.submit(short_jobs(JOBS))
    until(lambda: encrypted.succeeded() == JOBS, 180, 1)


def test_a_client_without_a_certificate_is_refused(encrypted, certificates):
    address = pika.URLParameters(encrypted.client_url)
    trusting = ssl.create_default_context(cafile=certificates / "client" / "ca.pem")
    address.ssl_options = pika.SSLOptions(trusting)
    with pytest.raises((pika.exceptions.AMQPError, OSError)):
        pika.BlockingConnection(address)


def test_a_visitor_of_the_dashboard_submits_a_job(encrypted, chromium, until):
    before = encrypted.succeeded()
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{encrypted.environment['DASHBOARD_PORT']}/submit", timeout=60_000)
    page.get_by_role("combobox", name="Job type").click(timeout=60_000)
    page.get_by_role("option", name="fraud_check").click()
    page.get_by_role("heading", name="Would").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Submit this job").click(timeout=60_000)
    page.get_by_role("link", name="Open the job").wait_for(timeout=60_000)
    until(lambda: encrypted.succeeded() == before + 1, 120, 1)
    page.close()
