"""Switches that make the emulator fail the way the real service does, or worse."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Document = dict[str, Any]
Points = list[dict[str, Any]]


class FaultWarning(BaseModel):
    """An entry of `meta.warnings`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    message: str


class Faults(BaseModel):
    """What is wrong at the moment.

    Attributes:
        paths: where it is wrong; by default at every data endpoint, but not at `/login`.
        fail_status: this status instead of an answer.
        too_many_requests: 429 instead of an answer, with Retry-After if its seconds are given.
        count: how many requests `fail_status` and `too_many_requests` hit; unset, all of them.
        hang_seconds: wait so long before answering.
        truncated_json: only the first half of the body arrives.
        missing_meta: no `meta`, and so no units.
        empty_data: `data` holds no points.
        null_value: the first point has the value null.
        all_zero: every value is 0.
        absurd_value: the first point has this value.
        gap_every: each so-manieth point is missing.
        duplicates: every point comes twice.
        unordered: the points come last first.
        stale_seconds: the data ends so long ago; forecasts were generated then.
        warnings: added to `meta.warnings`.
        expired_tokens: `issued` lets the tokens issued so far be expired, `all` later ones too.
        model_date: data comes from another model.
        revised_percent: history published so far has been revised by so much.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    paths: tuple[str, ...] = ()
    fail_status: Literal[500, 502, 503, 504] | None = None
    too_many_requests: bool = False
    retry_after_seconds: Annotated[float, Field(ge=0)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    hang_seconds: Annotated[float, Field(ge=0)] = 0
    truncated_json: bool = False
    missing_meta: bool = False
    empty_data: bool = False
    null_value: bool = False
    all_zero: bool = False
    absurd_value: float | None = None
    gap_every: Annotated[int, Field(ge=2)] | None = None
    duplicates: bool = False
    unordered: bool = False
    stale_seconds: Annotated[float, Field(ge=0, le=30 * 86_400)] = 0
    warnings: tuple[FaultWarning, ...] = ()
    expired_tokens: Literal["issued", "all"] | None = None
    model_date: date | None = None
    revised_percent: float | None = None


class FaultBoard:
    """The faults in force, and how often they may still strike.

    Attributes:
        set_at: when they were switched on; what was published by then is what gets revised.
    """

    def __init__(self) -> None:
        """Begin without faults."""
        self._faults = Faults()
        self._left: int | None = None
        self.set_at: datetime | None = None

    def switch(self, faults: Faults, now: datetime) -> None:
        """Put these faults in force instead of the ones before."""
        self._faults, self._left, self.set_at = faults, faults.count, now

    @property
    def shown(self) -> Faults:
        """The faults as they were set, with the count that is left."""
        return self._faults.model_copy(update={"count": self._left})

    def at(self, path: str) -> Faults:
        """The faults of one path."""
        paths = self._faults.paths
        here = path in paths if paths else path.startswith("/v3/")
        return self._faults if here else Faults()

    def strikes(self) -> bool:
        """Use up one of the counted failures; False when none is left."""
        if self._left is None:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        return True


def spoil(document: Document, faults: Faults) -> Document:
    """Apply to an answer what is wrong with its data."""
    for points in _series(document):
        for change in _changes(faults):
            points[:] = change(points)
    if "meta" in document:
        document["meta"]["warnings"].extend(warning.model_dump() for warning in faults.warnings)
    if faults.missing_meta:
        document.pop("meta", None)
    return document


def _series(document: Document) -> Iterator[Points]:
    """Every list of points in an answer: one, or one for each historical forecast."""
    data = document.get("data", [])
    if data and "forecast" in data[0]:
        for issue in data:
            yield issue["forecast"]
    elif "data" in document:
        yield data


def _changes(faults: Faults) -> Iterator[Callable[[Points], Points]]:
    every = faults.gap_every
    if faults.all_zero:
        yield lambda points: [{**point, "value": 0.0} for point in points]
    if faults.absurd_value is not None:
        yield lambda points: _with_first(points, faults.absurd_value)
    if faults.null_value:
        yield lambda points: _with_first(points, None)
    if every is not None:
        yield lambda points: [p for number, p in enumerate(points, start=1) if number % every]
    if faults.duplicates:
        yield lambda points: [point for point in points for _ in range(2)]
    if faults.unordered:
        yield lambda points: points[::-1]
    if faults.empty_data:
        yield lambda _points: []


def _with_first(points: Points, value: float | None) -> Points:
    return [{**point, "value": value} for point in points[:1]] + points[1:]
