"""What a user's handlers module is written with: mark a function, and a worker pool runs it.

    from pydantic import BaseModel
    from shared.handlers import JobContext, Paused, handler

    class Training(BaseModel):
        dataset: str
        epochs: int = 12

    @handler("ml_training", process=True, timeout=3600)
    def train(payload: Training, context: JobContext) -> dict:
        done = context.restored or 0
        for epoch in range(done, payload.epochs):
            ...
            context.progress((epoch + 1) / payload.epochs, f"epoch {epoch + 1}")
            if context.should_stop:
                raise Paused(epoch + 1)
        return {"epochs": payload.epochs}

A plain `def` runs in a thread, an `async def` on the event loop, and a `def` with `process=True` in
a process of its own, the only kind that can be ended whatever it does. The payload is validated
against the annotation of the first parameter; without one it is the JSON object as it came.

Handlers are run at least once: make their effects idempotent by `context.job_id`.
"""

from shared.handlers.context import JobContext, Port
from shared.handlers.energy import Accelerators, EnergyUse, Watts
from shared.handlers.exceptions import Paused, Reject, Retry
from shared.handlers.payloads import PayloadError
from shared.handlers.registry import Handler, handler, load_handlers
from shared.handlers.small_json import LARGEST_RESULT_BYTES, small_json
from shared.handlers.stopping import StopReason, StopSignal

__all__ = [
    "LARGEST_RESULT_BYTES",
    "Accelerators",
    "EnergyUse",
    "Handler",
    "JobContext",
    "Paused",
    "PayloadError",
    "Port",
    "Reject",
    "Retry",
    "StopReason",
    "StopSignal",
    "Watts",
    "handler",
    "load_handlers",
    "small_json",
]
