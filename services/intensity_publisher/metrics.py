"""What Prometheus may ask of the publisher."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.messages import IntensityUpdated

FRESH_PERIODS = 3.0


class Metrics:
    """Counts requests and updates, and knows whether the data are fresh."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric."""
        self._last: dict[str, IntensityUpdated] = {}
        labels = ("region", "signal")
        self._intensity = Gauge(
            "carbonq_grid_intensity_grams_per_kwh",
            "Carbon intensity that holds now",
            labels,
            registry=registry,
        )
        self._success = Gauge(
            "carbonq_intensity_last_success_timestamp_seconds",
            "When a source last gave a live point",
            ("region",),
            registry=registry,
        )
        self._rung = Gauge(
            "carbonq_intensity_freshness",
            "1 for the rung that is in use",
            ("region", "freshness"),
            registry=registry,
        )
        self._band = Gauge(
            "carbonq_grid_band",
            "1 for the band that holds now",
            ("region", "band"),
            registry=registry,
        )
        self._requests = Counter(
            "carbonq_source_requests",
            "Requests to sources",
            ("source", "endpoint", "outcome"),
            registry=registry,
        )
        self._latency = Histogram(
            "carbonq_source_request_duration_seconds",
            "Time until a source answered",
            ("source", "endpoint"),
            registry=registry,
        )

    def requested(self, source: str, endpoint: str, outcome: str, seconds: float) -> None:
        """Count a request to a source."""
        self._requests.labels(source, endpoint, outcome).inc()
        self._latency.labels(source, endpoint).observe(seconds)

    def updated(self, update: IntensityUpdated) -> None:
        """Take an update that is about to be broadcast."""
        reading = update.reading
        self._last[reading.region] = update
        # Another signal's value, or one that is known no more, does not hold now.
        self._intensity.remove_by_labels({"region": reading.region})
        if reading.intensity_g_per_kwh is not None:
            gauge = self._intensity.labels(reading.region, reading.signal.value)
            gauge.set(reading.intensity_g_per_kwh)
        if update.freshness is Freshness.LIVE:
            self._success.labels(reading.region).set(update.at.timestamp())
        self._on_rung(reading.region, update.freshness)
        for band in Band:
            self._band.labels(reading.region, band.value).set(band is update.band)

    def unseen(self, region: str) -> None:
        """A poll failed of a region that no source has told of yet."""
        self._on_rung(region, Freshness.UNKNOWN)

    def stands_by(self, region: str) -> None:
        """This process polls for the region no more; who does so now knows it."""
        self._last.pop(region, None)
        for gauge in (self._intensity, self._success, self._rung, self._band):
            gauge.remove_by_labels({"region": region})

    def _on_rung(self, region: str, used: Freshness) -> None:
        for rung in Freshness:
            self._rung.labels(region, rung.value).set(rung is used)

    def stale_regions(self, now: datetime) -> dict[str, str]:
        """The polled regions whose data are not fresh, with the reason."""
        stale: dict[str, str] = {}
        for region, update in self._last.items():
            age_seconds = (now - update.at).total_seconds()
            if age_seconds > FRESH_PERIODS * update.reading.period_seconds:
                stale[region] = f"no update for {age_seconds:.0f} s"
            elif update.freshness is not Freshness.LIVE:
                stale[region] = f"{update.freshness.value}: {update.reason}"
        return stale

    def polls(self) -> bool:
        """Whether this process has polled at all; a standby has not."""
        return bool(self._last)
