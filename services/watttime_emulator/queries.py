"""Reading query parameters; whatever is wrong is answered as WattTime answers it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from services.watttime_emulator.answers import Refused, bad_fields, bad_query

Query = Mapping[str, str]

MOER = "co2_moer"
SIGNAL_TYPES = (MOER, "co2_aoer", "health_damage")
MAX_HORIZON_HOURS = 72
DEFAULT_HORIZON_HOURS = 24
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")

# A `+` that was not escaped arrives as a space, the official client sends a space for the `T`,
# and both may arrive escaped after all.
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T +](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[ +-]\d\d:?\d\d)", re.IGNORECASE
)


def instant(query: Query, name: str) -> datetime:
    """A timestamp with its time zone, in UTC.

    Raises:
        Refused: it is missing or wrong.
    """
    text = query.get(name, "")
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        raise Refused(bad_query(f"{name} must be a time with a zone, like 2026-01-01T00:00:00Z"))
    day, time, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time}{zone.replace(' ', '+').upper()}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(bad_query(f"{name} is no valid time")) from error


def span(query: Query, longest: timedelta) -> tuple[datetime, datetime]:
    """The inclusive `start` and `end` of a query for history.

    Raises:
        Refused: one is missing or wrong, or the span is too long.
    """
    start, end = instant(query, "start"), instant(query, "end")
    if end < start:
        raise Refused(bad_query("end is before start"))
    if end - start > longest:
        raise Refused(bad_query(f"start and end are more than {longest} apart"))
    return start, end


def horizon_hours(query: Query) -> int:
    """How far a forecast reaches.

    Raises:
        Refused: it is not 0 .. 72.
    """
    text = query.get("horizon_hours", str(DEFAULT_HORIZON_HOURS))
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) > MAX_HORIZON_HOURS:
        raise Refused(bad_query(f"horizon_hours must be a whole number, 0 .. {MAX_HORIZON_HOURS}"))
    return int(text)


def flag(query: Query, name: str) -> bool:
    """A parameter that is true or false, by default false.

    Raises:
        Refused: it is neither.
    """
    text = query.get(name, "false").lower()
    if text not in TRUE + FALSE:
        raise Refused(bad_query(f"{name} must be true or false"))
    return text in TRUE


def signal_type(query: Query, *, default: str | None = None) -> str:
    """Which signal is asked for.

    Raises:
        Refused: it is missing or unknown.
    """
    signal = query.get("signal_type", default)
    if signal not in SIGNAL_TYPES:
        raise Refused(bad_query(f"signal_type must be one of {', '.join(SIGNAL_TYPES)}"))
    return signal


def check_model(query: Query, current: date) -> None:
    """Let a request name the current model only.

    Raises:
        Refused: it names another one.
    """
    if query.get("model", str(current)) != str(current):
        raise Refused(bad_query(f"there is no such model; the current one is {current}"))


def coordinates(query: Query) -> tuple[float, float]:
    """A latitude and a longitude.

    Raises:
        Refused: one is missing or wrong, or the signal type is.
    """
    limits = {"latitude": 90.0, "longitude": 180.0}
    problems = [(n, "not a coordinate") for n in limits if not _within(query.get(n), limits[n])]
    if query.get("signal_type") not in SIGNAL_TYPES:
        problems.append(("signal_type", f"must be one of {', '.join(SIGNAL_TYPES)}"))
    if problems:
        raise Refused(bad_fields("query", problems))
    return float(query["latitude"]), float(query["longitude"])


def _within(text: str | None, limit: float) -> bool:
    try:
        return text is not None and abs(float(text)) <= limit
    except ValueError:
        return False
