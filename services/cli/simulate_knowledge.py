"""`simulate --forecast`: what the policies know of the future."""

from pathlib import Path

import typer

from services.cli.simulate_files import read_forecasts
from shared.domain.forecaster import Forecaster
from shared.domain.replay import BuiltIn, Foreseen, Issued, Knowledge, noisy
from shared.domain.windows import Series

OPTION = "--forecast"


def knowledge(forecast: str, trace: Series, series: Series, day_s: float) -> Knowledge:
    """The knowledge that an option names.

    Args:
        forecast: `perfect`, `builtin`, `noise:SHARE:SEED` or the path of a file.
        trace: what was recorded.
        series: the same, with its last value held on.
        day_s: length of a day.

    Raises:
        BadParameter: the option names nothing of these.
        BadInput: the file cannot be used.
    """
    if forecast == "perfect":
        return Foreseen(series)
    if forecast == "builtin":
        return BuiltIn(series, Forecaster(series.period_s, day_s))
    if forecast.startswith("noise:"):
        share, seed = _noise(forecast)
        return noisy(series, share, seed, len(trace))
    if Path(forecast).suffix == ".csv" or Path(forecast).exists():
        return Issued(series, read_forecasts(Path(forecast), series.period_s))
    raise typer.BadParameter(
        f"must be perfect, builtin, noise:0.05:SEED or a file (given {forecast!r})",
        param_hint=OPTION,
    )


def in_words(forecast: str) -> str:
    """The knowledge as a title says it."""
    if forecast == "perfect":
        return "perfect forecast"
    if forecast == "builtin":
        return "built-in forecast"
    if forecast.startswith("noise:"):
        share, _ = _noise(forecast)
        return f"truth with {100 * share:g} % noise as forecast"
    return f"forecasts of {Path(forecast).name}"


def _noise(forecast: str) -> tuple[float, int]:
    try:
        _, share_text, seed_text = forecast.split(":")
        share, seed = float(share_text), int(seed_text)
    except ValueError:
        share, seed = -1.0, -1
    if not 0 <= share < float("inf") or seed < 0:
        raise typer.BadParameter(
            f"must look like noise:0.05:1, a share and a seed (given {forecast!r})",
            param_hint=OPTION,
        )
    return share, seed
