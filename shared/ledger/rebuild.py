"""Make a new ledger from a dump that was checked from its first line to its last."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, func, select

from shared.errors import CarbonAwareError, Undecodable
from shared.ledger.dump import FORMAT, Manifest
from shared.ledger.dump_rows import is_row, read_row, restore
from shared.ledger.schema import writing
from shared.ledger.tables import metadata
from shared.ledger.writes import record, settle_accounts
from shared.ledger.writes.retention import Pruned, PruneNote, note_prune
from shared.messages import decode_event

EVENTS_AT_ONCE = 1_000
_MANIFEST = b'{"manifest":'


class BrokenDump(CarbonAwareError):
    """A dump is cut short, altered, or none at all."""


class NotEmpty(CarbonAwareError):
    """The ledger that a dump was to be read into has something in it."""


def check_dump(lines: Iterable[bytes]) -> Manifest:
    """Read a dump to its end and make sure that it is as its manifest says.

    Raises:
        BrokenDump: it is not.
    """
    digest, count, rows, manifest = sha256(), 0, 0, None
    for number, line in enumerate(lines, 1):
        if manifest is not None:
            raise BrokenDump(f"line {number} stands after the manifest; use the dump as written")
        if line.startswith(_MANIFEST):
            manifest = _manifest(line)
            continue
        digest.update(line)
        if is_row(line):
            rows += 1
        elif rows:
            raise BrokenDump(f"line {number} is an event after the rows; use the dump as written")
        else:
            count += 1
        _readable(number, line)
    if manifest is None:
        raise BrokenDump(
            f"no manifest after {count + rows} lines: it was cut short; export it again"
        )
    if (count, rows, digest.hexdigest()) != (manifest.events, manifest.rows, manifest.sha256):
        raise BrokenDump(
            f"its {count + rows} lines are not the {manifest.events + manifest.rows} that its "
            "manifest vouches for; export it again"
        )
    return manifest


def rebuild(
    engine: Engine, lines: Iterable[bytes], manifest: Manifest, told: Callable[[int], None]
) -> None:
    """Record a checked dump in an empty ledger, in one transaction.

    Args:
        engine: of a ledger with tables and nothing in them.
        lines: of the dump.
        manifest: what `check_dump` found.
        told: is given the number of events that were recorded, time after time.

    Raises:
        NotEmpty: there is something in it.
    """
    with writing(engine) as connection:
        refuse_unless_empty(connection)
        every = iter(lines)
        bodies = islice(every, manifest.events)
        while batch := list(islice(bodies, EVENTS_AT_ONCE)):
            told_of = [decode_event(line) for line in batch]
            record(connection, told_of, manifest.written_at, readings_before=_since(manifest))
            told(len(batch))
        while settle_accounts(connection, manifest.written_at):
            pass
        for note in manifest.prunes:
            note_prune(connection, note)
        restore(connection, islice(every, manifest.rows), is_pruned=bool(manifest.prunes))


def refuse_unless_empty(connection: Connection) -> None:
    """Make sure that there is no row in any table.

    Raises:
        NotEmpty: there is one.
    """
    for table in metadata.sorted_tables:
        count = connection.scalar(select(func.count()).select_from(table))
        if count:
            raise NotEmpty(
                f"the ledger to rebuild into has {count} rows in its table {table.name}; "
                "name one that does not exist yet"
            )


def _since(manifest: Manifest) -> datetime | None:
    """How far back readings go: events after a prune may tell of points that it had deleted."""
    limits = [note.pruned.readings_before for note in manifest.prunes]
    return max((limit for limit in limits if limit is not None), default=None)


def _readable(number: int, line: bytes) -> None:
    if is_row(line):
        try:
            read_row(line)
        except ValueError as error:
            raise BrokenDump(f"line {number} is no row of this program's: {error}") from error
        return
    try:
        decode_event(line)
    except Undecodable as error:
        raise BrokenDump(f"line {number} is no event that this program knows: {error}") from error


def _manifest(line: bytes) -> Manifest:
    try:
        value = json.loads(line)["manifest"]
        if value["format"] != FORMAT:
            raise BrokenDump(f"its format is {value['format']}, this program reads {FORMAT}")
        return Manifest(
            events=value["events"],
            first_at=_instant(value["first_at"]),
            last_at=_instant(value["last_at"]),
            rows=value["rows"],
            sha256=value["sha256"],
            tables=value["tables"],
            written_at=datetime.fromisoformat(value["written_at"]),
            prunes=tuple(_notes(value["prunes"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenDump(f"its manifest cannot be read ({error}); export it again") from error


def _notes(values: Iterable[dict[str, Any]]) -> Iterator[PruneNote]:
    for each in values:
        at = datetime.fromisoformat(each["at"])
        yield PruneNote(UUID(each["id"]), at, each["by"], Pruned.of_scope(each["scope"]))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
