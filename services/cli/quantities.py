"""What people type for a power, an energy, a time or a payload."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from shared.domain.durations import parse_duration

_WATTS = {"": 1.0, "w": 1.0, "kw": 1e3}
_KWH = {"wh": 1e-3, "kwh": 1.0, "mwh": 1e3}
_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)")


def parse_power(text: str) -> float:
    """Watts from `250W`, `0.25kW` or plain watts.

    Raises:
        ValueError: it is none.
    """
    return _amount(text, _WATTS, "power; write 250W, 0.25kW or plain watts")


def parse_energy(text: str) -> float:
    """Kilowatt-hours from `0.2kWh`, `200Wh` or `1MWh`; a unit is required.

    Raises:
        ValueError: it is none.
    """
    return _amount(text, _KWH, "energy; write 0.2kWh or 200Wh")


def parse_deadline(text: str, now: datetime) -> datetime:
    """An instant from a duration such as `6h`, or from ISO 8601 with its time zone.

    Raises:
        ValueError: it is neither, or it is over.
    """
    with suppress(ValueError, OverflowError):
        return now + timedelta(seconds=parse_duration(text))
    deadline = _absolute(text, "deadline; write 6h, 90m or 2026-11-23T06:00:00Z")
    if deadline <= now:
        raise ValueError(f"{text!r} is over already")
    return deadline


def parse_past(text: str, now: datetime) -> datetime:
    """An instant: how long it is ago, such as `2h`, the start of a UTC day, or ISO 8601.

    A number alone is none of these: `2026` is meant as a year, and no day of it is said.

    Raises:
        ValueError: it is none of these, or has no time zone.
    """
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text.strip()), time(tzinfo=UTC))
    with suppress(ValueError, OverflowError):
        return now - timedelta(seconds=parse_duration(text, needs_unit=True))
    return _absolute(text, "time; write 2h, 30d, 2026-11-23 or 2026-11-23T06:00:00Z")


def parse_payload(
    text: str | None, parameters: Sequence[str], read_stdin: Callable[[], str]
) -> dict[str, Any]:
    """A payload from JSON, `@file` or `@-`, and `key=value` pairs that are added to it.

    A value is read as JSON where it is JSON, so `epochs=3` is a number and `name=q3` a text.

    Raises:
        ValueError: it is no JSON object, or a pair has no key.
    """
    payload = {} if text is None else _json_object(_source(text, read_stdin))
    for pair in parameters:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{pair!r} is no key=value pair")
        payload[key.strip()] = _json_or_text(value)
    return payload


def _absolute(text: str, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no {what}") from None
    raise ValueError(f"{text!r} has no time zone; write {text.strip()}Z for UTC")


def _amount(text: str, units: dict[str, float], what: str) -> float:
    match = _AMOUNT.fullmatch(text.strip().lower())
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r} is no {what}")
    return float(match[1]) * units[match[2]]


def _source(text: str, read_stdin: Callable[[], str]) -> str:
    if not text.startswith("@"):
        return text
    if text == "@-":
        return read_stdin()
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{text[1:]} cannot be read: {error}") from None


def _json_object(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a text has a wrong value
    return payload


def _json_or_text(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
