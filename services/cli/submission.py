"""From the options of `submit` to a valid submission; errors name the option."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError

from services.cli.options import read_option
from services.cli.quantities import parse_deadline, parse_energy, parse_payload, parse_power
from shared.domain.durations import parse_duration
from shared.messages import JobSubmit, explain

_OPTIONS = {
    "type": "TYPE",
    "payload": "--payload",
    "id": "--id",
    "priority": "--priority",
    "max_band": "--max-band",
    "deadline": "--deadline",
    "expected_duration_seconds": "--duration",
    "power_watts": "--power",
    "energy_kwh": "--energy",
    "region": "--region",
    "regions": "--region",
    "on_deadline": "--on-deadline",
    "retries": "--retries",
    "timeout_seconds": "--timeout",
    "idempotency_key": "--idempotency-key",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """The options as they were typed."""

    type: str
    parameters: Sequence[str] = ()
    payload: str | None = None
    id: str | None = None
    priority: str | None = None
    max_band: str | None = None
    deadline: str | None = None
    duration: str | None = None
    power: str | None = None
    energy: str | None = None
    regions: Sequence[str] = ()
    interruptible: bool = False
    on_deadline: str | None = None
    retries: int | None = None
    timeout: str | None = None
    idempotency_key: str | None = None


def build_submission(
    options: SubmitOptions, now: datetime, new_id: Callable[[], UUID], read_stdin: Callable[[], str]
) -> JobSubmit:
    """The submission that the options ask for; it always has an id.

    Raises:
        typer.BadParameter: an option is wrong; the message names it.
    """
    if options.power is not None and options.energy is not None:
        raise typer.BadParameter("give --power or --energy, not both", param_hint="--energy")
    fields: dict[str, Any] = {
        "type": options.type,
        "payload": _payload(options, read_stdin),
        "id": new_id() if options.id is None else read_option("--id", UUID, options.id),
        "deadline": _maybe("--deadline", lambda text: parse_deadline(text, now), options.deadline),
        "expected_duration_seconds": _maybe("--duration", parse_duration, options.duration),
        "power_watts": _maybe("--power", parse_power, options.power),
        "energy_kwh": _maybe("--energy", parse_energy, options.energy),
        "timeout_seconds": _maybe("--timeout", parse_duration, options.timeout),
        "interruptible": True if options.interruptible else None,
        "region": options.regions[0] if len(options.regions) == 1 else None,
        "regions": tuple(options.regions) if len(options.regions) > 1 else None,
    }
    for name in ("priority", "max_band", "on_deadline", "retries", "idempotency_key"):
        fields[name] = getattr(options, name)
    try:
        return JobSubmit.model_validate(fields)
    except ValidationError as error:
        raise _bad_option(error) from None


def _maybe(option: str, parse: Callable[[str], T], text: str | None) -> T | None:
    return None if text is None else read_option(option, parse, text)


def _payload(options: SubmitOptions, read_stdin: Callable[[], str]) -> dict[str, Any]:
    hint = "--param" if options.payload is None else "--payload"
    try:
        return parse_payload(options.payload, options.parameters, read_stdin)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


def _bad_option(error: ValidationError) -> typer.BadParameter:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    text = explain(error).removeprefix(f"{field}: ")
    return typer.BadParameter(text, param_hint=_OPTIONS.get(field, field))
