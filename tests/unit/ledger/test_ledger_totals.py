"""The sums that are shown to Prometheus."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import insert

from services.ledger import totals_watch
from services.ledger.metrics import LedgerMetrics
from services.ledger.totals_watch import watching_totals
from shared.domain.grid import Signal
from shared.errors import LedgerUnreachable
from shared.ledger.reads.totals import Totals, totals
from shared.ledger.tables import jobs

ENDED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def keep(ledger: Any, number: int, avoided_g: float | None, **fields: Any) -> None:
    """A finished job as the ledger holds it."""
    values: dict[str, Any] = {
        "id": UUID(int=number), "state_key": "00", "state": "succeeded", "attempts": 1,
        "state_at": ENDED_AT, "deferrals": 0,
        "signal": "marginal", "simulated": False, "emissions_g": 200.0, "avoided_g": avoided_g,
    }  # fmt: skip
    with ledger.engine.begin() as connection:
        connection.execute(insert(jobs).values(**(values | fields)))


async def until_it_is(registry: CollectorRegistry, name: str, value: float) -> None:
    """Wait until a number of the real marginal kind has a value."""
    labels = {"signal": "marginal", "simulated": "false"}
    async with asyncio.timeout(10):
        while True:
            if registry.get_sample_value(name, labels) == value:
                return
            await asyncio.sleep(0.01)


def test_an_empty_ledger_has_no_sums(ledger: Any) -> None:
    assert totals(ledger.engine) == []


def test_gains_and_losses_are_summed_apart(ledger: Any) -> None:
    for number, avoided_g in enumerate((100.0, 50.0, -30.0, 0.0)):
        keep(ledger, number, avoided_g)
    assert totals(ledger.engine) == [Totals(Signal.MARGINAL, False, 800.0, 150.0, 30.0)]


def test_a_job_without_a_complete_account_is_in_no_sum(ledger: Any) -> None:
    keep(ledger, 1, None, emissions_g=200.0)
    keep(ledger, 2, 10.0)
    assert totals(ledger.engine) == [Totals(Signal.MARGINAL, False, 200.0, 10.0, 0.0)]


def test_signals_and_simulations_are_never_mixed(ledger: Any) -> None:
    keep(ledger, 1, 1.0)
    keep(ledger, 2, 2.0, simulated=True)
    keep(ledger, 3, 3.0, signal="average")
    found = {(each.signal.value, each.simulated): each.avoided_g for each in totals(ledger.engine)}
    assert found == {
        ("marginal", False): 1.0,
        ("marginal", True): 2.0,
        ("average", False): 3.0,
    }


def test_the_sums_are_those_of_the_accounts(ledger: Any, life: Any) -> None:
    ledger.record(*life)
    ledger.settle()
    (told,) = totals(ledger.engine)
    with ledger.engine.connect() as connection:
        (row,) = connection.execute(jobs.select()).all()
    assert told.emissions_g == row.emissions_g
    assert told.avoided_g - told.added_g == pytest.approx(row.avoided_g)


async def test_the_ledger_keeps_its_numbers_up_to_date(ledger: Any) -> None:
    keep(ledger, 1, 25.0)
    registry = CollectorRegistry()

    async with watching_totals(ledger.engine, LedgerMetrics(registry)):
        await until_it_is(registry, "carbonq_emissions_avoided_grams_total", 25.0)


async def test_a_database_that_does_not_answer_ends_nothing(
    ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def answer(_: object) -> list[Totals]:
        asked.append(1)
        if len(asked) < 3:
            raise LedgerUnreachable("it is restarted")
        return [Totals(Signal.MARGINAL, False, 9.0, 4.0, 1.0)]

    monkeypatch.setattr(totals_watch, "totals", answer)
    monkeypatch.setattr(totals_watch, "APART_SECONDS", 0.01)
    registry = CollectorRegistry()
    async with watching_totals(ledger.engine, LedgerMetrics(registry)):
        await until_it_is(registry, "carbonq_emissions_grams_total", 9.0)
