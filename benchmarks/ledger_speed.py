"""How many events a second the ledger records: into SQLite, and into PostgreSQL if one is named.

    python benchmarks/ledger_speed.py [--jobs 10000] [--postgres URL] [--profile]

The events are encoded beforehand; decoding, merging, accounts, roll-ups and commits are measured,
as the ledger service does them. The URL names an empty database, which is filled.
"""

import argparse
import cProfile
import pstats
import time
from collections.abc import Sequence
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


def bodies(jobs: int) -> list[bytes]:
    """The messages of so many jobs, in their order."""
    return [encode(event) for event in history(Span(jobs, jobs / JOBS_PER_DAY))]


def record_all(url: str, messages: Sequence[bytes]) -> tuple[float, float]:
    """Record them in a new ledger: seconds by the clock, and seconds of this process's own.

    Raises:
        ValueError: one of them was refused.
    """
    migrate(url)
    engine = open_engine(url)
    recorder = Recorder(engine)
    batches = [messages[at : at + BATCH_EVENTS] for at in range(0, len(messages), BATCH_EVENTS)]
    with collecting_seldom():
        began, began_cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            if poison := recorder.write(batch):
                raise ValueError(f"an event was refused: {poison[0].reason}")
        taken = time.perf_counter() - began, time.process_time() - began_cpu
    engine.dispose()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--postgres", metavar="URL")
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
            seconds, own_seconds = record_all(url, messages)
            if profile:
                profile.disable()
            rate, own_rate = len(messages) / seconds, len(messages) / own_seconds
            print(f"{name:<10} {rate:>8,.0f} events/s, {own_rate:,.0f} for each second of its core")
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILE_LINES)


if __name__ == "__main__":
    main()
