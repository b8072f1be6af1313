"""The rows that the page Savings draws, from what the ledger says; pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from dashboard import units, words
from shared.domain.savings import REFERENCE_G_PER_KWH
from shared.ledger.reads.report_rows import CurvePoint, GroupBy, ReportRow
from shared.ledger.reads.waiting import DeferralCost, WaitBucket

EMITTED, AT_SUBMISSION = "really emitted", "if run at submission"
REFERENCE = f"at a fixed {REFERENCE_G_PER_KWH:.0f} g/kWh (reference only)"
PROMISED, REALISED = "promised by the first decision", "realised"
GROUPS_SHOWN = 12
"""Bars beyond these would be thinner than their names; the table has all groups."""
MINUTE, HOUR = 60.0, 3600.0
WAIT_EDGES_SECONDS = (
    *(0.0, 10.0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR),
    *(3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR),
)
"""Where each bar of the waits begins."""
LEFT, RIGHT = "left", "right"
NAME_WIDTH, NAME_HEIGHT = 0.3, 0.09
"""What a name takes of the width and height of a chart, on a narrow screen."""
Row = dict[str, object]


def running_sums(points: Sequence[CurvePoint], until: datetime, unit: units.Unit) -> pd.DataFrame:
    """Three lines over time: `at`, `line`, `value`; they hold until the end of the period."""
    rows: list[Row] = []
    for point in (*points, *(_last(points, until))):
        for line, grams in (
            (EMITTED, point.emissions_g),
            (AT_SUBMISSION, point.baseline_g),
            (REFERENCE, point.reference_g),
        ):
            rows.append({"at": point.at, "line": line, "value": unit.of(grams)})
    return pd.DataFrame(rows, columns=["at", "line", "value"])


def _last(points: Sequence[CurvePoint], until: datetime) -> Sequence[CurvePoint]:
    if not points or points[-1].at >= until:
        return ()
    last = points[-1]
    return (CurvePoint(until, last.emissions_g, last.baseline_g, last.reference_g),)


def sums_unit(points: Sequence[CurvePoint]) -> units.Unit:
    """The unit that suits all three lines."""
    return units.mass(
        grams
        for point in points[-1:]
        for grams in (point.emissions_g, point.baseline_g, point.reference_g)
    )


def avoided(rows: Sequence[ReportRow], by: GroupBy, unit: units.Unit) -> pd.DataFrame:
    """What each group avoided: `group`, `value`, `percent`, `jobs`."""
    known = [row for row in rows if row.avoided_g is not None]
    shown = known if by is GroupBy.DAY else largest(known, lambda row: abs(row.avoided_g or 0.0))
    return pd.DataFrame(
        [
            {
                "group": row.group,
                "value": unit.of(row.avoided_g),
                "percent": words.signed_percent(row.avoided_percent),
                "jobs": row.known_jobs,
            }
            for row in shown
        ],
        columns=["group", "value", "percent", "jobs"],
    )


def largest(rows: Sequence[ReportRow], size: Callable[[ReportRow], float]) -> Sequence[ReportRow]:
    """The rows that matter most, largest first."""
    return sorted(rows, key=size, reverse=True)[:GROUPS_SHOWN]


def promises(rows: Sequence[ReportRow], by: GroupBy, unit: units.Unit) -> pd.DataFrame:
    """Promised beside realised: `group`, `which`, `value`, `jobs`."""
    told = [row for row in rows if row.promised_jobs]
    if by is GroupBy.DAY:
        shown: Sequence[ReportRow] = told[-GROUPS_SHOWN:]
    else:
        shown = largest(told, lambda row: abs(row.promised_g or 0.0))
    pairs = ((PROMISED, "promised_g"), (REALISED, "realised_g"))
    return pd.DataFrame(
        [
            {
                "group": row.group,
                "which": which,
                "value": unit.of(getattr(row, name)),
                "jobs": row.promised_jobs,
            }
            for row in shown
            for which, name in pairs
        ],
        columns=["group", "which", "value", "jobs"],
    )


def waits(buckets: Sequence[WaitBucket]) -> pd.DataFrame:
    """How many jobs waited how long: `wait` in words, in its order, and `jobs`.

    Each bucket counts where its mean lies. Empty bars at the end are left out.
    """
    counts: Counter[int] = Counter()
    for bucket in buckets:
        # A skewed clock may have made waits negative.
        counts[bisect_right(WAIT_EDGES_SECONDS, max(0.0, bucket.mean_seconds)) - 1] += bucket.jobs
    places = range(max(counts, default=-1) + 1)
    return pd.DataFrame(
        [{"wait": _bar(place), "jobs": counts[place]} for place in places],
        columns=["wait", "jobs"],
    )


def _bar(place: int) -> str:
    start = words.duration(WAIT_EDGES_SECONDS[place])
    if place + 1 == len(WAIT_EDGES_SECONDS):
        return f"over {start}"
    end = words.duration(WAIT_EDGES_SECONDS[place + 1])
    if not place:
        return f"under {end}"
    number, _, unit = start.partition(" ")  # without its unit where the end has the same
    return f"{number if end.endswith(f' {unit}') else start}\N{EN DASH}{end}"


def waiting_against_saving(
    costs: Sequence[DeferralCost], wait: units.Unit, grams: units.Unit
) -> pd.DataFrame:
    """What waiting bought, by the mean deferred job: `group`, `wait`, `grams`, `jobs`.

    `names` is what stands beside a dot, on the `side` that has room for it: groups so near to each
    other that their names would lie on top of each other are named together.
    """
    told = pd.DataFrame(
        [
            (
                cost.group,
                wait.of(cost.mean_wait_seconds),
                grams.of(cost.avoided_g / cost.deferred_jobs),
                cost.deferred_jobs,
            )
            for cost in costs
        ],
        columns=["group", "wait", "grams", "jobs"],
    )
    places = list(zip(_share(told["wait"]), _share(told["grams"]), strict=True))
    return told.assign(
        names=_names(told["group"].tolist(), places),
        side=[RIGHT if across < 0.5 else LEFT for across, _ in places],
    )


def _share(values: pd.Series) -> list[float]:
    """Values as shares of the largest: about how far along their axis they lie."""
    span = max(float(values.abs().max()), 1e-9) if len(values) else 1.0
    return [float(value) / span for value in values]


def _names(groups: Sequence[str], places: Sequence[tuple[float, float]]) -> list[str]:
    """Each group's own name, or those of all that its name stands for; of these the rest none."""
    together: dict[int, list[str]] = {}
    for number, (group, place) in enumerate(zip(groups, places, strict=True)):
        near = (first for first in together if _meet(places[first], place))
        together.setdefault(next(near, number), []).append(group)
    return [
        _joined(together[number]) if number in together else "" for number in range(len(groups))
    ]


def _meet(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < NAME_WIDTH and abs(one[1] - other[1]) < NAME_HEIGHT


def _joined(names: Sequence[str]) -> str:
    first, *others = names
    if not others:
        return first
    return f"{first}, {others[0]}" if len(others) == 1 else f"{first} and {len(others)} more"
