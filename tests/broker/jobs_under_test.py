"""Handlers as a user would write them, for the test of the kit that users test theirs with."""

from pydantic import BaseModel

from shared.handlers import JobContext, Reject, handler


class Report(BaseModel):
    """What a report brings."""

    day: str
    rows: int = 17


@handler("nightly_report")
def report(payload: Report, context: JobContext) -> dict:
    """Count the rows of a day."""
    context.progress(0.5, payload.day)
    return {"rows": payload.rows}


@handler("in_a_process", process=True)
def in_a_process(payload: dict) -> dict:
    """Run elsewhere."""
    return {"sum": sum(payload["numbers"])}


@handler("refuse")
async def refuse(payload: dict) -> None:
    """Fail for good."""
    raise Reject("no such table")
