"""Which source serves which region, in which order: from the settings to a chain's links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import structlog

from services.intensity_publisher.backfill import Archive
from services.intensity_publisher.chain import Link
from services.intensity_publisher.providers import Source
from services.intensity_publisher.providers.electricity_maps import ElectricityMaps
from services.intensity_publisher.providers.http import Observer
from services.intensity_publisher.providers.recorded_trace import RecordedTrace
from services.intensity_publisher.providers.uk_carbon_intensity import UkCarbonIntensity
from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.providers.watttime_answers import DEFAULT_PERIOD_SECONDS
from services.intensity_publisher.settings import PublisherSettings
from shared.domain.grid import Reading
from shared.errors import ConfigurationError

Clock = Callable[[], datetime]
ELECTRICITY_MAPS_URL = "https://api.electricitymaps.com"
UK_CARBON_INTENSITY_URL = "https://api.carbonintensity.org.uk"
log = structlog.get_logger()
STALE_AFTER_SECONDS = {
    "watttime": 900.0,
    "electricity_maps": 7200.0,
    "uk_carbon_intensity": 3600.0,
    "recorded_trace": 3600.0,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One source of a region's order."""

    name: str
    stale_after_seconds: float


def choices(text: str, regions: Sequence[str], *, has_maps: bool) -> dict[str, list[Choice]]:
    """Each region's sources in their order.

    Args:
        text: `watttime>electricity_maps@7200`, for all regions or as `REGION=...` with commas;
            empty means WattTime, for Great Britain its own service.
        regions: the regions to serve.
        has_maps: whether Electricity Maps can be asked where nothing is said.

    Raises:
        ConfigurationError: an unknown source, or a region without one.
    """
    usual = "watttime>electricity_maps" if has_maps else "watttime"
    chosen = {
        region: "uk_carbon_intensity" if region.split("-")[0] == "GB" else usual
        for region in regions
    }
    for part in filter(None, (each.strip() for each in text.split(","))):
        region, separator, order = part.rpartition("=")
        for name in [region] if separator else regions:
            chosen[name] = order
    unknown = sorted(set(chosen) - set(regions))
    if unknown:
        raise ConfigurationError(f"SOURCES names {unknown[0]}, which is not among the REGIONS")
    return {
        region: [_choice(each) for each in order.split(">")] for region, order in chosen.items()
    }


def _choice(text: str) -> Choice:
    name, _, seconds = text.strip().partition("@")
    if name not in STALE_AFTER_SECONDS:
        raise ConfigurationError(
            f"SOURCES: {name!r} is no source; use {', '.join(STALE_AFTER_SECONDS)}"
        )
    try:
        return Choice(name, float(seconds) if seconds else STALE_AFTER_SECONDS[name])
    except ValueError:
        raise ConfigurationError(f"SOURCES: {seconds!r} is no number of seconds") from None


def chain_links(
    settings: PublisherSettings, clock: Clock, requested: Observer
) -> dict[str, list[Link]]:
    """Build every source that is named once, and chain them by region.

    Raises:
        ConfigurationError: a source lacks its credentials.
    """
    builder, built = _Builder(settings, clock, requested), dict[str, Source]()
    has_maps = bool(settings.electricity_maps_token.get_secret_value())
    chosen = choices(settings.sources, settings.regions, has_maps=has_maps)
    links: dict[str, list[Link]] = {}
    for region, order in chosen.items():
        for choice in order:
            if choice.name not in built:
                built[choice.name] = builder.build(choice.name)
        links[region] = [Link(built[each.name], each.stale_after_seconds) for each in order]
    return links


def archives(links: Mapping[str, Sequence[Link]]) -> dict[str, Archive]:
    """The first source of each region, where it keeps its past."""
    return {
        region: WattTimeArchive(order[0].source)
        for region, order in links.items()
        if isinstance(order[0].source, WattTime)
    }


