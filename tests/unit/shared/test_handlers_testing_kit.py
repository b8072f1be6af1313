"""The kit for users' own tests: a handler runs here and now."""

import pytest
from pydantic import BaseModel

from shared.domain.savings import EnergyMethod
from shared.errors import ConfigurationError
from shared.handlers import Paused, PayloadError, Reject, StopReason, handler
from shared.testing import Recorder, run_now, run_now_async


class Training(BaseModel):
    dataset: str
    epochs: int = 2


@handler("ml_training", process=True)
def train(payload: Training, context):
    for epoch in range(context.restored or 0, payload.epochs):
        context.progress((epoch + 1) / payload.epochs, f"epoch {epoch + 1}")
        context.checkpoint(epoch + 1)
        context.record_energy_kwh(0.25)
        if context.should_stop:
            raise Paused(epoch + 1)
    return {"epochs": payload.epochs, "attempt": context.attempt, "piece": context.piece}


@handler("fetch")
async def fetch(payload):
    if "url" not in payload:
        raise Reject("no url")
    return payload["url"]


def test_a_handler_runs_with_its_payload_validated():
    assert run_now(train, {"dataset": "q3"}) == {"epochs": 2, "attempt": 1, "piece": 1}
    with pytest.raises(PayloadError, match="dataset: required"):
        run_now(train, {})


def test_what_it_tells_is_recorded():
    seen = Recorder()
    run_now(train, {"dataset": "q3"}, seen=seen, attempt=2)
    assert seen.progress == [(0.5, "epoch 1"), (1.0, "epoch 2")]
    assert seen.checkpoints == [1, 2]
    assert seen.energies == [(0.25, EnergyMethod.MEASURED)] * 2


def test_a_pause_can_be_tried_from_the_start_and_in_the_middle():
    with pytest.raises(Paused) as paused:
        run_now(train, {"dataset": "q3"}, stop=StopReason.PAUSE)
    assert paused.value.state == 1
    seen = Recorder(stop_when=lambda seen: len(seen.checkpoints) == 2)
    with pytest.raises(Paused) as paused:
        run_now(train, {"dataset": "q3", "epochs": 9}, seen=seen)
    assert paused.value.state == 2
    rest = run_now(train, {"dataset": "q3"}, restored=1, piece=2)
    assert rest["piece"] == 2


def test_an_async_handler_runs_too():
    assert run_now(fetch, {"url": "a"}) == "a"
    with pytest.raises(Reject, match="no url"):
        run_now(fetch)


async def test_both_kinds_run_within_an_event_loop():
    assert await run_now_async(fetch, {"url": "a"}) == "a"
    assert (await run_now_async(train, {"dataset": "q3"}))["epochs"] == 2


def test_a_type_is_found_in_its_module():
    result = run_now("fraud_check", {"seconds": 0.01}, module="services.demo.handlers")
    assert result["scores"] > 0
    with pytest.raises(LookupError, match=r"no handler for 'typo'; it has .*fraud_check"):
        run_now("typo", module="services.demo.handlers")


def test_a_result_that_could_not_be_kept_fails_the_test():
    @handler("big")
    def big(payload):
        return "x" * 70_000

    with pytest.raises(ValueError, match="store it elsewhere"):
        run_now(big)


def test_an_unmarked_function_is_said_so():
    with pytest.raises(ConfigurationError, match="mark it with @handler"):
        run_now(lambda payload: None)
