"""What `ledger vacuum`, `export` and `rebuild` do."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from services.cli.output import error_console, print_json
from services.cli.settings import find_places
from services.cli.words import counted
from shared.errors import ConfigurationError
from shared.ledger.dump import Manifest, count_events, dump_lines
from shared.ledger.rebuild import BrokenDump, check_dump, rebuild, refuse_unless_empty
from shared.ledger.schema import migrate, open_engine
from shared.ledger.upkeep import size_bytes, vacuum
from shared.runtime import system_clock

Lines = IO[bytes] | gzip.GzipFile
_EVERY_EVENTS = 1_000
_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def vacuum_ledger(data_dir: Path, *, as_json: bool) -> None:
    """Give unused space back and say how much it was."""
    with opened(find_places(data_dir).ledger_url) as engine:
        before = size_bytes(engine)
        vacuum(engine)
        after = size_bytes(engine)
    if as_json:
        print_json({"before_bytes": before, "after_bytes": after})
    else:
        typer.echo(f"{in_bytes(before)} before, {in_bytes(after)} after")


def export_ledger(file: Path, data_dir: Path, *, as_json: bool) -> None:
    """Write a dump; the file is there only when it is whole."""
    if file.exists():
        raise ConfigurationError(f"FILE: {file} is there already; name a new one")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with opened(find_places(data_dir).ledger_url) as engine:
            with _written(beside, compressed=file.suffix == ".gz") as out:
                _copy(engine, out)
            beside.replace(file)
    except OSError as error:
        raise ConfigurationError(f"FILE: {file} cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    with _read(file) as lines:
        manifest = check_dump(lines)
    _say(file, manifest, "written", as_json=as_json)


def rebuild_ledger(file: Path, url: str, *, as_json: bool) -> None:
    """Make a new ledger from a dump."""
    try:
        with _read(file) as lines:
            manifest = check_dump(lines)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenDump(f"FILE: {file} cannot be read: {error}") from error
    migrate(url)
    with opened(url) as engine:
        with engine.connect() as connection:
            refuse_unless_empty(connection)
        with bar("recording", manifest.events) as told, _read(file) as lines:
            rebuild(engine, lines, manifest, told)
    _say(file, manifest, "rebuilt", as_json=as_json)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The ledger, closed at the end."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere."""
    out = error_console()
    silent = not out.is_terminal or out.is_dumb_terminal
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=silent) as shown:
        task = shown.add_task(what, total=total)
        yield lambda more: shown.advance(task, more)


def in_bytes(count: int) -> str:
    """A size with three digits or so."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _copy(engine: Engine, out: Lines) -> None:
    with bar("writing", count_events(engine)) as told:
        for number, line in enumerate(dump_lines(engine, system_clock()), 1):
            out.write(line)
            if number % _EVERY_EVENTS == 0:
                told(_EVERY_EVENTS)


@contextmanager
def _written(path: Path, *, compressed: bool) -> Iterator[Lines]:
    """A new file that is on disk at the end; only its owner may read what jobs told."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if compressed:
            # Without a name and a time, so that equal ledgers give equal files.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed
        else:
            yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _read(path: Path) -> Iterator[Lines]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed:
            yield packed
    else:
        with path.open("rb") as file:
            yield file


def _say(file: Path, manifest: Manifest, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(file), **_facts(manifest)})
        return
    span = ""
    if manifest.first_at is not None and manifest.last_at is not None:
        first, last = manifest.first_at, manifest.last_at
        span = f", {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"{what}: {file}, {counted(manifest.events, 'event')}{span}")
    typer.echo(f"sha256 of its events: {manifest.sha256}")


def _facts(manifest: Manifest) -> dict[str, object]:
    return {
        "events": manifest.events,
        "first_at": manifest.first_at,
        "last_at": manifest.last_at,
        "sha256": manifest.sha256,
        "tables": manifest.tables,
    }
