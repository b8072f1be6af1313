"""`simulate`: what other policies would have done with the same jobs on a recorded grid."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from shared.domain.replay import Knowledge, Policy, PolicyResult
    from shared.domain.windows import Series

POLICY_HELP = (
    "run_now, threshold, lowest_slot, lowest_window, interruptible, carbon_time, adaptive or "
    "optimal; again for more, all if none is named."
)
FORECAST_HELP = (
    "What the policies know of the future: perfect, builtin (the product's own forecaster), "
    "noise:0.05:SEED, or a file FORECASTS.csv."
)


def simulate(
    *,
    intensity: Annotated[
        Path, typer.Option("--intensity", metavar="TRACE.csv", help="The recorded grid.")
    ],
    jobs: Annotated[Path, typer.Option("--jobs", metavar="JOBS.csv", help="The log of jobs.")],
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME", help=POLICY_HELP)
    ] = None,
    forecast: Annotated[str, typer.Option("--forecast", help=FORECAST_HELP)] = "builtin",
    capacity: Annotated[
        int | None,
        typer.Option("--capacity", min=1, help="Jobs that run at once; any number if not given."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Replay jobs on a recorded grid under one policy or several."""
    from dataclasses import asdict

    from services.cli.output import console, error_console, print_json
    from services.cli.simulate_files import read_jobs, read_trace
    from shared.domain.replay import Replay, Workload

    policies = _policies(policy)
    trace = read_trace(intensity)
    load = Workload.of(read_jobs(jobs, trace))
    series = trace.extended_to(load.ends_s)
    known = _knowledge(forecast, trace, series)
    if load.ends_s > trace.end_s:
        error_console().print("the trace ends before the last deadline; its last value is held on")
    results: dict[str, PolicyResult] = {}
    for each in policies:
        with _progress(each.value) as tell:
            replay = Replay(series, load, known, capacity, tell)
            results[each.value] = replay.run(each)
    if json:
        print_json({"policies": {name: asdict(result) for name, result in results.items()}})
    else:
        console().print(_table(results))


def _policies(names: list[str] | None) -> "list[Policy]":
    """The named policies, each once; all of them where none is named."""
    from shared.domain.replay import Policy

    known = {policy.value: policy for policy in Policy}
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(
                f"must be one of {', '.join(known)} (given {name!r})", param_hint="--policy"
            )
    return [known[name] for name in dict.fromkeys(names or known)]


def _knowledge(forecast: str, trace: "Series", series: "Series") -> "Knowledge":
    from services.cli.simulate_files import read_forecasts
    from shared.domain.replay import BuiltIn, Foreseen, Issued, noisy

    if forecast == "perfect":
        return Foreseen(series)
    if forecast == "builtin":
        return BuiltIn(series)
    if forecast.startswith("noise:"):
        share, seed = _noise(forecast)
        return noisy(series, share, seed, len(trace))
    if Path(forecast).suffix == ".csv" or Path(forecast).exists():
        return Issued(series, read_forecasts(Path(forecast), series.period_s))
    raise typer.BadParameter(
        f"must be perfect, builtin, noise:0.05:SEED or a file (given {forecast!r})",
        param_hint="--forecast",
    )


def _noise(forecast: str) -> tuple[float, int]:
    try:
        _, share_text, seed_text = forecast.split(":")
        share, seed = float(share_text), int(seed_text)
    except ValueError:
        share, seed = -1.0, -1
    if not 0 <= share < float("inf") or seed < 0:
        raise typer.BadParameter(
            f"must look like noise:0.05:1, a share and a seed (given {forecast!r})",
            param_hint="--forecast",
        )
    return share, seed


@contextmanager
def _progress(name: str) -> "Iterator[Callable[[int], None]]":
    """A line on standard error that counts decisions; silent where nobody watches."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from services.cli.output import error_console

    console = error_console()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} decisions"),
        TimeElapsedColumn(),
    )
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as progress:
        task = progress.add_task(name, total=None)
        yield lambda count: progress.advance(task, count)


def _table(results: "dict[str, PolicyResult]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("policy", no_wrap=True)
    for title in ("kg CO2", "avoided", "possible", "share", "mean wait", "p95 wait", "late"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, result in results.items():
        table.add_row(name, *_cells(result))
    return table


def _cells(result: "PolicyResult") -> tuple[str, ...]:
    return (
        f"{result.emissions_g / 1000:,.2f}",
        _percent(result.avoided_percent),
        _percent(result.optimal_percent),
        "-" if result.share_of_optimal is None else f"{result.share_of_optimal:.2f}",
        f"{result.mean_wait_seconds / 3600:.1f} h",
        f"{result.p95_wait_seconds / 3600:.1f} h",
        f"{result.missed_deadlines:,}",
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"
