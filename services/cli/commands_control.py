"""`cancel`, `run-now`, `pause`, `resume`, `eco`: the commands that ask for something."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from services.cli.options import (
    USUAL_DATA_DIR,
    AsJson,
    By,
    DataDir,
    JobId,
    read_option,
    with_options,
)

if TYPE_CHECKING:
    from services.cli.control_jobs import Asking
    from services.cli.settings import Places
    from shared.messages import PauseWork, ResumeWork, SetEco

NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask; do not wait for the effect.")]
WaitTimeout = Annotated[
    str, typer.Option("--wait-timeout", metavar="30s", help="How long to wait for the effect.")
]
OptionalType = Annotated[
    str | None, typer.Argument(metavar="[TYPE]", help="Of one job type alone.")
]
Region = Annotated[str | None, typer.Option("--region", help="In one grid region alone.")]
C = TypeVar("C", "PauseWork", "ResumeWork", "SetEco")


def _asking(
    *,
    by: By = None,
    no_wait: NoWait = False,
    wait_timeout: WaitTimeout = "30s",
    json: AsJson = False,
) -> "Asking":
    from services.cli.broker_session import quiet_logs
    from services.cli.control_asking import user_at_host
    from services.cli.control_jobs import Asking
    from shared.domain.durations import parse_duration
    from shared.runtime import system_clock

    name = user_at_host()[:200] if by is None else by.strip()
    if not 1 <= len(name) <= 200:
        raise typer.BadParameter("give a name of 1 to 200 characters", param_hint="--by")
    seconds = read_option("--wait-timeout", parse_duration, wait_timeout)
    quiet_logs()
    return Asking(name, None if no_wait else seconds, json, system_clock)


def _places(*, data_dir: DataDir = USUAL_DATA_DIR) -> "Places":
    from services.cli.settings import find_places

    return find_places(data_dir)


_that_asks = with_options(asking=_asking, places=_places)


@_that_asks
def cancel(job_id: JobId, *, asking: "Asking", places: "Places") -> None:
    """Call a job off in whatever state it is; a running handler is asked to stop, then ended."""
    from services.cli.control_jobs import cancel_job

    asyncio.run(cancel_job(places, job_id, asking))


@_that_asks
def run_now(job_id: JobId, *, asking: "Asking", places: "Places") -> None:
    """Run a waiting job at once on any grid; a job that is paused waits for the pause's end."""
    from services.cli.control_jobs import run_job_now

    asyncio.run(run_job_now(places, job_id, asking))


@_that_asks
def pause(
    job_type: OptionalType = None, *, region: Region = None, asking: "Asking", places: "Places"
) -> None:
    """Start no more jobs of a type, in a region, or at all; what runs goes on."""
    from shared.messages import PauseWork

    _ask(PauseWork, asking, places, job_type=job_type, region=region)


@_that_asks
def resume(
    job_type: OptionalType = None, *, region: Region = None, asking: "Asking", places: "Places"
) -> None:
    """End the pause of exactly this; without a type and a region, every pause."""
    from shared.messages import ResumeWork

    _ask(ResumeWork, asking, places, job_type=job_type, region=region)


@_that_asks
def eco(
    mode: Annotated[
        Literal["on", "off"], typer.Argument(help="Whether capacity follows the grid.")
    ],
    *,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="2h|TIME", help="With off: when it is on again."),
    ] = None,
    asking: "Asking",
    places: "Places",
) -> None:
    """Let the pools' capacity follow the grid, or give every pool its base capacity."""
    from services.cli.quantities import parse_deadline
    from shared.messages import SetEco

    end = None
    if until is not None:
        if mode == "on":
            raise typer.BadParameter(
                "goes with `off`: it says when the mode is on again", param_hint="--until"
            )
        now = asking.clock()
        end = read_option("--until", lambda text: parse_deadline(text, now), until)
    _ask(SetEco, asking, places, on=mode == "on", until=end)


def _ask(kind: type[C], asking: "Asking", places: "Places", **fields: Any) -> None:  # noqa: ANN401 - fields of the message
    from uuid import uuid4

    from pydantic import TypeAdapter, ValidationError

    from services.cli.control_work import ask_for_work
    from shared.messages import JobType, explain

    served = places.settings.regions
    if fields.get("region") is not None and fields["region"] not in served:
        raise typer.BadParameter(
            f"{fields['region']!r} is not served here; use one of {', '.join(served)}",
            param_hint="--region",
        )
    try:
        if fields.get("job_type") is not None:
            TypeAdapter(JobType).validate_python(fields["job_type"])
        asked = kind(id=uuid4(), at=asking.clock(), by=asking.by, **fields)
    except ValidationError as error:
        text = explain(error)
        raise typer.BadParameter(text, param_hint="TYPE") from None
    asyncio.run(ask_for_work(places, asked, asking))
