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
SERVICES_MEGABYTES = 120
"""What the services' image adds to python:3.13-slim, which itself has about 125: under 250."""

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


def job_of(project, job_id):
    done = project.cli("status", job_id, "--json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"state": "unknown"}


def test_jobs_from_the_host_succeed_though_a_worker_is_killed_and_more_are_started(project, until):
    jobs = short_jobs(JOBS)
    project.submit(jobs)
    killed = project.containers("worker")[0]
    os.kill(inspected(killed)["State"]["Pid"], signal.SIGKILL)
    until(lambda: inspected(killed)["RestartCount"] == 1, 60)
    project.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", "worker=4", "worker")
    until(lambda: project.healthy("worker") == 4, 120)
    until(lambda: project.succeeded() == JOBS, FINISH_SECONDS)
    job = job_of(project, jobs[0]["id"])
    assert (job["state"], job["simulated"]) == ("succeeded", True)


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


def greeted(project, until):
    job_id = str(uuid4())
    project.submit([{"type": "greeting", "id": job_id, "priority": "critical",
                     "payload": {"name": "Ana"}, "deadline_seconds": 3600}])  # fmt: skip
    return until(lambda: job_of(project, job_id).get("result"), 120)


def test_handlers_of_a_mounted_folder_run(project, until):
    project.environment["HANDLERS"] = "greetings"
    project.compose("up", "-d", "--no-deps", "--wait", "worker")
    assert greeted(project, until) == {"text": "Hello, Ana!"}


def test_handlers_of_an_image_of_three_lines_run(project, until, tmp_path):
    folder = ROOT / "examples" / "handlers"
    assert len((folder / "Dockerfile").read_text().splitlines()) == 3
    docker("build", "-q", "-t", f"{project.name}-worker", str(folder))
    project.environment |= {
        "WORKER_IMAGE": f"{project.name}-worker",
        "HANDLERS": "",
        "HANDLERS_DIR": str(tmp_path),
    }
    project.compose("up", "-d", "--no-deps", "--wait", "worker")
    assert greeted(project, until) == {"text": "Hello, Ana!"}


def test_the_services_image_is_small(project):
    def size(image):
        return int(docker("image", "inspect", "-f", "{{.Size}}", image))

    added = (size("carbon-aware-services") - size("python:3.13-slim")) / 1e6
    print(f"\nthe services' image adds {added:.0f} MB to its base")
    assert added < SERVICES_MEGABYTES


def test_a_stop_is_clean(project):
    """Every service ends by itself, within its grace."""
    project.compose("stop")
    lines = project.compose("ps", "-a", "--format", "json").stdout.splitlines()
    codes = {each["Name"]: each["ExitCode"] for each in map(json.loads, lines)}
    for name, code in codes.items():
        # RabbitMQ's own script ends with 0; Debian's wrapper around it dies of the signal.
        expected = {0, 143} if "-rabbitmq-" in name else {0}
        assert code in expected, f"{name}: {docker('logs', '--tail', '30', name)}"
