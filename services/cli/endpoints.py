"""The file that tells other commands where everything of a running `up` listens."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from services.cli.processes import write_private_json

FILE_NAME = "endpoints.json"


@dataclass(frozen=True)
class Endpoints:
    """Scripts depend on these names: add some, never rename any."""

    amqp_url: str
    ledger_url: str
    dashboard_url: str | None = None
    emulator_url: str | None = None
    emulator_username: str | None = None
    emulator_password: str | None = None
    pids: Mapping[str, int] = field(default_factory=dict)

    def write(self, data_dir: Path) -> None:
        """Replace the file in one step; it holds passwords, so only its owner may read it."""
        write_private_json(data_dir / FILE_NAME, asdict(self))


def read_endpoints(data_dir: Path) -> Endpoints | None:
    """The endpoints of the `up` that runs in this folder, if one does."""
    try:
        content = json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8"))
        known = {name: content.get(name) for name in Endpoints.__dataclass_fields__}
        return Endpoints(**known)
    except (OSError, ValueError, AttributeError):
        return None


def remove_endpoints(data_dir: Path) -> None:
    """Nothing listens any more."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)
