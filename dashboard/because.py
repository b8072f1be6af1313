"""Why a decision was taken, in the viewer's own time zone; pure."""

from datetime import tzinfo

from dashboard import words
from shared.domain.reasons import Cause
from shared.ledger.reads import DecisionRow

_SENTENCES = {
    Cause.DEADLINE_PASSED: "It can no longer finish by its deadline; its latest start was {latest}",
    Cause.CRITICAL: "Critical jobs run at once, on any grid",
    Cause.LATEST_START: "It cannot wait for another slot: its latest start is {latest}",
    Cause.GRID_UNKNOWN: "The grid is unknown, and no job is held by missing data",
    Cause.IN_BAND: "The grid is at {grid}, within its limit, the {limit} band",
    Cause.NOTHING_CLEANER: "Nothing cleaner has room before its latest start, {latest}",
    Cause.CLEANER_LATER: "The grid is at {grid}; {cleaner} is expected at {planned}",
    Cause.OUT_OF_BAND: "The grid is at {grid}, its limit is the {limit} band; no cleaner window is "
    "known yet, so it is looked at again by {planned}",
    Cause.POOLS_FULL: "The workers have no free place; the next room is at {planned}",
}


def because(row: DecisionRow, zone: tzinfo) -> str:
    """One sentence without its full stop; orders of people are told as they were recorded."""
    sentence = _SENTENCES.get(row.cause)
    if sentence is None:
        return row.reason[:1].upper() + row.reason[1:]
    return sentence.format(
        latest=words.moment(row.latest_start, row.at, zone),
        grid=grid_words(row),
        limit=row.max_band.words,
        cleaner=_cleaner(row),
        planned=words.UNKNOWN
        if row.planned_at is None
        else words.moment(row.planned_at, row.at, zone),
    )


def numbers(row: DecisionRow, zone: tzinfo) -> list[str]:
    """What the decision saw and expected."""
    seen = f"Grid in {row.region}: {grid_words(row)}, {row.freshness.value}"
    if row.forecast_age_seconds is not None:
        seen += f"; forecast {words.duration(row.forecast_age_seconds)} old"
    slack = (row.latest_start - (row.planned_at or row.at)).total_seconds()
    latest = f"Latest start {words.moment(row.latest_start, row.at, zone)}"
    if slack >= 1:
        latest += f", {words.duration(slack)} of slack"
    lines = [seen, latest]
    if row.expected_g_per_kwh is not None and row.window_g_per_kwh and row.planned_at is not None:
        less = words.signed_percent(100 * (row.expected_g_per_kwh / row.window_g_per_kwh - 1))
        lines.append(
            f"Expected then {row.expected_g_per_kwh:.0f} g/kWh against "
            f"{row.window_g_per_kwh:.0f} g/kWh at once ({less})"
        )
    if row.expected_saving_g:
        lines.append(f"Expected saving {words.with_unit(words.mass(row.expected_saving_g))}")
    return lines


def grid_words(row: DecisionRow) -> str:
    """`317 g/kWh (high)`, or the index where grams are not known."""
    if row.intensity_g_per_kwh is not None:
        return f"{row.intensity_g_per_kwh:.0f} g/kWh ({row.band.words})"
    if row.index_percent is not None:
        return f"index {row.index_percent:.0f} ({row.band.words})"
    return row.band.words


def _cleaner(row: DecisionRow) -> str:
    expected, at_once = row.expected_g_per_kwh, row.window_g_per_kwh
    if expected is None or not at_once:
        return "cleaner power"
    return f"{expected:.0f} g/kWh, {100 * (1 - expected / at_once):.0f} % less,"
