"""What a handler can tell and ask: the context, the signal to stop, small JSON."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.savings import EnergyMethod
from shared.handlers import JobContext, Paused, Retry, StopReason, StopSignal, small_json
from shared.testing import Recorder


def context_of(recorder=None):
    seen = recorder or Recorder()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    log = structlog.get_logger()
    return JobContext(UUID(int=1), "t", 1, "R", at, log, stop=seen.stop, port=seen), seen


def test_a_context_needs_nobody_to_listen():
    silent = JobContext(
        UUID(int=1), "t", 1, "R", datetime(2026, 3, 1, tzinfo=UTC), structlog.get_logger()
    )
    silent.progress(0.5)
    silent.checkpoint({})
    silent.record_energy_kwh(1)
    assert not silent.should_stop


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_is_from_0_to_1(fraction):
    with pytest.raises(ValueError, match="not from 0 to 1"):
        context_of()[0].progress(fraction)


def test_a_long_message_is_cut():
    context, seen = context_of()
    context.progress(1, "x" * 2000)
    assert seen.progress == [(1.0, "x" * 500)]


@pytest.mark.parametrize("energy", [-1.0, float("nan"), float("inf"), 1.1e7])
def test_an_energy_is_an_energy(energy):
    with pytest.raises(ValueError, match=r"is not an energy .* give one from 0 to 10,000,000 kWh"):
        context_of()[0].record_energy_kwh(energy)


def test_a_method_is_one_of_three():
    context, seen = context_of()
    context.record_energy_kwh(1, "modelled")
    assert seen.energies == [(1.0, EnergyMethod.MODELLED)]
    with pytest.raises(ValueError, match="guessed"):
        context.record_energy_kwh(1, "guessed")


@dataclass
class State:
    epoch: int


def test_a_checkpoint_comes_back_as_json_has_it():
    context, seen = context_of()
    context.checkpoint(State(4))
    context.checkpoint(None)
    assert seen.checkpoints == [{"epoch": 4}, None]


@given(st.lists(st.sampled_from(list(StopReason)), min_size=1, max_size=6))
def test_the_weightiest_reason_stands_whatever_the_order(reasons):
    signal, heard = StopSignal(), []
    signal.on_ask(heard.append)
    for reason in reasons:
        signal.ask(reason, by=reason.value)
    order = list(StopReason)
    assert signal.reason is min(reasons, key=order.index)
    assert signal.by == signal.reason.value
    ranks = [order.index(reason) for reason in heard]
    assert all(later < earlier for earlier, later in itertools.pairwise(ranks))


def test_asking_twice_keeps_the_first_words():
    signal = StopSignal()
    assert not signal.asked
    signal.ask(StopReason.CANCEL, "ada", "wrong dataset")
    signal.ask(StopReason.CANCEL, "bob", "another reason")
    signal.ask(StopReason.PAUSE)
    assert (signal.asked, signal.by, signal.why) == (True, "ada", "wrong dataset")


def test_who_listens_late_hears_at_once():
    signal, heard = StopSignal(), []
    signal.ask(StopReason.DRAIN)
    signal.on_ask(heard.append)
    assert heard == [StopReason.DRAIN]


def test_many_threads_may_ask():
    signal, heard = StopSignal(), []
    signal.on_ask(heard.append)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: signal.ask(StopReason.PAUSE), range(200)))
    assert heard == [StopReason.PAUSE]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 366 * 86_400 + 1])
def test_a_retry_is_after_a_time(seconds):
    with pytest.raises(ValueError, match="after_seconds"):
        Retry(seconds)


def test_a_pause_may_carry_none_as_its_state():
    assert Paused(None).state is None
    assert Paused().state is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(json_values)
def test_small_json_comes_back_as_it_was(value):
    assert small_json(value, "result") == value


def test_the_limit_of_small_json_is_exact():
    assert small_json("x" * 8, "result", 10) == "x" * 8
    with pytest.raises(ValueError, match="the handler's result is 11 bytes of JSON, more than 10"):
        small_json("x" * 9, "result", 10)
