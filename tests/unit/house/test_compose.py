"""docker-compose.yml: valid, hardened, and told exactly what the settings classes know."""

import importlib.util
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import AliasChoices
from ruamel.yaml import YAML

from dashboard.settings import DashboardSettings
from services.cli.process_plan import DEMO_ENVIRONMENT, DEMO_SPEED, WEEK_SECONDS
from services.cli.settings import CliSettings
from services.credentials.settings import CredentialsSettings
from services.demo.__main__ import DemoSettings
from services.intensity_publisher.settings import PublisherSettings
from services.ledger.settings import LedgerSettings
from services.scheduler.settings import SchedulerSettings
from services.watttime_emulator.settings import EmulatorSettings
from services.worker_pool.service import CUT_SECONDS
from services.worker_pool.settings import WorkerSettings
from shared.broker.topology import CONSUMER_TIMEOUT_MS
from shared.catalogue import load_catalogue
from shared.messages import LARGEST_SUBMISSION_BYTES
from shared.settings import TlsFiles
from shared.testing import run_now

ROOT = Path(__file__).parents[3]
YAML_FILES = sorted([*ROOT.glob("*.yml"), *(ROOT / "deploy").rglob("*.y*ml")])
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")
OBSERVING = {"prometheus", "grafana"}  # tests/unit/metrics/test_deployed_queries.py
SERVICES = {name: its for name, its in COMPOSE["services"].items() if name not in OBSERVING}
OURS = sorted(set(SERVICES) - {"rabbitmq", "postgres"})
LONG_RUNNING = sorted(set(SERVICES) - {"credentials", "setup", "cli"})
SETTINGS = {
    "credentials": CredentialsSettings,
    "setup": CliSettings,
    "cli": CliSettings,
    "emulator": EmulatorSettings,
    "publisher": PublisherSettings,
    "scheduler": SchedulerSettings,
    "worker": WorkerSettings,
    "ledger": LedgerSettings,
    "dashboard": DashboardSettings,
    "workload": DemoSettings,
}
SECRET_FILES = {
    *("amqp_url", "ledger_url", "ledger_reader_url"),
    *("emulator_url", "emulator_password"),
}
"""Written by the step `credentials`, so no variable says them."""
FIXED = {
    "credentials": {
        *("credentials_dir", "broker_scheme"),
        *("broker_address", "database_address", "emulator_address"),
    },
    "emulator": {
        "emulator_ready_file",
        "emulator_username",  # the step `credentials` writes the login
        "emulator_trace",  # files of the host, which the container does not see
        "emulator_forecasts",
        "emulator_regions",
    },
    "publisher": {"recorded_trace", "recorded_forecasts", "recorded_trace_signal"},
    "setup": {
        *("watttime_username", "watttime_password", "watttime_url"),
        *("embodied_kg_per_server", "server_lifetime_years", "jobs_per_server"),  # for reports
    },
    "cli": {"watttime_username", "watttime_password", "watttime_url"},
}


def variables(settings):
    """The variables of a settings class, by field."""
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [name]
        yield name, {str(choice).upper() for choice in choices}


def told(service):
    """The names of a service's variables."""
    environment = SERVICES[service]["environment"]
    if isinstance(environment, dict):
        return set(environment)
    # `${NAME:+NAME=}...` gives the variable only where it is set.
    names = (re.sub(r"^\$\{(\w+):\+.*", r"\1", each) for each in environment)
    return {name.partition("=")[0] for name in names}


