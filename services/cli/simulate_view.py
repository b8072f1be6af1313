"""What `simulate` prints: a table of policies, and how far it has come."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from services.cli.output import error_console
from services.cli.palette import simulated_badge
from shared.domain.replay import PolicyResult

REALISED = "really happened"
_KILO = 1000.0


@contextmanager
def progress(name: str) -> Iterator[Callable[[int], None]]:
    """A line on standard error that counts decisions; silent where nobody watches."""
    console = error_console()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} decisions"),
        TimeElapsedColumn(),
    )
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as shown:
        task = shown.add_task(name, total=None)
        yield lambda count: shown.advance(task, count)


def heading(title: str, *, simulated: bool) -> Text:
    """What was replayed; marked where the grid itself is simulated."""
    line = Text(title, "bold")
    return line.append("  ").append_text(simulated_badge(simulated)) if simulated else line


def table(results: Mapping[str, PolicyResult], realised: PolicyResult | None) -> Table:
    """A line for each policy, below what really happened where that is known."""
    rows = ({} if realised is None else {REALISED: realised}) | dict(results)
    in_kilograms = max(result.run_now_g for result in rows.values()) >= _KILO
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("policy", no_wrap=True)
    emitted = "kg CO2" if in_kilograms else "g CO2"
    for title in (emitted, "avoided", "possible", "share", "mean wait", "p95 wait", "late"):
        shown.add_column(title, justify="right", no_wrap=True)
    for name, result in rows.items():
        grams = result.emissions_g / (_KILO if in_kilograms else 1.0)
        style = "bold" if name == REALISED else ""
        shown.add_row(name, f"{grams:,.2f}", *_cells(result), style=style)
    return shown


def _cells(result: PolicyResult) -> tuple[str, ...]:
    return (
        _percent(result.avoided_percent),
        _percent(result.optimal_percent),
        "-" if result.share_of_optimal is None else f"{result.share_of_optimal:.2f}",
        _wait(result.mean_wait_seconds),
        _wait(result.p95_wait_seconds),
        f"{result.missed_deadlines:,}",
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _wait(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"
