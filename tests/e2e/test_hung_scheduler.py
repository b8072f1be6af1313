"""A leading scheduler that hangs: the broker gives it up, and the standby takes over."""

import os
import signal

import pytest

from shared.ledger import reads
from shared.runtime import system_clock

HANDLERS = """
from shared.handlers import handler

@handler("harmless")
def harmless(payload):
    return "done"
"""


@pytest.mark.e2e
@pytest.mark.timeout(150)
def test_a_hung_leader_is_replaced_and_may_wake_up_again(up, tmp_path, until):
    (tmp_path / "harmless_handlers.py").write_text(HANDLERS)
    system = up(HANDLERS="harmless_handlers", PYTHONPATH=str(tmp_path), BEAT_SECONDS="1")

    def leader():
        for service in reads.services(system.engine, system_clock()):
            if service.service == "scheduler" and service.facts.get("role") == "leader":
                return service if service.alive else None
        return None

    hung = until(leader, 30).pid
    os.kill(hung, signal.SIGSTOP)
    try:
        with system.publishing() as publish:
            publish({"type": "harmless", "priority": "critical"})
        until(lambda: reads.statistics(system.engine, system_clock()).jobs.succeeded == 1, 40)
    finally:
        os.kill(hung, signal.SIGCONT)
    until(lambda: (found := leader()) is not None and found.pid != hung, 20)
