"""How `up` shows itself: a live view on a terminal, plain lines elsewhere, figures at the end."""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import Engine

from services.cli.live_view import draw, footer_of, take_picture
from services.cli.output import console, print_rows
from services.cli.statistics_view import read_statistics, statistics_rows
from services.cli.up import Running, Views
from services.cli.words import counted, grams, intensity
from shared.errors import CarbonAwareError
from shared.ledger.reads import Statistics, statistics
from shared.ledger.schema import open_engine

REDRAW_SECONDS = 1.0

Clock = Callable[[], datetime]


def views(clock: Clock) -> Views:
    """The views that suit where the output goes."""
    out = console()
    ledger = _Ledger()
    on_terminal = out.is_terminal and not out.is_dumb_terminal

    async def live(running: Running) -> None:
        await show_live(running, ledger, out, clock)

    async def final(running: Running) -> None:
        await final_statistics(running, ledger, out, clock)

    return Views(
        live=live if on_terminal else None,
        plain_line=lambda running: plain_line(running, ledger, clock),
        final_statistics=final,
    )


class _Ledger:
    """The ledger of the run, opened when it is first asked."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def engine(self, running: Running) -> Engine:
        """Open it.

        Raises:
            LedgerUnreachable: it cannot be.
        """
        if self._engine is None:
            self._engine = open_engine(running.endpoints.ledger_url)
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


async def show_live(running: Running, ledger: _Ledger, out: Console, clock: Clock) -> None:
    """Draw until cancelled; whatever is said meanwhile scrolls by above."""
    on_terminal = sys.stderr.isatty()
    with Live(console=out, auto_refresh=False, transient=True, redirect_stderr=on_terminal) as live:
        while True:
            footer = footer_of(running.endpoints.dashboard_url, running.elapsed, running.seconds)
            try:
                # In a thread, because the same loop keeps the processes alive.
                picture = await asyncio.to_thread(
                    lambda: take_picture(ledger.engine(running), clock())
                )
                drawing = draw(picture, out.width, out.height, footer)
            except CarbonAwareError as error:
                drawing = Text.assemble(str(error), "\n", footer)
            live.update(drawing, refresh=True)
            await asyncio.sleep(REDRAW_SECONDS)


def plain_line(running: Running, ledger: _Ledger, clock: Clock) -> str:
    """One line of progress, for logs."""
    start = f"{running.elapsed:.0f} s: "
    try:
        stats = statistics(ledger.engine(running), clock())
    except CarbonAwareError as error:
        return f"{start}{error}"
    return start + _progress(stats)


async def final_statistics(running: Running, ledger: _Ledger, out: Console, clock: Clock) -> None:
    """The statistics block."""
    try:
        stats, sizes = await asyncio.to_thread(
            lambda: read_statistics(ledger.engine(running), clock(), None)
        )
        print_rows(out, statistics_rows(stats, sizes))
    except CarbonAwareError as error:
        out.print(f"no statistics: {error}", soft_wrap=True)
    finally:
        ledger.close()


def _progress(stats: Statistics) -> str:
    jobs = stats.jobs
    grid = f"{intensity(stats.intensity_g_per_kwh, stats.index_percent)} {stats.band.words}"
    if stats.simulated:
        grid += " (simulated)"
    states = f"{jobs.deferred} deferred, {jobs.ready} in queue, {jobs.running} running"
    done = f"{stats.processed} processed, {grams(stats.avoided_g, signed=True)} saved"
    workers = counted(stats.active_workers, "worker")
    consumers = counted(stats.capacity.consumers, "consumer")
    return f"{grid}, {states}, {done}, {workers} with {consumers}"
