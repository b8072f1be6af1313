"""Prometheus in its container: it reaches every service, and has every number that is asked for."""

import re
import subprocess
from pathlib import Path

import httpx
import pytest
from ruamel.yaml import YAML

from tests.compose.project import short_jobs
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
IMAGE = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]["prometheus"]["image"]
JOBS = {
    each["job_name"]
    for each in YAML(typ="safe").load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
}
REPLICAS = {"scheduler": 2}
"""At least; workers may be more, by the tests before."""
SELDOM = {"carbonq_deadlines_missed_total", "carbonq_job_deferral_seconds_bucket"}
"""What has no sample, type by type, until it first happens."""

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def prometheus(project, chromium):
    """Asks its API, once there is something of everything to be told."""
    have = ["docker", "image", "inspect", IMAGE], ["docker", "pull", "-q", IMAGE]
    if all(subprocess.run(each, capture_output=True, check=False).returncode for each in have):
        pytest.skip(f"{IMAGE} is not here and cannot be pulled")
    before = project.succeeded()
    project.submit(short_jobs(5))
    wait_until(lambda: project.succeeded() == before + 5, 120, 1)
    project.compose("restart", "ledger")  # which sums emissions at its start, then seldom
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{project.environment['DASHBOARD_PORT']}", timeout=60_000)
    page.get_by_text("Grid now").first.wait_for(timeout=60_000)
    page.close()
    project.compose("--profile", "observability", "up", "-d", "--wait", "--no-deps", "prometheus")
    base = f"http://127.0.0.1:{project.environment['PROMETHEUS_PORT']}/api/v1"

    def ask(path):
        return httpx.get(f"{base}/{path}", timeout=10).raise_for_status().json()["data"]

    yield ask
    project.compose("--profile", "observability", "rm", "--stop", "--force", "prometheus")


def targets(prometheus):
    found = {}
    for each in prometheus("targets?state=active")["activeTargets"]:
        found.setdefault(each["labels"]["job"], []).append((each["health"], each["lastError"]))
    return found


def test_every_replica_of_every_service_is_reached(prometheus, until):
    def all_up():
        found = targets(prometheus)
        enough = all(len(found.get(job, ())) >= REPLICAS.get(job, 1) for job in JOBS)
        healths = {health for states in found.values() for health, _ in states}
        return enough and set(found) == JOBS and healths == {"up"}

    until(all_up, 90, 1)


def test_every_rule_is_evaluated_and_none_fires_that_should_not(prometheus, until):
    def rules():
        return [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] == "ok" for rule in rules()), 90, 1)
    firing = {rule["name"] for rule in rules() if rule["state"] == "firing"}
    absent = {"NoActiveScheduler", "NoPublisher", "NoWorkers", "NoLedger"}
    assert not firing & (absent | {"GridDataStale", "BrokerNotReached", "LedgerBehind"})


def test_every_number_that_rules_and_dashboards_ask_for_is_there(prometheus, until):
    texts = [(PROMETHEUS / "alerts.yml").read_text()]
    texts += [path.read_text() for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")]
    asked = set(re.findall(r"\bcarbonq_\w+", "\n".join(texts))) - SELDOM

    def missing():
        return asked - set(prometheus("label/__name__/values"))

    try:
        until(lambda: not missing(), 90, 1)
    except AssertionError:
        pytest.fail(f"no service exports {sorted(missing())}")
