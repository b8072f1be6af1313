"""How many consumers the regions' pools have, as their beats tell."""

from datetime import datetime, timedelta

from shared.domain.timetable import Timetable
from shared.messages import ServiceBeat

MISSED_BEATS = 3.0


class Pools:
    """The worker pools that are alive."""

    def __init__(self, timetable: Timetable) -> None:
        """Start with none known: the timetable then has room everywhere."""
        self._timetable = timetable
        self._beats: dict[str, ServiceBeat] = {}

    def take(self, beat: ServiceBeat) -> None:
        """Note a beat and tell the timetable what the living pools add up to."""
        if beat.service != "worker_pool":
            return
        self._beats[beat.instance] = beat
        self._beats = {key: each for key, each in self._beats.items() if _alive(each, beat.at)}
        totals: dict[str, int] = {}
        for each in self._beats.values():
            base = each.facts.get("base_consumers")
            for region in str(each.facts.get("regions") or "").split(","):
                if region and isinstance(base, int):
                    totals[region] = totals.get(region, 0) + base
        for region, consumers in totals.items():
            self._timetable.set_base(region, consumers)


def _alive(beat: ServiceBeat, now: datetime) -> bool:
    return now - beat.at <= timedelta(seconds=MISSED_BEATS * beat.interval_seconds)
