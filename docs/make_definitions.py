"""Writes RabbitMQ's definitions from the topology: users without passwords, rights and limits.

python docs/make_definitions.py [--check]
"""

import json
import sys
from pathlib import Path

from shared.broker.rights import definitions
from shared.broker.topology import Topology

PATH = Path(__file__).parents[1] / "deploy" / "rabbitmq" / "definitions.json"


def main(arguments: list[str]) -> int:
    """Write the file, or say that it is stale."""
    text = json.dumps(definitions(Topology((), 1)), indent=2) + "\n"
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print("definitions.json is stale: run python docs/make_definitions.py")
        return 1
    PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
