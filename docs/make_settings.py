"""Writes `.env.example` and `docs/settings.md` from the settings classes.

python docs/make_settings.py [--check]
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from dashboard.settings import DashboardSettings
from services.cli.settings import CliSettings
from services.cli.up_settings import UpSettings
from services.credentials.settings import CredentialsSettings
from services.demo.__main__ import DemoSettings
from services.intensity_publisher.settings import PublisherSettings
from services.ledger.settings import LedgerSettings
from services.scheduler.settings import SchedulerSettings
from services.watttime_emulator.settings import EmulatorSettings
from services.worker_pool.settings import WorkerSettings
from shared.settings import (
    BrokerSettings,
    LedgerAddress,
    SecretsFolder,
    ServerSettings,
    Settings,
)

ROOT = Path(__file__).parents[1]
HEAD = """# Settings

<!-- written by docs/make_settings.py -->

From the environment, then `.env`, then files in `SECRETS_DIR` (named `watttime_password` and so
on). [.env.example](../.env.example) has the same to copy; an empty default means that nothing is
set.

"""
GROUPS: dict[str, type[BaseSettings]] = {
    "Secrets": SecretsFolder,
    "Every program": Settings,
    "Everything that uses the broker": BrokerSettings,
    "Intensity publisher": PublisherSettings,
    "Scheduler": SchedulerSettings,
    "Worker pool": WorkerSettings,
    "Ledger, dashboard and command line": LedgerAddress,
    "Reports of dashboard and command line": ServerSettings,
    "Dashboard": DashboardSettings,
    "Ledger": LedgerSettings,
    "WattTime emulator": EmulatorSettings,
    "`carbon-aware up`": UpSettings,
    "Command line": CliSettings,
    "Demo workload": DemoSettings,
    "Credentials of the containers": CredentialsSettings,
}
COMPOSE = "docker compose"
READABLE = "user 10001, as whom the services run, has to be able to read it"
COMPOSE_MEANINGS = {
    "AMQP_PORT": "RabbitMQ's port on this machine",
    "MANAGEMENT_PORT": "that of RabbitMQ's pages",
    "DASHBOARD_PORT": "the dashboard's",
    "PROMETHEUS_PORT": "Prometheus'",
    "GRAFANA_PORT": "Grafana's",
    "HANDLERS_DIR": "folder with your handlers and jobs.toml, mounted at /mnt/handlers",
    "WORKER_IMAGE": "the workers' image, where yours has handlers in it",
    "WORKER_STOP_GRACE": "time that a worker gets to stop; keep it above DRAIN_SECONDS + 15 s",
    "WORKER_CPUS": "most CPUs of one worker",
    "WORKER_MEMORY": "most memory of one worker",
    "WATTTIME_PASSWORD_FILE": (
        f"file with WattTime's password, instead of WATTTIME_PASSWORD; {READABLE}"
    ),
    "ELECTRICITY_MAPS_TOKEN_FILE": (
        f"file with that token, instead of ELECTRICITY_MAPS_TOKEN; {READABLE}"
    ),
}
"""What docker-compose.yml alone reads."""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Group, variable, default and meaning of every setting, each once."""
    seen: set[str] = set()
    for group, settings in GROUPS.items():
        for name, field in settings.model_fields.items():
            if name not in seen:
                seen.add(name)
                yield group, variable(name, field), default(field), field.description or ""
    yield from compose_rows({name.upper() for name in seen})


def compose_rows(known: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """The variables of docker-compose.yml that no program knows, each once."""
    text = _read(ROOT / "docker-compose.yml")
    found = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text))
    for name in sorted(set(found) - known):
        yield COMPOSE, name, found[name], COMPOSE_MEANINGS.get(name, "")


def variable(name: str, field: FieldInfo) -> str:
    """The environment variable of a field."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return " or ".join(str(choice).upper() for choice in alias.choices)
    return name.upper()


def default(field: FieldInfo) -> str:
    """A field's default as one would write it into the environment."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def table() -> str:
    """The table of all settings."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    last = ""
    for group, name, value, meaning in rows():
        if group != last:
            lines.append(f"| **{group}** | | |")
            last = group
        shown = " or ".join(f"`{part}`" for part in name.split(" or "))
        lines.append(
            f"| {shown} | {f'`{value}`' if value else ''} | {meaning.replace('|', '&#124;')} |"
        )
    return "\n".join(lines)


def example() -> str:
    """The text of `.env.example`: every setting with its default, all commented out."""
    lines = ["# Copy to .env and uncomment what you change; the values are the defaults."]
    last = ""
    for group, name, value, meaning in rows():
        if group != last:
            lines += ["", f"# --- {group.replace('`', '')}"]
            last = group
        first, *others = name.split(" or ")
        older = f" (also {', '.join(others)})" if others else ""
        lines += [f"# {meaning}{older}", f"#{first}={value}"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write both files, or say which one is stale."""
    wanted = {
        ROOT / ".env.example": example(),
        ROOT / "docs" / "settings.md": f"{HEAD}{table()}\n",
    }
    stale = [path for path, new in wanted.items() if _read(path) != new]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is stale: run python docs/make_settings.py")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
