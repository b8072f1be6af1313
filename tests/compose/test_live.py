"""docker compose for real: jobs from the host, a worker killed, more workers, users' handlers."""

import json
import os
import signal
import urllib.request
from pathlib import Path
from uuid import uuid4

import pika
import pytest
from pika.exceptions import AMQPError

from tests.compose.containers import docker, inspected
from tests.compose.project import short_jobs

ROOT = Path(__file__).parents[2]
JOBS = 200
FINISH_SECONDS = 240
KILLED = (
    "worker", "scheduler", "publisher", "emulator", "dashboard", "ledger", "postgres", "rabbitmq",
)  # fmt: skip
SERVICES_MEGABYTES = 120
"""What the services' image adds to python:3.13-slim, which itself has about 125: under 250."""

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


def kill(project, service, until):
    """Kill each container of a service, one after the other, and see that it is started again."""
    for container in project.containers(service):
        os.kill(inspected(container)["State"]["Pid"], signal.SIGKILL)
        until(lambda container=container: inspected(container)["RestartCount"] == 1, 60)


def test_no_job_is_lost_though_every_container_is_killed_once(project, until):
    project.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", "worker=4", "worker")
    until(lambda: project.healthy("worker") == 4, 120)
    jobs = short_jobs(JOBS)
    share = JOBS // len(KILLED)
    for number, service in enumerate(KILLED):
        project.submit(jobs[number * share : (number + 1) * share])
        kill(project, service, until)
        until(lambda service=service: project.healthy(service) > 0, 120)
    project.compose("restart", "rabbitmq")
    until(lambda: project.healthy("rabbitmq") == 1, 120)
    until(lambda: project.succeeded() == JOBS, FINISH_SECONDS, 1)
    for job in (jobs[0], jobs[-1]):
        found = project.job(job["id"])
        assert (found["state"], found["simulated"]) == ("succeeded", True)
    check = project.cli("ledger", "check", check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_every_service_is_healthy_and_one_scheduler_of_two_leads(project, until):
    expected = {
        "rabbitmq": 1, "postgres": 1, "emulator": 1, "publisher": 1,
        "scheduler": 2, "ledger": 1, "dashboard": 1,
    }  # fmt: skip
    for service, count in expected.items():
        until(lambda service=service, count=count: project.healthy(service) == count, 60)
    findings = json.loads(project.cli("doctor", "--json", check=False).stdout)["checks"]
    assert [each for each in findings if each["mark"] == "failed"] == []
    (schedulers,) = (each["detail"] for each in findings if each["name"] == "scheduler")
    assert schedulers == "2 processes alive (leader, standby)"


def test_the_dashboard_answers_on_the_host(project):
    port = project.environment["DASHBOARD_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
        assert b"<title>Streamlit</title>" in page.read()


def test_nothing_listens_beyond_this_machine(project):
    for service in ("rabbitmq", "dashboard"):
        (container,) = project.containers(service)
        ports = inspected(container)["NetworkSettings"]["Ports"].values()
        hosts = {each["HostIp"] for bound in ports if bound for each in bound}
        assert hosts == {"127.0.0.1"}


def test_guest_and_strangers_do_not_get_in(project):
    port = project.environment["AMQP_PORT"]
    with pytest.raises((AMQPError, OSError)):
        pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@127.0.0.1:{port}/"))


@pytest.mark.parametrize("service", ["scheduler", "worker", "ledger", "publisher", "dashboard"])
def test_a_service_can_neither_write_its_image_nor_read_anothers_secrets(project, service):
    container = project.containers(service)[0]
    assert docker("exec", container["Name"], "id", "-u").strip() == "10001"
    script = "touch /opt/x 2>/dev/null || touch /run/credentials/x 2>/dev/null || echo refused"
    assert docker("exec", container["Name"], "sh", "-c", script).strip() == "refused"
    secrets = docker("exec", container["Name"], "sh", "-c", "cat /run/credentials/*")
    others = {"scheduler", "worker", "ledger", "publisher", "operator", "setup"} - {service}
    assert not [other for other in others if f"//{other}:" in secrets]


def test_half_an_account_is_one_line_that_says_what_is_missing(project):
    half = ("run", "--rm", "-T", "--no-deps", "-e", "WATTTIME_USERNAME=me", "publisher")
    done = project.compose(*half, check=False)
    assert done.returncode == 78
    assert "WATTTIME_USERNAME and WATTTIME_PASSWORD are not both set" in done.stderr


@pytest.fixture
def own_handlers(project):
    """Workers with a user's own handlers, by variables; the demo's are back afterwards."""
    before = dict(project.environment)

    def start(**variables):
        project.environment.update(variables)
        project.compose("up", "-d", "--no-deps", "--wait", "worker")

    yield start
    project.environment.clear()
    start(**before)


def greeted(project, until):
    job_id = str(uuid4())
    project.submit([{"type": "greeting", "id": job_id, "priority": "critical",
                     "payload": {"name": "Ana"}, "deadline_seconds": 3600}])  # fmt: skip
    return until(lambda: project.job(job_id).get("result"), 120, 1)


def test_handlers_of_a_mounted_folder_run(project, own_handlers, until):
    own_handlers(HANDLERS="greetings")
    assert greeted(project, until) == {"text": "Hello, Ana!"}


def test_handlers_of_an_image_of_three_lines_run(project, own_handlers, until, tmp_path):
    folder, image = ROOT / "examples" / "handlers", f"{project.name}-worker"
    assert len((folder / "Dockerfile").read_text().splitlines()) == 3
    docker("build", "-q", "-t", image, str(folder))
    own_handlers(WORKER_IMAGE=image, HANDLERS="", HANDLERS_DIR=str(tmp_path))
    assert greeted(project, until) == {"text": "Hello, Ana!"}


def test_the_demos_workload_sends_jobs(project, until):
    def jobs():
        return sum(json.loads(project.cli("status", "--json").stdout)["jobs"].values())

    before = jobs()
    project.compose("--profile", "demo", "up", "-d", "--no-deps", "--wait", "workload")
    until(lambda: jobs() >= before + 5, 90, 1)
    project.compose("--profile", "demo", "rm", "--stop", "--force", "workload")


def test_the_services_image_is_small(project):
    def size(image):
        return int(docker("image", "inspect", "-f", "{{.Size}}", image))

    added = (size("carbon-aware-services") - size("python:3.13-slim")) / 1e6
    print(f"\nthe services' image adds {added:.0f} MB to its base")
    assert added < SERVICES_MEGABYTES
