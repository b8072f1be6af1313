"""A ledger as lines of JSON: every event that it kept, then one line that vouches for them.

The events stand in the order in which they were recorded, so that a ledger made from a dump gives
the same dump. What the ledger keeps only as it is now (beats, timetables, progress) is told by one
event each. Then come the rows that no event brings back (`dump_rows`), and last the manifest. A
ledger that is made from a dump has the same tables.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, func, select

from shared.ledger.decided import told, told_body
from shared.ledger.dump_rows import row_lines
from shared.ledger.reads.query import reading
from shared.ledger.schema import HEAD
from shared.ledger.tables import AnyRow, attempts, events, jobs, services, timetables
from shared.ledger.writes.retention import PruneNote, prune_notes
from shared.messages import Event, JobProgressed, ServiceBeat, TimetableUpdated, encode

FORMAT = "carbon-aware.ledger.v1"
_ROWS_AT_ONCE = 1_000
_NAMES = UUID("3f0c5f7e-3b0a-4c39-9d0f-0c1f6f3d5a11")
_RANK_DIGITS = slice(6, 12)
"""Where the piece stands in the rank of a word on progress."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dump's last line says of the lines before it.

    Attributes:
        events: how many lines that are events.
        first_at: of the earliest event; None where there is none.
        last_at: of the latest one.
        rows: how many lines after them that are rows.
        sha256: of all lines before, each with its line feed.
        tables: the version of the tables that they were read from.
        written_at: when.
        prunes: how often and how far the ledger was pruned.
    """

    events: int
    first_at: datetime | None
    last_at: datetime | None
    rows: int
    sha256: str
    tables: str
    written_at: datetime
    prunes: tuple[PruneNote, ...] = ()


def count_events(engine: Engine) -> int:
    """How many events the ledger keeps, to say how far a dump is."""
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


def dump_lines(engine: Engine, written_at: datetime) -> Iterator[bytes]:
    """The lines of a dump, each with its line feed; they show the ledger at one instant.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    tally = _Tally()
    with reading(engine) as connection:
        if connection.dialect.name == "postgresql":  # SQLite's readers see one instant anyway
            connection.execution_options(isolation_level="REPEATABLE READ")
        for line in chain(_kept(connection, tally), map(_line, _standing(connection))):
            tally.add(line)
            yield line
        notes = tuple(prune_notes(connection))
        for line in row_lines(connection, is_pruned=bool(notes)):
            tally.add(line, is_row=True)
            yield line
    yield _manifest_line(tally.manifest(written_at, notes))


class _Tally:
    """What the manifest is to say of the lines that were written."""

    def __init__(self) -> None:
        self.times: list[datetime] = []
        self._digest = sha256()
        self._events = self._rows = 0

    def add(self, line: bytes, *, is_row: bool = False) -> None:
        self._digest.update(line)
        self._events += not is_row
        self._rows += is_row

    def saw(self, at: datetime) -> None:
        """Note the time of an event that the ledger keeps."""
        self.times = [min(at, *self.times), max(at, *self.times)] if self.times else [at]

    def manifest(self, written_at: datetime, notes: tuple[PruneNote, ...]) -> Manifest:
        first_at, last_at = (self.times[0], self.times[-1]) if self.times else (None, None)
        digest = self._digest.hexdigest()
        return Manifest(
            self._events, first_at, last_at, self._rows, digest, HEAD, written_at, notes
        )


def _line(event: Event) -> bytes:
    return encode(event) + b"\n"


def _manifest_line(manifest: Manifest) -> bytes:
    value = {
        "format": FORMAT,
        "events": manifest.events,
        "first_at": manifest.first_at.isoformat() if manifest.first_at else None,
        "last_at": manifest.last_at.isoformat() if manifest.last_at else None,
        "rows": manifest.rows,
        "sha256": manifest.sha256,
        "tables": manifest.tables,
        "written_at": manifest.written_at.isoformat(),
        "prunes": [_note(note) for note in manifest.prunes],
    }
    return json.dumps({"manifest": value}).encode() + b"\n"


def _note(note: PruneNote) -> dict[str, str]:
    return {
        "id": str(note.id),
        "at": note.at.isoformat(),
        "by": note.by,
        "scope": note.pruned.scope,
    }


def _kept(connection: Connection, tally: _Tally) -> Iterator[bytes]:
    query = told().order_by(events.c.place)
    for row in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        tally.saw(row.at)
        yield told_body(row).encode() + b"\n"


def _standing(connection: Connection) -> Iterator[Event]:
    """An event for each thing of which only the last word is kept."""
    yield from map(_beat, connection.execute(select(services).order_by(*services.primary_key)))
    yield from map(_timetable, connection.execute(select(timetables).order_by("region")))
    progress = (
        select(
            jobs.c.id,
            jobs.c.progress_key,
            jobs.c.progress_fraction,
            jobs.c.progress_message,
            jobs.c.progress_at,
            attempts,
        )
        .join(attempts, (attempts.c.job_id == jobs.c.id))
        .where(
            jobs.c.progress_key.is_not(None),
            attempts.c.attempt == jobs.c.progress_attempt,
        )
        .order_by(jobs.c.id)
    )
    for row in connection.execute(progress.execution_options(yield_per=_ROWS_AT_ONCE)):
        if int(row.progress_key[_RANK_DIGITS]) == row.piece:
            yield _progress(row)


def _beat(row: AnyRow) -> ServiceBeat:
    return ServiceBeat(
        id=uuid5(_NAMES, f"beat {row.service} {row.instance} {row.at}"),
        at=row.at,
        service=row.service,
        instance=row.instance,
        host=row.host,
        pid=row.pid,
        started_at=row.started_at,
        interval_seconds=row.interval_seconds,
        facts=json.loads(row.facts),
    )


def _timetable(row: AnyRow) -> TimetableUpdated:
    return TimetableUpdated(
        id=uuid5(_NAMES, f"timetable {row.region} {row.at}"),
        at=row.at,
        region=row.region,
        slot_seconds=row.slot_seconds,
        consumers=row.consumers,
        backlog_seconds=row.backlog_seconds,
        slots=json.loads(row.slots),
    )


def _progress(row: AnyRow) -> JobProgressed:
    """The last word, with the part of its id that its rank has kept."""
    return JobProgressed(
        id=UUID(hex=row.progress_key[-8:] + "0" * 24),
        at=row.progress_at,
        job_id=row.id,
        attempt=row.attempt,
        piece=row.piece,
        pool=row.pool,
        region=row.region,
        started_at=row.started_at,
        fraction=row.progress_fraction,
        message=row.progress_message,
    )
