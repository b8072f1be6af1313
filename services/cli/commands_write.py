"""`submit` and `setup`: the commands that send or create something."""
# ruff: noqa: PLC0415 - each command imports what it needs, so that help stays fast

import asyncio
import sys
from typing import Annotated

import typer

from services.cli.options import (
    USUAL_DATA_DIR,
    AsJson,
    BandChoice,
    DataDir,
    OnDeadlineChoice,
    PriorityChoice,
    read_option,
)


def submit(  # noqa: PLR0913 - the contract's options
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="A handler's name.")],
    *,
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", metavar="KEY=VALUE", help="One entry of the payload."),
    ] = None,
    payload: Annotated[
        str | None,
        typer.Option("--payload", metavar="JSON|@FILE", help="The payload; @- reads it."),
    ] = None,
    job_id: Annotated[str | None, typer.Option("--id", metavar="UUID", help="Its id.")] = None,
    priority: Annotated[
        PriorityChoice | None, typer.Option("--priority", help="How little it may wait.")
    ] = None,
    max_band: Annotated[
        BandChoice | None, typer.Option("--max-band", help="The dirtiest band to run in.")
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="6h|TIME", help="Latest finish; a time in ISO 8601."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="30m", help="How long it should take.")
    ] = None,
    power: Annotated[
        str | None, typer.Option("--power", metavar="250W", help="Its power while it runs.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option("--energy", metavar="0.2kWh", help="Its energy, instead.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Where it may run; repeat for several.")
    ] = None,
    interruptible: Annotated[
        bool, typer.Option("--interruptible", help="It may be paused and resumed.")
    ] = False,
    on_deadline: Annotated[
        OnDeadlineChoice | None, typer.Option("--on-deadline", help="When it would be too late.")
    ] = None,
    retries: Annotated[int | None, typer.Option("--retries", help="After a failure.")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="5m", help="Longest run of one attempt.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="KEY", help="Names this work.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has come to its end.")] = False,
    wait_timeout: Annotated[
        str, typer.Option("--wait-timeout", metavar="10m", help="How long to wait at most.")
    ] = "10m",
    cancel_on_interrupt: Annotated[
        bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C calls a job off that is awaited.")
    ] = False,
    json: AsJson = False,
    data_dir: DataDir = USUAL_DATA_DIR,
) -> None:
    """Publish a job; it runs when the grid is clean enough, and by its deadline at the latest."""
    from uuid import uuid4

    from services.cli.broker_session import quiet_logs
    from services.cli.settings import find_places
    from services.cli.submission import SubmitOptions, build_submission
    from services.cli.submit_view import WaitOptions, submit_job
    from shared.domain.durations import parse_duration
    from shared.runtime import system_clock

    options = SubmitOptions(
        type=job_type,
        parameters=parameters or (),
        payload=payload,
        id=job_id,
        priority=priority,
        max_band=max_band,
        deadline=deadline,
        duration=duration,
        power=power,
        energy=energy,
        regions=region or (),
        interruptible=interruptible,
        on_deadline=on_deadline,
        retries=retries,
        timeout=timeout,
        idempotency_key=idempotency_key,
    )
    job = build_submission(options, system_clock(), uuid4, sys.stdin.read)
    seconds = read_option("--wait-timeout", parse_duration, wait_timeout)
    waiting = WaitOptions(seconds, cancel_on_interrupt) if wait else None
    quiet_logs()
    asyncio.run(submit_job(find_places(data_dir), job, waiting, as_json=json))


def setup(*, json: AsJson = False, data_dir: DataDir = USUAL_DATA_DIR) -> None:
    """Create what broker and ledger need; harmless when repeated."""
    from services.cli.output import print_json
    from services.cli.settings import find_places
    from services.cli.setup import set_up

    places = find_places(data_dir)
    lines = asyncio.run(set_up(places.settings, places.amqp_url, places.ledger_url))
    if json:
        print_json(dict(line.split(": ", 1) for line in lines))
        return
    for line in lines:
        typer.echo(line)