@pytest.mark.parametrize("service", OURS)
def test_a_service_is_told_what_its_settings_know_and_nothing_else(service):
    left_out = SECRET_FILES | FIXED.get(service, set()) | set(TlsFiles.model_fields)
    left_out -= {"log_level", "log_json", "otel_exporter_otlp_endpoint"}
    known = [names for field, names in variables(SETTINGS[service]) if field not in left_out]
    assert told(service) == set().union(*known)


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_key_stands_twice(path):
    """Docker refuses the whole file then; the round-trip loader is the one that notices."""
    assert list(YAML().load_all(path))


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_container_is_hardened(service):
    its = SERVICES[service]
    assert its["read_only"]
    assert its["init"]
    assert its["cap_drop"] == ["ALL"]
    assert "cap_add" not in its
    assert its["security_opt"] == ["no-new-privileges:true"]
    assert its["user"] in {"10001:10001", "rabbitmq", "postgres"}
    assert {"cpus", "memory", "pids"} <= set(its["deploy"]["resources"]["limits"])
    assert "container_name" not in its


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_what_stays_is_checked_restarted_and_stopped_in_peace(service):
    its = SERVICES[service]
    assert its["restart"] == "unless-stopped"
    assert its["healthcheck"]["test"][0] == "CMD"
    assert its["stop_grace_period"]
    conditions = {each["condition"] for each in its["depends_on"].values()}
    assert conditions <= {"service_healthy", "service_completed_successfully"}


def test_ports_are_published_on_this_machine_only():
    ports = [port for its in SERVICES.values() for port in its.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not {"scheduler", "worker"} & {name for name, its in SERVICES.items() if "ports" in its}


def test_a_worker_has_longer_to_stop_than_it_takes():
    grace = re.search(r":-(\d+)s", SERVICES["worker"]["stop_grace_period"])
    longest = WorkerSettings.model_fields["drain_seconds"].default + 2 * CUT_SECONDS
    assert int(grace[1]) > longest


def test_every_service_gets_the_credentials_of_one_user_only():
    written = {volume.split(":")[0] for volume in SERVICES["credentials"]["volumes"]}
    for service in set(SERVICES) - {"credentials"}:
        mounted = [volume for volume in SERVICES[service]["volumes"] if "-credentials:" in volume]
        assert len(mounted) == 1, service
        assert mounted[0].split(":")[0] in written
        assert mounted[0].endswith(":/run/credentials:ro")


def test_the_demos_environment_is_that_of_the_command_line():
    values = dotenv_values(ROOT / "deploy" / "demo.env")
    assert values.pop("COMPOSE_PROFILES") == "demo"
    assert values.pop("EMULATOR_SPEED") == str(DEMO_SPEED)
    assert values.pop("BAND_HISTORY_SECONDS") == str(WEEK_SECONDS // DEMO_SPEED)
    inside = values.pop("JOBS_FILE").partition("/site-packages/")[2]
    expected = dict(DEMO_ENVIRONMENT)
    assert Path(expected.pop("JOBS_FILE")) == ROOT / inside
    handlers = f"HANDLERS={expected.pop('HANDLERS')} "
    assert handlers in (ROOT / "Dockerfile").read_text()
    assert values == expected


def test_the_brokers_limits_fit_the_messages():
    text = (ROOT / "deploy" / "rabbitmq" / "carbon-aware.conf").read_text()
    conf = dict(line.split(" = ") for line in text.splitlines() if " = " in line and line[0] != "#")
    assert int(conf["max_message_size"]) == 8 * LARGEST_SUBMISSION_BYTES
    assert int(conf["consumer_timeout"]) == CONSUMER_TIMEOUT_MS
    memory = SERVICES["rabbitmq"]["deploy"]["resources"]["limits"]["memory"]
    assert (conf["vm_memory_high_watermark.absolute"], memory) == ("600MiB", "1G")


def test_the_definitions_are_what_the_topology_says():
    path = ROOT / "docs" / "make_definitions.py"
    spec = importlib.util.spec_from_file_location("make_definitions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--check"]) == 0


def test_images_come_from_the_one_base():
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert set(bases) - stages == {"python:3.13-slim"}


def test_the_example_of_own_handlers_runs(monkeypatch):
    folder = ROOT / "examples" / "handlers"
    monkeypatch.syspath_prepend(str(folder))
    assert run_now("greeting", {"name": "Ana"}, module="greetings") == {"text": "Hello, Ana!"}
    assert set(load_catalogue(folder / "jobs.toml")) == {"greeting"}
