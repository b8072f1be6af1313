"""What each of the broker's users may do, no wider than its row of the topology table.

RabbitMQ knows three rights on names (configure, write, read), given as regular expressions, and on
topic exchanges rights on routing keys beside them. A passive declare and a count need none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.broker.topology import INTAKE_MOST_MESSAGES, Exchange, Queue, Topology

NOTHING = "^$"
DEFAULT_EXCHANGE = "amq.default"
"""Answers go through it, straight to the queue that somebody asked to be answered on."""

Definitions = dict[str, Any]
"""RabbitMQ's own form of its users, permissions and policies."""


@dataclass(frozen=True, slots=True)
class Rights:
    """One user of the broker.

    Attributes:
        publishes: exchanges that it may write to, each with the routing keys; empty for all.
        consumes: queues that it may read, as parts of an expression.
        listens: whether it may bind queues of its own to the events.
        own_queues: what its own exclusive queues are called, before the last dot; empty for none.
        answers: whether it may write straight to the queue that somebody asked to be answered on.
        declares: whether it makes and binds all that lasts, which takes no message of it.
        tags: RabbitMQ's, for its pages.
    """

    user: str
    publishes: tuple[tuple[Exchange, tuple[str, ...]], ...] = ()
    consumes: tuple[str, ...] = ()
    listens: bool = False
    own_queues: str = ""
    answers: bool = False
    declares: bool = False
    tags: tuple[str, ...] = field(default=())


def rights_of(topology: Topology) -> tuple[Rights, ...]:
    """Every user of a deployment; the names of regions and the number of slots do not matter."""
    jobs, events, control = topology.jobs, topology.events, topology.control
    everything: tuple[str, ...] = ()
    asks = (jobs, ("submit",)), (control, ("cancel", "run_now"))
    kept = _named(topology.dead, topology.rejected)
    return (
        Rights("setup", declares=True),
        Rights(
            "publisher",
            ((topology.intensity, everything), (events, ("service.beat",))),
            _named(topology.intensity_log),
            own_queues="ctl.publisher",
        ),
        Rights(
            "scheduler",
            (
                (jobs, ("submit", "claim", "rejected")),
                (topology.delayed, everything),
                (topology.ready, everything),
                (events, everything),
            ),
            (
                *_named(topology.submitted),
                *_named(topology.intensity_log, topology.control_log, topology.claims),
                _family(topology.delayed.name),
            ),
            listens=True,
            own_queues="ctl.scheduler",
            answers=True,
        ),
        Rights(
            "worker",
            (
                (jobs, ("retry", "resume", "dead", "rejected")),
                (topology.ready, everything),
                (events, everything),
            ),
            (
                *_named(topology.intensity_log, topology.control_log),
                _family(topology.ready.name),
            ),
        ),
        Rights(
            "ledger",
            ((jobs, ("rejected",)), (events, ("service.beat",))),
            _named(topology.ledger_events),
        ),
        Rights("client", asks, listens=True, own_queues="ctl.client"),
        Rights(
            "operator",
            ((jobs, ("submit", "retry")), (control, everything), (events, ("job.replayed",))),
            kept,
            listens=True,
            own_queues="ctl.(cli|client)",
            tags=("monitoring",),
        ),
    )


def definitions(topology: Topology, vhost: str = "/") -> Definitions:
    """Users, their rights and the queues' limits, for RabbitMQ to import.

    The users have no password: nobody gets in before `with_passwords` has given them some.
    """
    users = rights_of(topology)
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {"name": each.user, "password_hash": "", "tags": list(each.tags)} for each in users
        ],
        "permissions": [_permission(each, topology, vhost) for each in users],
        "topic_permissions": [
            right for each in users for right in _topic_permissions(each, topology, vhost)
        ],
        "policies": _policies(topology, vhost),
    }


