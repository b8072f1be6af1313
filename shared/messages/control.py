"""Control: what people ask of the services, in the imperative.

All of it is kept for eight days on the stream `control.log`, so that a service that starts later
still learns of it.
"""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.messages.base import Message
from shared.messages.bounds import Label

Name = Annotated[Label, Field(min_length=1)]


class Action(StrEnum):
    """What can be asked; also the routing key on the exchange `control`."""

    CANCEL = "cancel"
    RUN_NOW = "run_now"
    PAUSE = "pause"
    RESUME = "resume"
    ECO = "eco"


class Asked(StrEnum):
    """What people ask with a message that is no control; noted for the audit by who sends it."""

    SUBMIT = "submit"
    REPLAY = "replay"


class Control(Message):
    """Something that is asked for.

    Attributes:
        by: who asks, as they name themselves; it is shown and kept, and grants nothing.
    """

    id: UUID
    at: AwareDatetime
    by: Name | None = None


class CancelJob(Control):
    """Call a job off, in whatever state it is."""

    type: Literal["control.cancel.v1"] = "control.cancel.v1"
    job_id: UUID
    reason: str = "cancelled on request"


class RunJobNow(Control):
    """Pull a waiting job out of its slot and run it on any grid."""

    type: Literal["control.run_now.v1"] = "control.run_now.v1"
    job_id: UUID


class PauseWork(Control):
    """Start no more jobs of a type, of a region, or of a type in a region; both None: none at all.

    What runs goes on.
    """

    type: Literal["control.pause.v1"] = "control.pause.v1"
    job_type: Name | None = None
    region: Name | None = None


class ResumeWork(Control):
    """End the pause of exactly this scope; both None end every pause."""

    type: Literal["control.resume.v1"] = "control.resume.v1"
    job_type: Name | None = None
    region: Name | None = None


class SetEco(Control):
    """Let the pools' capacity follow the grid, or not.

    Attributes:
        on: True as usual; False gives every pool its base capacity in any band.
        until: when it is on again by itself; None until it is switched on.
    """

    type: Literal["control.eco.v1"] = "control.eco.v1"
    on: bool
    until: AwareDatetime | None = None


AnyControl = Annotated[
    CancelJob | RunJobNow | PauseWork | ResumeWork | SetEco, Field(discriminator="type")
]
