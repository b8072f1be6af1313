"""What `carbon-aware up` runs, as data: which programs there are, and what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.processes import port_answers
from services.cli.supervisor import ChildSpec

DEMO_SPEED = 60
"""A 5-minute point of grid data lasts 5 s in the demo ..."""
WEEK_SECONDS = 7 * 86_400
REREAD_SECONDS = 3600
DEMO_ENVIRONMENT = {
    "SLOT_SECONDS": "5",  # ... and so does a slot of the timetable
    "MARGIN_SECONDS": "1",  # a minute of safety before a latest start, as fast as the rest
    "BEAT_SECONDS": "2",
    "DRAIN_SECONDS": "10",
    "HANDLERS": "services.demo.handlers",
    "JOBS_FILE": str(Path(__file__).parents[1] / "demo" / "jobs.toml"),
}


@dataclass(frozen=True)
class FileWritten:
    """Ready as soon as the program wrote its file."""

    path: Path

    def __call__(self) -> bool:
        """Whether it is there."""
        return self.path.exists()


@dataclass(frozen=True)
class PortAnswers:
    """Ready as soon as the program accepts connections."""

    port: int

    def __call__(self) -> bool:
        """Whether it does."""
        return port_answers(self.port)


@dataclass(frozen=True)
class PlannedProcess:
    """One program, and how many of it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: FileWritten | PortAnswers | None = None
    count: int = 1
    essential: bool = True
    restart_on_success: bool = True


@dataclass(frozen=True)
class Emulator:
    """Where WattTime's emulator listens in this run, and who may log in."""

    port: int
    username: str
    password: str
    speed: int
    ready_file: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class PlanFacts:
    """What is known before anything starts."""

    python: str
    amqp_url: str
    ledger_url: str
    demo: bool = False
    workers: bool = True
    emulator: Emulator | None = None
    dashboard_app: Path | None = None
    dashboard_port: int | None = None

    @property
    def dashboard_url(self) -> str | None:
        """Where a browser finds the dashboard."""
        port = self.dashboard_port
        return f"http://127.0.0.1:{port}" if port is not None else None


def process_plan(facts: PlanFacts) -> list[PlannedProcess]:
    """The programs in the order of their start; they stop in the reverse order."""
    plan = [
        PlannedProcess("ledger", _service(facts, "ledger")),
        PlannedProcess("intensity_publisher", _service(facts, "intensity_publisher")),
        PlannedProcess("scheduler", _service(facts, "scheduler"), count=2),  # one stands by
    ]
    if facts.workers:
        plan.append(PlannedProcess("worker_pool", _service(facts, "worker_pool"), count=2))
    if facts.emulator is not None:
        plan.insert(0, _emulator(facts, facts.emulator))
    if facts.demo:
        demo = PlannedProcess("demo", _service(facts, "demo"), restart_on_success=False)
        plan.append(demo)
    if facts.dashboard_app is not None and facts.dashboard_port is not None:
        plan.append(_dashboard(facts, facts.dashboard_app, facts.dashboard_port))
    return plan


def common_environment(facts: PlanFacts) -> dict[str, str]:
    """What every program is told."""
    environment = {"AMQP_URL": facts.amqp_url, "LEDGER_URL": facts.ledger_url}
    if facts.demo:
        environment |= DEMO_ENVIRONMENT
    if facts.emulator is not None:
        environment |= {
            # A week of the bands' history passes as fast as the recording is replayed.
            "BAND_HISTORY_SECONDS": str(WEEK_SECONDS // facts.emulator.speed),
            # Its history is read again every hour of the recording: the emulator is not asked much.
            "REREAD_SECONDS": str(REREAD_SECONDS // facts.emulator.speed),
            "WATTTIME_URL": facts.emulator.url,
            "WATTTIME_USERNAME": facts.emulator.username,
            "WATTTIME_PASSWORD": facts.emulator.password,
        }
    return environment


def child_specs(facts: PlanFacts) -> list[ChildSpec]:
    """The plan, one entry for each process."""
    common = common_environment(facts)
    return [
        ChildSpec(
            name=planned.name if planned.count == 1 else f"{planned.name}-{number}",
            argv=planned.argv,
            env=common | dict(planned.env),
            group=planned.name,
            ready=planned.ready,
            essential=planned.essential,
            restart_on_success=planned.restart_on_success,
        )
        for planned in process_plan(facts)
        for number in range(1, planned.count + 1)
    ]


def _service(facts: PlanFacts, name: str) -> tuple[str, ...]:
    return (facts.python, "-m", f"services.{name}")


def _emulator(facts: PlanFacts, emulator: Emulator) -> PlannedProcess:
    return PlannedProcess(
        "watttime_emulator",
        _service(facts, "watttime_emulator"),
        env={
            "EMULATOR_PORT": str(emulator.port),
            "EMULATOR_USERNAME": emulator.username,
            "EMULATOR_PASSWORD": emulator.password,
            "EMULATOR_SPEED": str(emulator.speed),
            "EMULATOR_READY_FILE": str(emulator.ready_file),
        },
        ready=FileWritten(emulator.ready_file),
    )


def _dashboard(facts: PlanFacts, app: Path, port: int) -> PlannedProcess:
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = (f"--{name}={value}" for name, value in options.items())
    return PlannedProcess(
        "dashboard",
        (facts.python, "-m", "streamlit", "run", str(app), *flags),
        ready=PortAnswers(port),
        essential=False,
    )