def _permission(rights: Rights, topology: Topology, vhost: str) -> dict[str, str]:
    whose = {"user": rights.user, "vhost": vhost}
    if rights.declares:
        return whose | _declaring(topology)
    own = [f"{_own(topology, rights)}\\..+"] if rights.own_queues else []
    writes = [re.escape(exchange.name) for exchange, _ in rights.publishes]
    writes += [re.escape(DEFAULT_EXCHANGE)] if rights.answers else []
    reads = [*rights.consumes, *([re.escape(topology.events.name)] if rights.listens else [])]
    return whose | {
        "configure": _any_of(own),
        "write": _any_of([*writes, *own]),
        "read": _any_of([*reads, *own]),
    }


def _declaring(topology: Topology) -> dict[str, str]:
    """To bind takes `write` where messages go and `read` where they come from.

    To declare a queue with a dead-letter exchange takes `read` of the queue and `write` of that
    exchange, so what jobs wait in can be read: RabbitMQ knows no narrower right.
    https://www.rabbitmq.com/docs/access-control#authorisation
    """
    exchanges = [re.escape(exchange.name) for exchange in topology.exchanges()]
    dead_lettering = [
        *_named(topology.submitted),
        _family(topology.delayed.name),
        _family(topology.ready.name),
    ]
    lasting = [
        *dead_lettering,
        *_named(topology.rejected, topology.dead, topology.claims, topology.ledger_events),
        *_named(topology.intensity_log, topology.control_log),
    ]
    written = [re.escape(exchange.name) for exchange in _written_to(topology)]
    return {
        "configure": _any_of([*exchanges, *lasting]),
        "write": _any_of([*written, *lasting]),
        "read": _any_of([*exchanges, *dead_lettering]),
    }


def _written_to(topology: Topology) -> tuple[Exchange, ...]:
    """Exchanges that something leads to: dead letters, and the grid's updates."""
    return topology.jobs, topology.events


def _topic_permissions(rights: Rights, topology: Topology, vhost: str) -> Iterable[dict[str, str]]:
    """Routing keys, where not all of an exchange's are allowed."""
    if rights.declares:
        for exchange in _written_to(topology):
            whose = {"user": rights.user, "vhost": vhost, "exchange": exchange.name}
            yield whose | {"write": NOTHING, "read": ".*"}
    for exchange, keys in rights.publishes:
        if keys:
            listens = rights.listens and exchange == topology.events
            yield {
                "user": rights.user,
                "vhost": vhost,
                "exchange": exchange.name,
                "write": _any_of([re.escape(key) for key in keys]),
                "read": ".*" if listens else NOTHING,
            }


def _policies(topology: Topology, vhost: str) -> list[dict[str, Any]]:
    """Bounds of every queue that has none of its own; who publishes beyond is refused, not heard.

    As policies, for a queue's arguments cannot be changed once it exists.
    """
    unbounded = [
        *_named(topology.rejected, topology.dead, topology.ledger_events),
        _family(topology.delayed.name),
        _family(topology.ready.name),
    ]
    limits = {"max-length": INTAKE_MOST_MESSAGES, "overflow": "reject-publish"}
    return [
        {
            "vhost": vhost,
            "name": topology.named("limits"),
            "pattern": _any_of(unbounded),
            "apply-to": "queues",
            "definition": limits,
            "priority": 0,
        }
    ]


def _own(topology: Topology, rights: Rights) -> str:
    prefix, _, last = rights.own_queues.rpartition(".")
    return f"{re.escape(topology.named(prefix))}\\.{last}"


def _named(*queues: Queue) -> tuple[str, ...]:
    return tuple(re.escape(queue.name) for queue in queues)


def _family(prefix: str) -> str:
    """One queue for each region, lane or slot, so many that they share an expression."""
    return f"{re.escape(prefix)}\\..+"


def _any_of(parts: Iterable[str]) -> str:
    joined = "|".join(parts)
    return f"^({joined})$" if joined else NOTHING
