"""Writes the JSON Schema of every message and the AsyncAPI document from the models.

python docs/make_schemas.py [--check]
"""

import json
import sys
from pathlib import Path
from typing import Any, get_args

from shared.broker.topology import Exchange, Topology
from shared.messages import (
    AnyControl,
    AnyEvent,
    IntensityRevised,
    IntensityUpdated,
    JobClaimed,
    JobSubmit,
    Message,
    QueuedJob,
    Reply,
    message_name,
)

ROOT = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENTS: tuple[type[Message], ...] = get_args(get_args(AnyEvent)[0])
CONTROLS: tuple[type[Message], ...] = get_args(get_args(AnyControl)[0])
MESSAGES: tuple[type[Message], ...] = (JobSubmit, QueuedJob, Reply, JobClaimed, *EVENTS, *CONTROLS)


def name_of(model: type[Message]) -> str:
    """The AMQP `type` of a message class."""
    return message_name(model.model_construct())


def schema(model: type[Message]) -> dict[str, Any]:
    """A self-contained JSON Schema, draft 2020-12."""
    body = model.model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:carbon-aware:{name_of(model)}", **body}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: who publishes what to which exchange."""
    topology = Topology(("<region>",), 288)
    channels = {
        "submissions": _channel(topology.jobs, "submit", [JobSubmit]),
        "claims": _channel(topology.jobs, "claim", [JobClaimed]),
        "ready": _channel(topology.ready, "{region}.{lane}", [QueuedJob]),
        "events": _channel(topology.events, "#", list(EVENTS)),
        "control": _channel(topology.control, "#", list(CONTROLS)),
        "intensity": _channel(topology.intensity, "intensity.updated.{region}", [IntensityUpdated]),
        "revisions": _channel(topology.intensity, "intensity.revised.{region}", [IntensityRevised]),
    }
    for parameter, text in (("region", "a grid region"), ("lane", "urgent, normal, background")):
        for channel in channels.values():
            if f"{{{parameter}}}" in channel["address"]:
                channel.setdefault("parameters", {})[parameter] = {"description": text}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Carbon-aware job processor",
            "version": "1",
            "description": "Publish jobs to `submissions`; all that happens is told on `events`.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": {"host": "127.0.0.1:5672", "protocol": "amqp"}},
        "channels": channels,
        "operations": {
            "submitJob": _operation("receive", "submissions"),
            "noteWhoWasFirst": _operation("send", "claims"),
            "handOutJobs": _operation("send", "ready"),
            "askForSomething": _operation("receive", "control"),
            "tellWhatHappened": _operation("send", "events"),
            "broadcastIntensity": _operation("send", "intensity"),
            "tellWhatWasRevised": _operation("send", "revisions"),
        },
        "components": {
            "messages": {
                name_of(model): {
                    "name": name_of(model),
                    "summary": (model.__doc__ or "").strip().splitlines()[0],
                    "payload": {"$ref": f"./schemas/{name_of(model)}.json"},
                }
                for model in MESSAGES
            }
        },
    }


def _channel(exchange: Exchange, key: str, models: list[type[Message]]) -> dict[str, Any]:
    bound = {"name": exchange.name, "type": exchange.kind.value, "durable": True}
    return {
        "address": key,
        "messages": {
            name_of(model): {"$ref": f"#/components/messages/{name_of(model)}"} for model in models
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {**bound, "autoDelete": False, "vhost": "/"},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def documents() -> dict[Path, str]:
    """Every file with its text."""
    texts = {ROOT / "schemas" / f"{name_of(model)}.json": schema(model) for model in MESSAGES}
    texts[ROOT / "asyncapi.json"] = asyncapi()
    return {path: json.dumps(body, indent=2) + "\n" for path, body in texts.items()}


def main(arguments: list[str]) -> int:
    """Write the files, or say which are stale."""
    stale = {
        path: text
        for path, text in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        if "--check" in arguments:
            print(f"{path.name} is stale: run python docs/make_schemas.py")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
