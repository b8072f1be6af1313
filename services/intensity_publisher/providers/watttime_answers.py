"""WattTime's answers, read with care: only our own error comes out of a bad one."""

import json
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.intensity_publisher.providers.series import Series, even_series
from shared.domain.grid import LB_PER_MWH_TO_G_PER_KWH
from shared.errors import SourceUnreachable
from shared.messages import explain

HIGHEST_LB_PER_MWH = 3500.0
DEFAULT_PERIOD_SECONDS = 300.0


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


A = TypeVar("A", bound=_Lenient)


class PointAnswer(_Lenient):
    """One point; WattTime's numbers come as int, float, or null."""

    point_time: AwareDatetime
    value: Annotated[float | None, Field(allow_inf_nan=False)] = None


def _or_default(default: object) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is None else value)


class WarningAnswer(_Lenient):
    """A warning of WattTime's own."""

    type: Annotated[str, _or_default("")] = ""
    message: Annotated[str, _or_default("")] = ""


class MetaAnswer(_Lenient):
    """What a data answer says of itself; any part may be missing."""

    data_point_period_seconds: Annotated[
        float, Field(gt=0, le=86_400, allow_inf_nan=False), _or_default(DEFAULT_PERIOD_SECONDS)
    ] = DEFAULT_PERIOD_SECONDS
    units: str | None = None
    generated_at: AwareDatetime | None = None
    warnings: Annotated[tuple[WarningAnswer, ...], _or_default(())] = ()


class DataAnswer(_Lenient):
    """The shape that signal-index, forecast and historical share."""

    data: tuple[PointAnswer, ...]
    meta: Annotated[MetaAnswer, _or_default({})] = Field(default_factory=MetaAnswer)

    def warnings(self) -> tuple[str, ...]:
        """WattTime's warnings in words."""
        return tuple(w.message or w.type for w in self.meta.warnings if w.message or w.type)


class TokenAnswer(_Lenient):
    """A login's answer."""

    token: Annotated[str, Field(min_length=1)]


def read_token(text: str) -> str:
    """The token of a login.

    Raises:
        SourceUnreachable: there is none.
    """
    return _read(TokenAnswer, text, "login").token


def read_data(text: str, what: str) -> DataAnswer:
    """An answer with points.

    Raises:
        SourceUnreachable: it is none.
    """
    return _read(DataAnswer, text, what)


def read_index(answer: DataAnswer) -> tuple[datetime, float]:
    """The current percentile with its point in time.

    Raises:
        SourceUnreachable: there is none from 0 to 100.
    """
    _require_units(answer, "percentile", "signal-index")
    for point in answer.data:
        if point.value is not None and 0 <= point.value <= 100:
            return point.point_time, point.value
    raise SourceUnreachable("WattTime's signal-index has no value from 0 to 100")


def read_moer(answer: DataAnswer, what: str) -> Series:
    """Marginal intensities in g/kWh as an even series.

    Raises:
        SourceUnreachable: the unit is another, or nothing usable is left.
    """
    _require_units(answer, "lbs_co2_per_mwh", what)
    points = [
        (point.point_time, None if point.value is None else point.value * LB_PER_MWH_TO_G_PER_KWH)
        for point in answer.data
    ]
    highest = HIGHEST_LB_PER_MWH * LB_PER_MWH_TO_G_PER_KWH
    try:
        period = answer.meta.data_point_period_seconds
        return even_series(points, period, lowest=0.0, highest=highest)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"WattTime's {what}: {error}") from error


def error_text(text: str) -> str:
    """What an error answer says: JSON's message, msg, error or detail, else the text itself."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = None
    if isinstance(raw, dict):
        for key in ("message", "msg", "error", "detail"):
            if raw.get(key):
                return _one_line(raw[key])
    return _one_line(text) or "no text"


def _require_units(answer: DataAnswer, expected: str, what: str) -> None:
    units = answer.meta.units
    if units is not None and units != expected:
        raise SourceUnreachable(f"WattTime's {what} is in {units!r}, expected {expected!r}")


def _read(shape: type[A], text: str, what: str) -> A:
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        raise SourceUnreachable(
            f"WattTime's {what} answer makes no sense: {explain(error)[:300]}"
        ) from error


def _one_line(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return " ".join(str(value).split())[:300]
