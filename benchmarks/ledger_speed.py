"""How many events a second the ledger records: into SQLite, and into PostgreSQL if one is named.

    python benchmarks/ledger_speed.py [--jobs 10000] [--postgres URL [--writers 2]] [--profile]

The events are encoded beforehand; decoding, merging, accounts, roll-ups and commits are measured,
as the ledger service does them. The URL names an empty database, which is filled; with `--writers`
by so many processes at once, as by so many ledger services on one queue: while one of them writes,
the others make their batches ready.
"""

import argparse
import cProfile
import multiprocessing
import pstats
import time
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger_events import Span, history

from services.ledger.collecting import collecting_seldom
from services.ledger.recorder import Recorder
from shared.ledger.schema import migrate, open_engine
from shared.messages import encode

BATCH_EVENTS = 2000
"""As the ledger service writes at once by default."""
JOBS_PER_DAY = 10_000
PROFILE_LINES = 40
START_SECONDS = 30.0


def bodies(jobs: int) -> list[bytes]:
    """The messages of so many jobs, in their order."""
    return [encode(event) for event in history(Span(jobs, jobs / JOBS_PER_DAY))]


def record_all(url: str, messages: Sequence[bytes], writers: int = 1) -> tuple[float, float]:
    """Record them in a new ledger: seconds by the clock, and seconds of all writers' own.

    Raises:
        ValueError: one of them was refused.
    """
    migrate(url)
    batches = [messages[at : at + BATCH_EVENTS] for at in range(0, len(messages), BATCH_EVENTS)]
    if writers == 1:
        began = time.perf_counter()
        own_seconds = _record(url, batches)
        return time.perf_counter() - began, own_seconds
    context = multiprocessing.get_context("fork")  # the batches need not be copied
    ready, done = context.Barrier(writers + 1), context.Queue()
    each = [(url, batches[writer::writers], ready, done) for writer in range(writers)]
    processes = [context.Process(target=_record_beside, args=args) for args in each]
    for process in processes:
        process.start()
    ready.wait(START_SECONDS)
    began = time.perf_counter()
    for process in processes:
        process.join()
    taken = time.perf_counter() - began
    if any(process.exitcode for process in processes):
        raise ValueError("a writer failed; it says above why")
    return taken, sum(done.get() for _ in processes)


def _record_beside(
    url: str, batches: Sequence[Sequence[bytes]], ready: Barrier, done: "Queue[float]"
) -> None:
    ready.wait(START_SECONDS)
    done.put(_record(url, batches))


def _record(url: str, batches: Sequence[Sequence[bytes]]) -> float:
    """Seconds of the processor that it took this process."""
    engine = open_engine(url)
    recorder = Recorder(engine)
    with collecting_seldom():
        began = time.process_time()
        for batch in batches:
            if poison := recorder.write(batch):
                raise ValueError(f"an event was refused: {poison[0].reason}")
        own_seconds = time.process_time() - began
    engine.dispose()
    return own_seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--writers", type=int, default=1, help="into PostgreSQL at once")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args(arguments)
    messages = bodies(asked.jobs)
    print(f"{len(messages):,} events of {asked.jobs:,} jobs, {BATCH_EVENTS} to a transaction")
    profile = cProfile.Profile() if asked.profile else None
    with TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'ledger.db'}"}
        if asked.postgres:
            urls["PostgreSQL"] = asked.postgres
        for name, url in urls.items():
            if profile:
                profile.enable()
            writers = 1 if name == "SQLite" else asked.writers
            seconds, own_seconds = record_all(url, messages, writers)
            if profile:
                profile.disable()
            rate, own_rate = len(messages) / seconds, len(messages) / own_seconds
            print(f"{name:<10} {rate:>8,.0f} events/s, {own_rate:,.0f} for each second of a core")
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILE_LINES)


if __name__ == "__main__":
    main()
