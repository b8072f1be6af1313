"""What instants, names and amounts of events keep to, so that no calendar, index or sum breaks.

The types are for the fields of messages; `possible` applies them to the domain's own objects in
messages, which know nothing of the wire. None of them says what is plausible: they say what no
grid, no job and no deployment can exceed.
"""

from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from shared.domain.energy import MOST_KWH

BEGIN, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)
"""A century beyond what the door takes for a deadline, on either side: a latest start lies before
its job's deadline, and a replayed job's new deadline after the one that it had."""
LONGEST_NAME = 200
"""Characters. PostgreSQL's index takes rows of 2,704 bytes, and some have two names; a character
is up to four bytes."""
MOST_G_PER_KWH = 1e5
"""A hundred times the dirtiest power plant; marginal intensities may be below 0."""
MOST_GRAMS = 1e15
"""Of a job: a gigawatt for 366 days, the most that the door takes, at that intensity, is 9e14."""
MOST_SECONDS = 10 * 366 * 86_400.0
MOST_JOB_SECONDS = 1e15
"""Of a slot or a queue: a million jobs, as many as the intake holds, of 366 days each are 3e13."""
MOST_PERIOD_SECONDS = 31 * 86_400.0
MOST_POINTS = 10_000
"""Of a forecast: a week by the minute. Times the longest period it ends within the calendar."""
MOST_COUNT = 10**9

Instant = Annotated[AwareDatetime, Field(ge=BEGIN, lt=END)]
"""A point in time that every calendar and every time zone can hold."""
Label = Annotated[str, Field(max_length=LONGEST_NAME)]
"""What something is called, and looked up by: a region, a source, a pool, a process."""
GramsPerKwh = Annotated[float, Field(ge=-MOST_G_PER_KWH, le=MOST_G_PER_KWH)]
Grams = Annotated[float, Field(ge=-MOST_GRAMS, le=MOST_GRAMS)]
Span = Annotated[float, Field(gt=0, le=MOST_SECONDS)]
"""Seconds that something lasts: a slot, a job."""
Period = Annotated[float, Field(gt=0, le=MOST_PERIOD_SECONDS)]
"""Seconds that a point of a grid holds."""
Age = Annotated[float, Field(ge=-MOST_SECONDS, le=MOST_SECONDS)]
"""Seconds since something; clocks differ, so it may be below 0."""
JobSeconds = Annotated[float, Field(ge=-MOST_JOB_SECONDS, le=MOST_JOB_SECONDS)]
"""Work in seconds of one job after the other; below 0 is room that is already overdrawn."""
Percent = Annotated[float, Field(ge=0, le=100)]
Factor = Annotated[float, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    """Users' data without numbers that JSON has no word for: on their way they would become null.

    Raises:
        ValueError: there is one; the line names its place.
    """
    inside: list[tuple[str, Any]] = [("", value)]
    seen: set[int] = set()
    while inside:  # no recursion: data may be nested deeper than Python's stack, or hold itself
        place, each = inside.pop()
        if isinstance(each, float) and not isfinite(each):
            raise ValueError(f"{place[1:]} is {each}, which is no number of JSON; leave it out")
        if isinstance(each, dict | list | tuple) and id(each) not in seen:
            seen.add(id(each))
            parts = each.items() if isinstance(each, dict) else enumerate(each)
            inside += [(f"{place}.{name}", part) for name, part in parts]
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
"""A user's own data."""

T = TypeVar("T")
_BY_UNIT: tuple[tuple[str, Any], ...] = (
    ("values_g_per_kwh", Annotated[tuple[GramsPerKwh, ...], Field(max_length=MOST_POINTS)]),
    ("_g_per_kwh", GramsPerKwh),
    ("_g", Grams),
    ("_kwh", Annotated[float, Field(ge=0, le=MOST_KWH)]),
    ("_watts", Annotated[float, Field(ge=0, le=1e9)]),
    ("_age_seconds", Age),
    ("period_seconds", Period),
    ("_seconds", Span),
    ("_percent", Percent),
)
"""How the names of the domain's amounts end, the longer endings first."""
_BY_TYPE: dict[object, Any] = {
    datetime: Instant,
    str: Label,
    tuple[str, ...]: tuple[Label, ...],
}


def possible(value: T, info: ValidationInfo) -> T:
    """A domain object, all of whose fields keep to the bounds.

    It is checked where it is read from JSON. What a service puts into a message of its own was
    checked when that came, and no job waits because the telling of it failed.

    Args:
        value: an instance of a dataclass, or None.
        info: whether it is read from JSON.

    Raises:
        ValueError: a field does not; the line names it and says what to use.
    """
    if info.mode != "json" or value is None:
        return value
    kind: type = type(value)
    for name, adapter in _adapters(kind):
        given = getattr(value, name)
        if given is not None:
            _check(name, given, adapter)
    return value


def _check(name: str, given: object, adapter: TypeAdapter[Any]) -> None:
    try:
        adapter.validate_python(given)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise ValueError(f"{name}: {said[0].lower()}{said[1:]}") from error


@lru_cache(maxsize=32)
def _adapters(kind: type) -> tuple[tuple[str, TypeAdapter[Any]], ...]:
    """What checks each field of a dataclass; to make them takes far longer than to use them."""
    found = ((field.name, _bound_of(field.name, field.type)) for field in fields(kind))
    return tuple((name, TypeAdapter(bound)) for name, bound in found if bound is not None)


def _bound_of(name: str, annotation: object) -> Any:  # noqa: ANN401 - a type, or None
    """The bound of a field by its unit, else by its type; None for words and flags."""
    by_unit = (bound for ending, bound in _BY_UNIT if name.endswith(ending))
    return next(by_unit, _BY_TYPE.get(annotation))
