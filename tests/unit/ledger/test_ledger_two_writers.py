"""Several ledger services on one queue: whoever writes what, the ledger is the same."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from services.ledger.recorder import Recorder
from shared.ledger.rollups import rollups_differences
from shared.messages import AnyEvent, encode

JOBS = 40
WAIT_SECONDS = 60.0


def lives(story: Any) -> list[AnyEvent]:
    """Jobs whose events lie among each other's, so that two writers share every job."""
    told: list[AnyEvent] = [story.intensity(300 * n, 400.0 - 20 * n) for n in range(10)]
    steps = (
        lambda job: story.accepted(job, 10),
        lambda job: story.deferred(job, 11, until=600, deferrals=1, promised_g=120.0),
        lambda job: story.released(job, 600, deferrals=1, promised_g=120.0),
        lambda job: story.started(job, 610),
        lambda job: story.failed(job, 610, 700, energy_kwh=0.5),
        lambda job: story.retried(job, 700, 1, until=720),
        lambda job: story.started(job, 730, attempt=2),
        lambda job: story.succeeded(job, 730, 1030, attempt=2, energy_kwh=1.0),
    )
    return told + [step(job) for step in steps for job in range(1, JOBS)]


def test_two_writers_at_once_make_the_ledger_of_one(new_ledger: Any, story: Any) -> None:
    told = lives(story)
    alone, shared = new_ledger(), new_ledger()
    alone.record(*told)
    bodies = [encode(event) for event in told]
    batches = [bodies[start : start + 7] for start in range(0, len(bodies), 7)]
    # A batch in three is redelivered to the other writer too.
    shares = [
        [batch for at, batch in enumerate(batches) if at % 2 == writer or at % 3 == 0]
        for writer in range(2)
    ]
    ready = Barrier(2)

    def write(share: list[list[bytes]]) -> int:
        recorder = Recorder(shared.engine)
        ready.wait(WAIT_SECONDS)
        return sum(len(recorder.write(batch)) for batch in share)

    with ThreadPoolExecutor(2) as writers:
        assert list(writers.map(write, shares)) == [0, 0]
    assert shared.dump() == alone.dump()
    with shared.engine.connect() as connection:
        assert rollups_differences(connection) == []