@dataclass(frozen=True, slots=True)
class WattTimeArchive:
    """WattTime's history as readings."""

    source: WattTime

    async def readings(self, region: str, start: datetime, end: datetime) -> list[Reading]:
        """The observed points of a region from `start` to `end`, in their order."""
        past = await self.source.historical(region, start, end)
        return [
            Reading(
                region=region,
                at=at,
                period_seconds=past.period_seconds or DEFAULT_PERIOD_SECONDS,
                signal=self.source.signal,
                source=self.source.name,
                simulated=past.simulated,
                intensity_g_per_kwh=round(value, 2),
            )
            for at, value in past.points
        ]


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds sources by their names."""

    settings: PublisherSettings
    clock: Clock
    requested: Observer

    def build(self, name: str) -> Source:
        builders: dict[str, Callable[[], Source]] = {
            "watttime": self._watttime,
            "electricity_maps": self._electricity_maps,
            "uk_carbon_intensity": self._uk_carbon_intensity,
            "recorded_trace": self._recorded_trace,
        }
        return builders[name]()

    def _client(self, base_url: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=base_url, timeout=self.settings.source_timeout_seconds)

    def _watttime(self) -> WattTime:
        settings = self.settings
        account = watttime_account(settings)
        return WattTime(
            self._client(account.url),
            account.username,
            account.password,
            self.clock,
            horizon_hours=settings.forecast_hours,
            observer=self.requested,
        )

    def _electricity_maps(self) -> ElectricityMaps:
        token = self.settings.electricity_maps_token.get_secret_value()
        if not token:
            raise ConfigurationError("ELECTRICITY_MAPS_TOKEN is not set, and SOURCES names it")
        return ElectricityMaps(
            self._client(ELECTRICITY_MAPS_URL),
            token,
            self.clock,
            zones=zones(self.settings.electricity_maps_zones),
            observer=self.requested,
        )

    def _uk_carbon_intensity(self) -> UkCarbonIntensity:
        return UkCarbonIntensity(
            self._client(UK_CARBON_INTENSITY_URL), self.clock, observer=self.requested
        )

    def _recorded_trace(self) -> RecordedTrace:
        settings = self.settings
        if settings.recorded_trace is None:
            raise ConfigurationError("RECORDED_TRACE is not set, and SOURCES names it")
        return RecordedTrace(
            settings.recorded_trace,
            self.clock,
            signal=settings.recorded_trace_signal,
            forecasts=settings.recorded_forecasts,
            starts_now=True,
        )


@dataclass(frozen=True, slots=True)
class WattTimeAccount:
    """Where to log in, and as whom."""

    url: str
    username: str
    password: str = field(repr=False)


def watttime_account(settings: PublisherSettings) -> WattTimeAccount:
    """The account that is set, else the emulator's.

    Raises:
        ConfigurationError: neither is set, or only half of one.
    """
    username, password = settings.watttime_username, settings.watttime_password.get_secret_value()
    if username and password:
        return WattTimeAccount(settings.watttime_url, username, password)
    emulator = httpx.URL(settings.emulator_url.get_secret_value())
    if username or password or not emulator.host:
        raise ConfigurationError(
            "WATTTIME_USERNAME and WATTTIME_PASSWORD are not both set; "
            "`carbon-aware up` runs without an account, on the emulator"
        )
    log.warning("no WattTime account is set: all data is simulated", emulator=emulator.host)
    url = str(emulator.copy_with(userinfo=b""))
    return WattTimeAccount(url, emulator.username, emulator.password)


def zones(text: str) -> dict[str, str]:
    """Zones by region from `REGION=ZONE,REGION=ZONE`.

    Raises:
        ConfigurationError: a part is not of that form.
    """
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    for region, separator, zone in pairs:
        if not (region and separator and zone):
            raise ConfigurationError("ELECTRICITY_MAPS_ZONES must read REGION=ZONE,REGION=ZONE")
    return {region: zone for region, _, zone in pairs}
