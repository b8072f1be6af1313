"""WattTime's answers, read with care: only our own error comes out of a bad one."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from services.intensity_publisher.providers.answers import (
    Instant,
    Lenient,
    one_line,
    or_default,
    read,
)
from services.intensity_publisher.providers.series import Series, even_series
from shared.domain.grid import LB_PER_MWH_TO_G_PER_KWH
from shared.errors import SourceUnreachable

HIGHEST_LB_PER_MWH = 3500.0
DEFAULT_PERIOD_SECONDS = 300.0


class PointAnswer(Lenient):
    """One point; WattTime's numbers come as int, float, or null."""

    point_time: Instant
    value: Annotated[float | None, Field(allow_inf_nan=False)] = None


class WarningAnswer(Lenient):
    """A warning of WattTime's own."""

    type: Annotated[str, or_default("")] = ""
    message: Annotated[str, or_default("")] = ""


def _object_or_none(value: object) -> object:
    return value if isinstance(value, dict) else None


class ModelAnswer(Lenient):
    """Which of its models WattTime used."""

    date: Annotated[str | None, BeforeValidator(lambda value: value and str(value))] = None


class MetaAnswer(Lenient):
    """What a data answer says of itself; any part may be missing."""

    data_point_period_seconds: Annotated[
        float, Field(ge=1, le=86_400, allow_inf_nan=False), or_default(DEFAULT_PERIOD_SECONDS)
    ] = DEFAULT_PERIOD_SECONDS
    units: str | None = None
    generated_at: Instant | None = None
    model: Annotated[ModelAnswer | None, BeforeValidator(_object_or_none)] = None
    warnings: Annotated[tuple[WarningAnswer, ...], or_default(())] = ()


class DataAnswer(Lenient):
    """The shape that signal-index, forecast and historical share."""

    data: tuple[PointAnswer, ...]
    meta: Annotated[MetaAnswer, or_default({})] = Field(default_factory=MetaAnswer)

    def warnings(self) -> tuple[str, ...]:
        """WattTime's warnings in words."""
        texts = (one_line(w.message or w.type) for w in self.meta.warnings)
        return tuple(text for text in texts if text)

    def model_date(self) -> str | None:
        """The date of the model behind it."""
        return self.meta.model.date if self.meta.model else None


class TokenAnswer(Lenient):
    """A login's answer."""

    token: Annotated[str, Field(pattern=r"^[!-~]+$")]  # it has to fit into a header


def read_token(text: str) -> str:
    """The token of a login.

    Raises:
        SourceUnreachable: there is none.
    """
    return read(TokenAnswer, text, "WattTime's login").token


def read_data(text: str, what: str) -> DataAnswer:
    """An answer with points.

    Raises:
        SourceUnreachable: it is none.
    """
    return read(DataAnswer, text, f"WattTime's {what}")


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
    highest = HIGHEST_LB_PER_MWH * LB_PER_MWH_TO_G_PER_KWH
    try:
        period = answer.meta.data_point_period_seconds
        return even_series(_grams(answer), period, lowest=0.0, highest=highest)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"WattTime's {what}: {error}") from error


def read_past(answer: DataAnswer) -> tuple[dict[datetime, float], int]:
    """Recorded marginal intensities in g/kWh, and how many points were of no use.

    Raises:
        SourceUnreachable: the unit is another.
    """
    _require_units(answer, "lbs_co2_per_mwh", "historical")
    highest = HIGHEST_LB_PER_MWH * LB_PER_MWH_TO_G_PER_KWH
    points = {at: value for at, value in _grams(answer) if value is not None}
    usable = {at: round(value, 2) for at, value in points.items() if 0.0 <= value <= highest}
    return usable, len(answer.data) - len(usable)


def _grams(answer: DataAnswer) -> list[tuple[datetime, float | None]]:
    return [
        (point.point_time, None if point.value is None else point.value * LB_PER_MWH_TO_G_PER_KWH)
        for point in answer.data
    ]


def _require_units(answer: DataAnswer, expected: str, what: str) -> None:
    units = answer.meta.units
    if units is not None and units != expected:
        raise SourceUnreachable(f"WattTime's {what} is in {units!r}, expected {expected!r}")
