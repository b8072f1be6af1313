"""What the dashboard costs its server over a large ledger: reads, pages, and many open tabs.

    python benchmarks/dashboard_speed.py --folder FOLDER [--jobs 1000000] [--days 100] [--tabs 20]
        [--seconds 60] [--rounds 9]

The ledger is built once a day and kept in the folder. Reads are timed with nothing cached. Then the
dashboard's own server runs. Where a Chromium is installed, each page is opened in it until its
first figure is seen. Tabs that need no browser follow: each page is opened once, and renewed whole
every second, so that its reads expire as they do in use; at last so many tabs are open at once, on
the page Live and spread over all pages, and each renews itself as often as it says.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from dashboard_first import first_figures
from dashboard_ledger import fill
from dashboard_tab import Server, Tab, open_tab, serving

from dashboard.data import jobs, live, plan, savings, system, workers
from dashboard.data.savings import Period
from dashboard.data.source import forget
from shared.ledger.reads.report_rows import GroupBy

PAGES = ("", "jobs", "savings", "plan", "workers", "system", "submit")
WAITING = 500
LOOKS = 3
READS: dict[str, Callable[[str], object]] = {
    "live: header": lambda url: live.now(url, None),
    "live: details": lambda url: live.details(url, None),
    "jobs: a page": lambda url: jobs.page(url, jobs.Choice(), None, None),
    "savings: figures by type": lambda url: savings.groups(url, Period.MONTH, GroupBy.TYPE),
    "savings: sums and waits": lambda url: savings.course(url, Period.MONTH),
    "plan": lambda url: plan.plan(url, None),
    "workers": lambda url: workers.workers(url, None),
    "system: state": system.system,
    "system: forecast errors": system.reviews,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Build if need be, measure, print."""
    asked = _arguments(arguments)
    logging.disable(logging.WARNING)  # without a server, Streamlit warns of its own absence
    url = fill(asked.folder, asked.jobs, asked.days, min(WAITING, asked.jobs))
    print(f"{asked.jobs:,} jobs over {asked.days} days, {WAITING} more wait")
    print(f"\n{'read':<28}{'median ms':>10}{'CPU ms':>8}")
    for name, read in READS.items():
        taken_ms, cpu_ms = _cold(read, url, asked.rounds)
        print(f"{name:<28}{taken_ms:>10.1f}{cpu_ms:>8.1f}")
    with serving(url) as server:
        asyncio.run(_measure(server, asked.rounds, asked.tabs, asked.seconds))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args(arguments)


def _cold(read: Callable[[str], object], url: str, rounds: int) -> tuple[float, float]:
    """Medians in milliseconds, by the clock and of the processor, with nothing cached."""
    taken, worked = [], []
    read(url)
    for _ in range(rounds):
        forget()
        began, began_cpu = time.perf_counter(), time.process_time()
        read(url)
        taken.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - began_cpu))
    return median(taken), median(worked)


async def _measure(server: Server, rounds: int, tabs: int, seconds: float) -> None:
    async with open_tab(server, "") as warming:
        await warming.run()  # imports, the first compilation of queries
    seen = await first_figures(f"http://127.0.0.1:{server.port}", PAGES, LOOKS)
    heads = f"{'refresh ms':>11}{'slowest':>9}{'CPU ms':>8}"
    print(f"\n{'page':<12}{'seen after s':>13}{'told after ms':>15}{heads}")
    for page in PAGES:
        await _page(server, page, rounds, seen.get(page))
    heads = f"{'core %':>8}{'refreshes':>11}{'ms each':>9}{'kB/s a tab':>12}{'MB':>7}"
    print(f"\n{f'{tabs} tabs':<12}{heads}")
    await _tabs(server, "Live", [""] * tabs, seconds)
    await _tabs(server, "all pages", [PAGES[n % len(PAGES)] for n in range(tabs)], seconds)


async def _page(server: Server, page: str, rounds: int, seen_seconds: float | None) -> None:
    """One tab: its first figure, and then whole renewals, a second apart."""
    taken, worked = [], []
    async with open_tab(server, page) as tab:
        await tab.run()
        for _ in range(rounds):
            await asyncio.sleep(1.0)
            began_cpu = server.cpu_seconds()
            taken.append(1000 * await tab.run())
            worked.append(1000 * (server.cpu_seconds() - began_cpu))
    first = "-" if tab.first_figure_seconds is None else f"{1000 * tab.first_figure_seconds:.0f}"
    seen = "-" if seen_seconds is None else f"{seen_seconds:.1f}"
    figures = f"{median(taken):>11.0f}{max(taken):>9.0f}{median(worked):>8.0f}"
    print(f"{page or 'live':<12}{seen:>13}{first:>15}{figures}", flush=True)


async def _tabs(server: Server, name: str, pages: Sequence[str], seconds: float) -> None:
    """Many tabs at once, after all of them are there."""
    async with AsyncExitStack() as stack:
        tabs: list[Tab] = []
        for page in pages:
            tabs.append(await stack.enter_async_context(open_tab(server, page)))
            await tabs[-1].run()
        sent = sum(tab.received_bytes for tab in tabs)
        began, began_cpu = time.monotonic(), server.cpu_seconds()
        async with asyncio.TaskGroup() as group:
            for tab in tabs:
                group.create_task(tab.stay(seconds))
        passed, worked = time.monotonic() - began, server.cpu_seconds() - began_cpu
        refreshes = sum(tab.refreshes for tab in tabs)
        rate = (sum(tab.received_bytes for tab in tabs) - sent) / 1000 / passed / len(tabs)
        each_ms = 1000 * worked / max(refreshes, 1)
        share = f"{100 * worked / passed:>8.0f}{refreshes:>11,}{each_ms:>9.1f}"
        print(f"{name:<12}{share}{rate:>12.1f}{server.megabytes():>7.0f}")


if __name__ == "__main__":
    main()
