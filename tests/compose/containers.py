"""What Docker itself says of containers and images."""

import json
import subprocess
from typing import Any


def docker(*arguments: str) -> str:
    """Run docker; what it says on both of its outputs, for logs come on both."""
    whole = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(["docker", *arguments], text=True, check=True, **whole).stdout


def inspected(container: dict[str, Any]) -> dict[str, Any]:
    """Everything that is known of a container."""
    return dict(json.loads(docker("inspect", container["Name"]))[0])
