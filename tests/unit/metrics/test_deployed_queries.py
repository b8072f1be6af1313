"""deploy/prometheus and deploy/grafana ask for what the services export, and nothing else."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from services.scheduler.queue_watch import WHEEL, watched
from shared.broker.topology import Topology
from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import State

ROOT = Path(__file__).parents[3]
PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
SERVICES = runpy.run_path(str(Path(__file__).parent / "services.py"))["SERVICES"]
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
CONFIG = YAML(typ="safe").load(PROMETHEUS / "prometheus.yml")
RULES = [
    rule
    for group in YAML(typ="safe").load(PROMETHEUS / "alerts.yml")["groups"]
    for rule in group["rules"]
]
TESTS = YAML(typ="safe").load(PROMETHEUS / "alerts_test.yml")
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in GRAFANA.glob("dashboards/*.json")}
OF_PROMETHEUS = {"job", "instance", "le"}
COMPOSE_NAMES = {
    "intensity_publisher": "publisher",
    "scheduler": "scheduler",
    "worker_pool": "worker",
    "ledger": "ledger",
    "dashboard": "dashboard",
    "watttime_emulator": "emulator",
}
QUEUES = {queue.name for queue in watched(Topology(("R",), 2))} | {WHEEL}
VALUES = {
    "state": {state.value for state in State} | {"running", "free"},
    "freshness": {rung.value for rung in Freshness},
    "band": {band.value for band in Band},
    "queue": QUEUES,
}


def exported():
    """Every sample name that some service exports, with its labels."""
    found: dict[str, set[str]] = {}
    for make in SERVICES.values():
        for family in text_string_to_metric_families(generate_latest(make()).decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


EXPORTED = exported()


def queries():
    """Every expression, with where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


QUERIES = list(queries())


def names_in(expression):
    return set(re.findall(r"\bcarbonq_\w+", expression))


def complaints(expression):
    """Names, labels and label values that no service has."""
    wrong = sorted(names_in(expression) - set(EXPORTED))
    labels = set().union(*(EXPORTED.get(name, set()) for name in names_in(expression)))
    for group in re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", expression):
        used = {label.strip() for label in group.split(",") if label.strip()}
        wrong += sorted(used - labels - OF_PROMETHEUS)
    for name, matchers in re.findall(r"\b(carbonq_\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)\s*=~?\s*"([^"]*)"', matchers):
            if label not in EXPORTED.get(name, set()) | OF_PROMETHEUS:
                wrong.append(f"{name}{{{label}}}")
            elif label in VALUES and value not in VALUES[label]:
                wrong.append(f'{label}="{value}"')
    return wrong


@pytest.mark.parametrize(("where", "expression"), QUERIES, ids=[where for where, _ in QUERIES])
def test_a_query_asks_only_for_what_is_exported(where, expression):
    assert names_in(expression)
    assert complaints(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "carbonq_queue_mesages",
        "carbonq_jobs",  # without _total
        "sum by (queue) (carbonq_jobs_total)",
        'carbonq_jobs_total{state="done"}',
        'carbonq_queue_messages{queue="jobs.deaf"}',
        'carbonq_scheduler_leader{region="R"}',
    ],
)
def test_a_query_that_asks_for_something_else_is_found(expression):
    assert complaints(expression)


def test_the_sums_of_the_database_are_not_added_up_over_several_ledgers():
    """Each of them exports the whole database's."""
    asked = [expression for _, expression in QUERIES if "carbonq_emissions_" in expression]
    assert len(asked) == 4
    assert [expression for expression in asked if "sum" in expression] == []


def test_the_age_of_the_data_is_that_of_the_oldest_region():
    (age,) = [expression for where, expression in QUERIES if "Age of the grid data" in where]
    assert "min(max by (region)" in age


def test_every_number_is_shown_or_watched():
    plain = {name for name in EXPORTED if not name.endswith(("_created", "_count", "_sum"))}
    asked = set().union(*(names_in(expression) for _, expression in QUERIES))
    unasked = {  # for looking closer
        "carbonq_ledger_events_total",
        "carbonq_worker_held_jobs",
        "carbonq_emulator_requests_total",
    }
    assert plain - asked == unasked


def test_every_alert_is_tested_firing_and_silent():
    fires, silent = set(), set()
    for test in TESTS["tests"]:
        for each in test["alert_rule_test"]:
            (fires if each.get("exp_alerts") else silent).add(each["alertname"])
    assert {rule["alert"] for rule in RULES} == fires == silent


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yml"),
                                       ("test", "rules", "alerts_test.yml")])  # fmt: skip
def test_promtool_agrees(arguments):
    beside = str(Path(sys.executable).parent)  # where `make test` puts it
    promtool = shutil.which("promtool", path=os.pathsep.join([beside, os.environ["PATH"]]))
    if promtool is None:
        pytest.skip("promtool is not installed; the Debian package prometheus has it")
    done = subprocess.run(
        [promtool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_is_asked_where_it_listens():
    asked = {
        scrape["job_name"]: (where["names"], where["port"])
        for scrape in CONFIG["scrape_configs"]
        for where in scrape["dns_sd_configs"]
    }
    assert set(asked) == set(SERVICES)
    for job, (names, port) in asked.items():
        assert names == [COMPOSE_NAMES[job]]
        assert COMPOSE[names[0]]["healthcheck"]["test"][-1] == str(port)
        assert set(COMPOSE[names[0]]["networks"]) & set(COMPOSE["prometheus"]["networks"])


def test_grafana_s_provisioning_goes_together():
    source = YAML(typ="safe").load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")
    (prometheus,) = source["datasources"]
    assert prometheus["url"] == "http://prometheus:9090"
    for dashboard in DASHBOARDS.values():
        uids = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
        assert uids == {prometheus["uid"]}
    (provider,) = YAML(typ="safe").load(
        GRAFANA / "provisioning" / "dashboards" / "carbon-aware-jobs.yml"
    )["providers"]
    mounted = [each.split(":")[1] for each in COMPOSE["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).stem in DASHBOARDS


def test_dashboards_have_ids_titles_and_panels_that_do_not_overlap():
    uids = [dashboard["uid"] for dashboard in DASHBOARDS.values()]
    assert len(set(uids)) == len(uids) == 2
    for dashboard in DASHBOARDS.values():
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (place["x"] + x, place["y"] + y)
                for x in range(place["w"])
                for y in range(place["h"])
            }
            assert not cells & taken, panel["title"]
            assert place["x"] + place["w"] <= 24
            taken |= cells


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_what_observes_is_there_on_demand_and_hardened(name):
    its = COMPOSE[name]
    assert its["profiles"] == ["observability"]
    assert its["read_only"]
    assert its["cap_drop"] == ["ALL"]
    assert its["security_opt"] == ["no-new-privileges:true"]
    assert its["user"].split(":")[0] not in {"0", "root"}
    assert all(port.startswith("127.0.0.1:") for port in its["ports"])
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", its["image"])
