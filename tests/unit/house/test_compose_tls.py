"""deploy/tls.yml: whoever speaks with the broker has the files to do so by TLS."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dashboard.settings import DashboardSettings

ROOT = Path(__file__).parents[3]
HEADER = (ROOT / "deploy" / "tls.yml").read_text().partition("x-tls:")[0]


def services(name):
    return YAML(typ="safe").load(ROOT / name)["services"]


BASE, TLS = services("docker-compose.yml"), services("deploy/tls.yml")
ACTING = services("deploy/dashboard-actions.yml")
OBSERVING = {"prometheus"}  # asks the services, not the broker
IN_REACH = {
    name
    for files in (BASE, ACTING)
    for name, its in files.items()
    if "messages" in its.get("networks", []) and name not in OBSERVING
}
FILES = {
    "AMQP_CA_FILE": "/run/tls/ca.pem",
    "AMQP_CERT_FILE": "/run/tls/certificate.pem",
    "AMQP_KEY_FILE": "/run/tls/key.pem",
}


def folder_of(service):
    (mounted,) = [each for each in TLS[service]["volumes"] if each.endswith(":/run/tls:ro")]
    return re.fullmatch(r"\$\{TLS_DIR[^}]*\}/(\w+):/run/tls:ro", mounted)[1]


def login_of(service):
    """The broker's user whose credentials a service has, where it speaks with the broker."""
    volumes = (ACTING.get(service) or BASE[service])["volumes"]
    (mounted,) = [each for each in volumes if "-credentials:" in each]
    return mounted.partition("-credentials:")[0]


def test_everybody_in_reach_of_the_broker_is_there():
    assert "dashboard" in IN_REACH
    assert set(TLS) - {"credentials"} == IN_REACH


@pytest.mark.parametrize("service", sorted(IN_REACH - {"rabbitmq"}))
def test_a_service_has_the_files_of_the_user_that_it_logs_in_as(service):
    assert TLS[service]["environment"] == FILES
    assert folder_of(service) == login_of(service)


def test_the_file_says_which_folders_it_wants():
    (listed,) = re.findall(r"TLS_DIR has a folder each for (.*), with", HEADER.replace("\n#", ""))
    assert set(re.findall(r"`(\w+)`", listed)) == {folder_of(each) for each in IN_REACH}


def test_what_does_not_go_together_says_so_on_both_sides():
    cluster = (ROOT / "docker-compose.cluster.yml").read_text().partition("x-node:")[0]
    assert "Not together with deploy/tls.yml" in cluster
    assert "Not together with docker-compose.cluster.yml" in HEADER.replace("\n#", "")


@pytest.fixture
def files(tmp_path):
    """Files of TLS, by field."""
    found = {}
    for field in FILES:
        found[field.lower()] = tmp_path / field
        found[field.lower()].touch()
    return found


def test_a_dashboard_that_only_reads_needs_no_encrypted_address(files):
    settings = DashboardSettings(_env_file=None, **files)
    assert settings.amqp_url == DashboardSettings.model_fields["amqp_url"].default


def test_a_dashboard_that_acts_shows_its_certificate(files):
    settings = DashboardSettings(
        _env_file=None, dashboard_actions=True, amqp_url="amqps://rabbitmq:5671/", **files
    )
    assert "certfile=" in settings.amqp_url
    with pytest.raises(ValueError, match="amqps"):
        DashboardSettings(_env_file=None, dashboard_actions=True, **files)
