"""Sources in their order: the first that gives fresh data is used, and recovery goes back up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intensity_publisher.providers import Observation, Source
from shared.errors import ConfigurationError, SourceUnreachable


@dataclass(frozen=True, slots=True)
class Link:
    """A source in a chain.

    Attributes:
        stale_after_seconds: data whose point ended longer ago than this is as good as none.
    """

    source: Source
    stale_after_seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation, and why no better source gave one (None if the first did)."""

    observation: Observation
    reason: str | None


class Chain:
    """Asks the sources of a region one after another."""

    def __init__(self, links: Mapping[str, Sequence[Link]]) -> None:
        """Take the ordered sources of every region."""
        self._links = links

    async def observe(self, region: str, now: datetime) -> Seen:
        """The first fresh observation.

        Raises:
            SourceUnreachable: no source has one; the line says why for each.
            ConfigurationError: no source answers, and one will not until a setting is changed.
        """
        reasons: list[str] = []
        refused: ConfigurationError | None = None
        for link in self._links[region]:
            try:
                seen = await link.source.observe(region, now)
            except SourceUnreachable as error:
                reasons.append(str(error))
                continue
            except ConfigurationError as error:
                # The next source may do; if none does, nothing will until a setting is changed.
                refused = refused or error
                reasons.append(str(error))
                continue
            problem = _problem(seen, link, now)
            if problem is None:
                return Seen(seen, _instead(link.source.name, reasons))
            reasons.append(f"{link.source.name}: {problem}")
        if refused is not None:
            raise refused
        raise SourceUnreachable("; ".join(reasons))

    def orders(self) -> dict[str, str]:
        """What a beat tells of each region's order: `order.<region>`, its sources by name."""
        return {
            f"order.{region}": ">".join(link.source.name for link in links)
            for region, links in self._links.items()
        }

    async def close(self) -> None:
        """Close every source once."""
        sources = {id(link.source): link.source for links in self._links.values() for link in links}
        for source in sources.values():
            await source.close()


def _problem(seen: Observation, link: Link, now: datetime) -> str | None:
    reading = seen.reading
    age_seconds = (now - reading.at).total_seconds() - reading.period_seconds
    if age_seconds > link.stale_after_seconds:
        return f"its data are {age_seconds:.0f} s old"
    if reading.intensity_g_per_kwh is None and reading.index_percent is None:
        return "it has neither an intensity nor an index"
    return None


def _instead(name: str, reasons: Sequence[str]) -> str | None:
    return f"{name} stands in: {'; '.join(reasons)}" if reasons else None
