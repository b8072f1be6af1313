"""How the energy of a run is known, for every kind of handler and every end."""

import time

import pytest

from services.worker_pool.evidence import gather
from shared.domain.savings import EnergyMethod
from shared.handlers import Accelerators, Handler, Watts
from shared.messages import JobFailed, JobSucceeded
from shared.metering import Meter

MEASURED, MODELLED, DECLARED = EnergyMethod


def burn(payload, context):
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass


async def idle(payload, context):
    return None


def known(event):
    return event.energy_kwh, event.energy_method


class Counters:
    """A machine that uses 3.6 MJ between two looks, and computes for a given time."""

    method = MEASURED

    def __init__(self):
        self.looks = 0

    def joules(self):
        self.looks += 1
        return self.looks * 3.6e6


class Model(Counters):
    """The same of a machine whose energy is estimated."""

    method = MODELLED


@pytest.fixture
def modelled(pool):
    """A pool on a machine whose energy a formula tells, which everyone used for 1 s."""
    seconds = iter(range(100))
    pool.options["meter"] = Meter(Model(), host_cpu_seconds=lambda: float(next(seconds)))
    return pool


@pytest.fixture
def metered(pool):
    """A pool on a machine with energy counters, which everyone used for 1 s of CPU time."""
    seconds = iter(range(100))
    pool.options["meter"] = Meter(Counters(), host_cpu_seconds=lambda: float(next(seconds)))
    return pool


async def test_a_thread_is_modelled_by_its_own_time_on_the_cpu(pool):
    pool.options["meter"] = Meter(watts_per_core=72.0)
    energy_kwh, method = known((await pool.run(burn)).one(JobSucceeded))
    assert energy_kwh == pytest.approx(72.0 * 0.05 / 3.6e6, rel=0.5)
    assert energy_kwh >= 72.0 * 0.05 / 3.6e6
    assert method is MODELLED


async def test_an_async_handler_that_declares_nothing_stays_unknown(pool):
    assert known((await pool.run(idle)).one(JobSucceeded)) == (None, None)


async def test_a_declaration_outranks_the_model(pool, job, queued):
    pool.clock.step = pool.clock.step.__class__(seconds=10)
    out = await pool.run(burn, queued(job(power_watts=3600.0)))
    assert known(out.one(JobSucceeded)) == (pytest.approx(0.01), DECLARED)


async def test_a_measurement_outranks_a_declaration(metered, job, queued):
    out = await metered.run(burn, queued(job(power_watts=3600.0)))
    energy_kwh, method = known(out.one(JobSucceeded))
    assert energy_kwh == pytest.approx(0.05, rel=0.5), "0.05 of 1 s of CPU time, of 1 kWh"
    assert method is MEASURED


async def test_a_share_of_a_modelled_machine_is_modelled(modelled):
    energy_kwh, method = known((await modelled.run(burn)).one(JobSucceeded))
    assert energy_kwh == pytest.approx(0.05, rel=0.5), "0.05 of 1 s of CPU time, of 1 kWh"
    assert method is MODELLED


async def test_a_declaration_outranks_a_modelled_machine(modelled, job, queued):
    modelled.clock.step = modelled.clock.step.__class__(seconds=10)
    out = await modelled.run(burn, queued(job(power_watts=3600.0)))
    assert known(out.one(JobSucceeded)) == (pytest.approx(0.01), DECLARED)


async def test_an_async_handler_cannot_be_measured(metered, job, queued):
    out = await metered.run(idle, queued(job(power_watts=3600.0)))
    assert out.one(JobSucceeded).energy_method is DECLARED


async def test_what_a_handler_records_outranks_everything(metered, job, queued):
    def work(payload, context):
        context.record_energy_kwh(0.25)
        context.record_energy_kwh(0.5)

    out = await metered.run(work, queued(job(power_watts=3600.0)))
    assert known(out.one(JobSucceeded)) == (0.75, MEASURED)


@pytest.mark.parametrize(
    ("energy", "kwh", "method"),
    [
        (Watts(360), 0.001, DECLARED),
        (lambda payload, seconds: payload["rows"] * seconds / 1000, 0.02, MODELLED),
    ],
    ids=["watts", "function"],
)
async def test_a_handler_declares_for_jobs_that_do_not(pool, job, queued, energy, kwh, method):
    pool.clock.step = pool.clock.step.__class__(seconds=10)
    work = Handler("t", idle, takes_context=True, energy=energy)
    out = await pool.run(work, queued(payload={"rows": 2}))
    assert known(out.one(JobSucceeded)) == (pytest.approx(kwh), method)
    out.events.clear()
    out = await pool.run(work, queued(job(power_watts=3600.0), payload={"rows": 2}))
    assert known(out.one(JobSucceeded)) == (pytest.approx(0.01), DECLARED), "the job's own word"


async def test_accelerators_are_added_to_the_cpus(pool):
    pool.clock.step = pool.clock.step.__class__(seconds=10)
    work = Handler("t", burn, takes_context=True, energy=Accelerators(360))
    energy_kwh, method = known((await pool.run(work)).one(JobSucceeded))
    assert energy_kwh == pytest.approx(0.001 + 3.5 * 0.05 / 3.6e6, rel=0.001)
    assert method is MODELLED


async def test_a_failed_attempt_has_used_energy_too(pool):
    def work(payload, context):
        burn(payload, context)
        raise ValueError("no disk")

    failed = (await pool.run(work)).one(JobFailed)
    assert failed.energy_kwh > 0
    assert failed.energy_method is MODELLED


@pytest.mark.parametrize("answer", [-1.0, float("nan"), None, "much"])
async def test_a_broken_energy_function_says_nothing_and_fails_no_job(pool, answer):
    work = Handler("t", idle, takes_context=True, energy=lambda payload, seconds: answer)
    assert known((await pool.run(work)).one(JobSucceeded)) == (None, None)


async def test_what_never_ran_has_what_it_declares_for_no_time(pool, job, queued):
    out = await pool.run(idle, queued(job("typo", power_watts=3600.0)))
    assert known(out.one(JobFailed)) == (0.0, DECLARED)


def test_evidence_without_a_handler_is_the_jobs_own_word(job, queued):
    evidence = gather(None, queued(job(power_watts=3600.0)), 10.0)
    assert (evidence.declared_kwh, evidence.cpu_seconds) == (pytest.approx(0.01), None)
