"""`simulate`: what other policies would have done with the same jobs on a recorded grid."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import USUAL_DATA_DIR, AsJson, DataDir, read_option
from shared.domain.durations import parse_duration

if TYPE_CHECKING:
    from services.cli.simulate_ledger import History
    from shared.domain.replay import JobRow, Policy, PolicyResult, Replay
    from shared.domain.windows import Series

POLICY_HELP = (
    "run_now, threshold, lowest_slot, lowest_window, interruptible, carbon_time, adaptive or "
    "optimal; again for more, all if none is named."
)
FORECAST_HELP = (
    "What the policies know of the future: perfect, builtin (the product's own forecaster), "
    "noise:0.05:SEED, or a file FORECASTS.csv."
)
USUAL_SINCE = "30d"


@dataclass(frozen=True)
class _Case:
    """What is replayed; `history` where it comes from the ledger."""

    title: str
    origin: str
    trace: "Series"
    rows: "list[JobRow]"
    history: "History | None" = None

    @property
    def day_s(self) -> float:
        return self.history.day_seconds if self.history else 86_400.0

    @property
    def simulated(self) -> bool:
        return self.history is not None and self.history.kind.simulated


def simulate(  # noqa: PLR0913 - the contract's options
    *,
    intensity: Annotated[
        Path | None, typer.Option("--intensity", metavar="TRACE.csv", help="The recorded grid.")
    ] = None,
    jobs: Annotated[
        Path | None, typer.Option("--jobs", metavar="JOBS.csv", help="The log of jobs.")
    ] = None,
    from_ledger: Annotated[
        bool,
        typer.Option("--from-ledger", help="Your own finished jobs, on the grid as it was."),
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DURATION", help="With --from-ledger: how far back, 12h or 30d."
        ),
    ] = USUAL_SINCE,
    region: Annotated[
        str | None,
        typer.Option("--region", help="With --from-ledger: not the one with most finished jobs."),
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME", help=POLICY_HELP)
    ] = None,
    forecast: Annotated[str, typer.Option("--forecast", help=FORECAST_HELP)] = "builtin",
    capacity: Annotated[
        int | None,
        typer.Option("--capacity", min=1, help="Jobs that run at once; any number if not given."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="OUT.png", help="Draw carbon against wait; .png or .svg."),
    ] = None,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Replay jobs on a recorded grid under one policy or several.

    The grid and the jobs come from two files, or with --from-ledger from what this system did.
    """
    from services.cli.output import error_console

    policies = _policies(policy)
    if plot is not None:
        from services.cli.simulate_plot import check_plot

        check_plot(plot)
    if from_ledger:
        _refuse("--from-ledger", {"--intensity": intensity, "--jobs": jobs})
        seconds = read_option("--since", partial(parse_duration, needs_unit=True), since)
        case = _from_ledger(data_dir, seconds, region)
    else:
        other = {"--region": region, "--since": None if since == USUAL_SINCE else since}
        _refuse("--from-ledger", other, without=True)
        case = _from_files(intensity, jobs)
    for line in case.history.remarks() if case.history else ():
        error_console().print(line, soft_wrap=True)
    replay = _replay(case, forecast, capacity)
    results = _run(replay, policies)
    history = case.history
    realised = replay.realised(history.ran, history.power_watts) if history else None
    _show(case, results, realised, as_json=json)
    if plot is not None:
        _draw(plot, case, forecast, results, realised)


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


def _refuse(option: str, given: dict[str, Any], *, without: bool = False) -> None:
    """Options that make no sense with another one, or without it."""
    for name, value in given.items():
        if value is not None:
            word = "without" if without else "with"
            raise typer.BadParameter(f"cannot be used {word} {option}", param_hint=name)


def _from_files(intensity: Path | None, jobs: Path | None) -> _Case:
    from services.cli.simulate_files import read_jobs, read_trace

    missing = "is missing; give both files, or use --from-ledger"
    if intensity is None:
        raise typer.BadParameter(missing, param_hint="--intensity")
    if jobs is None:
        raise typer.BadParameter(missing, param_hint="--jobs")
    trace = read_trace(intensity)
    return _Case(intensity.stem, "", trace, read_jobs(jobs, trace))


def _from_ledger(data_dir: Path, since_seconds: float, region: str | None) -> _Case:
    from services.cli.settings import find_places
    from services.cli.simulate_ledger import read_history
    from shared.ledger.schema import open_engine
    from shared.runtime import system_clock

    engine = open_engine(find_places(data_dir).ledger_url)
    try:
        history = read_history(engine, system_clock(), since_seconds, region)
    finally:
        engine.dispose()
    return _Case(history.region, history.origin, history.series, history.rows, history)


def _replay(case: _Case, forecast: str, capacity: int | None) -> "Replay":
    from services.cli.output import error_console
    from services.cli.simulate_knowledge import knowledge
    from shared.domain.replay import Replay, Workload

    load = Workload.of(case.rows)
    series = case.trace.extended_to(load.ends_s)
    if load.ends_s > case.trace.end_s:
        error_console().print("the trace ends before the last deadline; its last value is held on")
    known = knowledge(forecast, case.trace, series, case.day_s)
    return Replay(series, load, known, capacity, day_s=case.day_s)


def _run(replay: "Replay", policies: "list[Policy]") -> "dict[str, PolicyResult]":
    from services.cli.simulate_view import progress

    results: dict[str, PolicyResult] = {}
    for each in policies:
        with progress(each.value) as tell:
            results[each.value] = replace(replay, progress=tell).run(each)
    return results


def _show(
    case: _Case,
    results: "dict[str, PolicyResult]",
    realised: "PolicyResult | None",
    *,
    as_json: bool,
) -> None:
    from services.cli.output import console, print_json
    from services.cli.simulate_view import heading, table

    if as_json:
        policies = {name: asdict(result) for name, result in results.items()}
        print_json({"policies": policies} | _about(case.history, realised))
        return
    out = console()
    if case.history is not None:
        line = heading(f"{case.title}, {case.origin}", simulated=case.simulated)
        out.print(line, soft_wrap=True)
    out.print(table(results, realised))


def _about(history: "History | None", realised: "PolicyResult | None") -> dict[str, Any]:
    """What JSON says of a history beside the policies."""
    if history is None or realised is None:
        return {}
    return {
        "realised": asdict(realised),
        "simulated": history.kind.simulated,
        "region": history.region,
        "signal": history.kind.signal,
        "source": history.kind.source,
        "readings_bridged": history.stretch.bridged,
        "jobs_left_out": sum(history.jobs_left_out.values()),
    }


def _draw(
    path: Path,
    case: _Case,
    forecast: str,
    results: "dict[str, PolicyResult]",
    realised: "PolicyResult | None",
) -> None:
    from services.cli.output import error_console
    from services.cli.simulate_knowledge import in_words
    from services.cli.simulate_plot import Titles, draw

    marks = [case.origin] if case.origin else []
    marks += ["SIMULATED"] if case.simulated else []
    about = ", ".join([f"{len(case.rows):,} jobs", in_words(forecast), *marks])
    draw(path, Titles(f"Carbon against wait: {case.title}", about), results, realised)
    error_console().print(f"drawn: {path}", soft_wrap=True)
