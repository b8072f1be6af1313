"""How far forecasts were off: what was forecast before, against what was observed then."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.grid import Curve

SAME_INSTANT_S = 1.0
"""Points of a forecast and of a record are of one grid; their instants differ by rounding alone."""


@dataclass(frozen=True, slots=True)
class IssuedForecast:
    """A forecast as it was told.

    Attributes:
        at_s: start of the point that held when it was told (Unix seconds).
        curve: its values in g/kWh.
        issued_until_s: up to there the provider's own values, beyond it the built-in ones;
            None where all are built in.
    """

    at_s: float
    curve: Curve
    issued_until_s: float | None


@dataclass(frozen=True, slots=True)
class ForecastError:
    """The error of forecasts at one lead time.

    Attributes:
        lead_seconds: how long before the point the forecast was made.
        is_issued: whether the provider's own forecast said it, or the built-in one.
        points: how many forecast values were compared.
        mean_absolute_g_per_kwh: mean of |forecast - observed|.
        bias_g_per_kwh: mean of forecast - observed; positive where forecasts were too high.
        percent: the mean absolute error as a share of the mean observed value; None where that
            is 0. (A mean of single percentages has no value where an intensity of 0 occurs.)
    """

    lead_seconds: float
    is_issued: bool
    points: int
    mean_absolute_g_per_kwh: float
    bias_g_per_kwh: float
    percent: float | None


def forecast_errors(
    issued: Iterable[IssuedForecast],
    observed_g_per_kwh: Mapping[float, float],
    leads_seconds: Sequence[float],
) -> list[ForecastError]:
    """Compare forecasts with what came.

    Args:
        issued: the forecasts, each told at another time.
        observed_g_per_kwh: what was observed, by the start of its point (Unix seconds).
        leads_seconds: which lead times to look at.

    Returns:
        One entry for each lead time and maker with a value to compare, by lead time.
    """
    observed = {round(at_s / SAME_INSTANT_S): value for at_s, value in observed_g_per_kwh.items()}
    pairs: dict[tuple[float, bool], list[tuple[float, float]]] = defaultdict(list)
    for forecast in issued:
        for lead_s in leads_seconds:
            at_s = forecast.at_s + lead_s
            came = observed.get(round(at_s / SAME_INSTANT_S))
            said = forecast.curve.at(at_s)
            if came is None or said is None:
                continue
            until_s = forecast.issued_until_s
            is_issued = until_s is not None and at_s < until_s
            pairs[lead_s, is_issued].append((said, came))
    in_order = sorted(pairs, key=lambda key: (key[0], not key[1]))
    return [_error(lead_s, pairs[lead_s, made], is_issued=made) for lead_s, made in in_order]


def _error(
    lead_seconds: float, pairs: Sequence[tuple[float, float]], *, is_issued: bool
) -> ForecastError:
    count = len(pairs)
    absolute = sum(abs(said - came) for said, came in pairs) / count
    mean = sum(came for _, came in pairs) / count
    return ForecastError(
        lead_seconds=lead_seconds,
        is_issued=is_issued,
        points=count,
        mean_absolute_g_per_kwh=absolute,
        bias_g_per_kwh=sum(said - came for said, came in pairs) / count,
        percent=100 * absolute / mean if mean else None,
    )
