"""Sums over all finished jobs, by the kind of their account."""

from dataclasses import dataclass

from sqlalchemy import Engine, case, func, select

from shared.domain.grid import Signal
from shared.ledger.reads.query import reading
from shared.ledger.tables import jobs


@dataclass(frozen=True, slots=True)
class Totals:
    """Jobs of one kind together; those without a complete account are in none.

    Attributes:
        avoided_g: the avoided emissions of the jobs that avoided some.
        added_g: the losses of those that ran dirtier than at their submission, as a positive sum.
    """

    signal: Signal
    simulated: bool
    emissions_g: float
    avoided_g: float
    added_g: float


def totals(engine: Engine) -> list[Totals]:
    """The sums of every kind that there is, real before simulated."""
    avoided = jobs.c.avoided_g
    query = (
        select(
            jobs.c.signal,
            jobs.c.simulated,
            func.sum(jobs.c.emissions_g),
            func.sum(case((avoided > 0, avoided), else_=0.0)),
            func.sum(case((avoided < 0, -avoided), else_=0.0)),
        )
        .where(avoided.is_not(None))
        .group_by(jobs.c.signal, jobs.c.simulated)
        .order_by(jobs.c.simulated, jobs.c.signal)
    )
    with reading(engine) as connection:
        return [
            Totals(Signal(signal), bool(simulated), emissions, saved, lost)
            for signal, simulated, emissions, saved, lost in connection.execute(query)
        ]
