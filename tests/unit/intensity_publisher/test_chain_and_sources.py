"""The order of sources, what stands in for what, and how the settings say so."""

from datetime import UTC, datetime, timedelta

import pytest

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain, Link
from services.intensity_publisher.providers import Observation
from services.intensity_publisher.settings import PublisherSettings
from services.intensity_publisher.sources import chain_links, choices, watttime_account, zones
from shared.domain.bands import Band
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import ConfigurationError, SourceUnreachable
from shared.messages import IntensityUpdated

NOW = datetime(2026, 3, 1, 12, 4, tzinfo=UTC)
SLOT = NOW.replace(minute=0)


def reading(source="a", signal=Signal.MARGINAL, at=SLOT, value=100.0, index=None):
    return Reading("R", at, 300, signal, source, False, value, index)


class Scripted:
    """A source that answers, or fails, as it is told."""

    def __init__(self, name, answer):
        self.name, self.signal, self.answer, self.closed = name, Signal.MARGINAL, answer, 0

    async def observe(self, region, now):
        if isinstance(self.answer, Exception):
            raise self.answer
        return Observation(self.answer, None)

    async def close(self):
        self.closed += 1


def chain(*sources, stale=900.0):
    return Chain({"R": [Link(source, stale) for source in sources]})


def test_the_order_in_force_is_told_by_region():
    both = [Link(Scripted(name, None), 900.0) for name in ("watttime", "electricity_maps")]
    assert Chain({"R": both, "S": both[:1]}).orders() == {
        "order.R": "watttime>electricity_maps",
        "order.S": "watttime",
    }


async def test_the_first_source_that_answers_is_used():
    seen = await chain(Scripted("a", reading("a")), Scripted("b", reading("b"))).observe("R", NOW)
    assert (seen.observation.reading.source, seen.reason) == ("a", None)


async def test_a_stand_in_says_why_it_stands_in_and_recovery_goes_back_up():
    first = Scripted("a", SourceUnreachable("a answered 500"))
    both = chain(first, Scripted("b", reading("b")))
    seen = await both.observe("R", NOW)
    assert (seen.observation.reading.source, seen.reason) == (
        "b",
        "b stands in: a answered 500",
    )
    first.answer = reading("a")
    assert (await both.observe("R", NOW)).reason is None


async def test_data_that_are_too_old_count_as_none():
    old = reading("a", at=SLOT - timedelta(minutes=30))
    with pytest.raises(SourceUnreachable, match="a: its data are 1740 s old"):
        await chain(Scripted("a", old)).observe("R", NOW)


async def test_a_reading_without_any_value_counts_as_none():
    with pytest.raises(SourceUnreachable, match="neither an intensity nor an index"):
        await chain(Scripted("a", reading(value=None))).observe("R", NOW)


async def test_a_refused_login_ends_only_a_chain_that_has_nothing_else():
    refused = Scripted("a", ConfigurationError("check the password"))
    seen = await chain(refused, Scripted("b", reading("b"))).observe("R", NOW)
    assert seen.reason == "b stands in: check the password"
    with pytest.raises(ConfigurationError):
        await chain(refused, Scripted("b", SourceUnreachable("away"))).observe("R", NOW)


async def test_a_source_of_several_regions_is_closed_once():
    source = Scripted("a", reading())
    await Chain({"R": [Link(source, 1)], "S": [Link(source, 1)]}).close()
    assert source.closed == 1


def test_the_usual_sources():
    chosen = choices("", ["CAISO_NORTH", "GB", "GB-13"], has_maps=False)
    assert {region: [each.name for each in order] for region, order in chosen.items()} == {
        "CAISO_NORTH": ["watttime"],
        "GB": ["uk_carbon_intensity"],
        "GB-13": ["uk_carbon_intensity"],
    }
    assert [each.name for each in choices("", ["PJM_DC"], has_maps=True)["PJM_DC"]] == [
        "watttime",
        "electricity_maps",
    ]


def test_an_order_for_all_regions_and_one_of_its_own():
    text = "watttime@600>electricity_maps, GB=uk_carbon_intensity"
    chosen = choices(text, ["CAISO_NORTH", "GB"], has_maps=False)
    assert [(c.name, c.stale_after_seconds) for c in chosen["CAISO_NORTH"]] == [
        ("watttime", 600.0),
        ("electricity_maps", 7200.0),
    ]
    assert [each.name for each in chosen["GB"]] == ["uk_carbon_intensity"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("weather", "'weather' is no source; use watttime"),
        ("MARS=watttime", "MARS, which is not among the REGIONS"),
        ("watttime@soon", "'soon' is no number of seconds"),
    ],
)
def test_a_wrong_order_is_one_clear_line(text, hint):
    with pytest.raises(ConfigurationError, match=hint):
        choices(text, ["CAISO_NORTH"], has_maps=False)


def test_zones_are_named_by_region():
    assert zones("A=B, C=D") == {"A": "B", "C": "D"}
    with pytest.raises(ConfigurationError, match="REGION=ZONE"):
        zones("A")


@pytest.mark.parametrize(
    ("sources", "hint"),
    [
        ("watttime", "WATTTIME_USERNAME"),
        ("electricity_maps", "ELECTRICITY_MAPS_TOKEN"),
        ("recorded_trace", "RECORDED_TRACE"),
    ],
)
def test_a_source_without_its_credentials_names_the_setting(sources, hint):
    settings = PublisherSettings(_env_file=None, sources=sources)
    with pytest.raises(ConfigurationError, match=hint):
        chain_links(settings, lambda: NOW, lambda *_: None)


def test_great_britain_needs_no_key():
    settings = PublisherSettings(_env_file=None, regions=("GB",))
    links = chain_links(settings, lambda: NOW, lambda *_: None)
    assert links["GB"][0].source.signal is Signal.AVERAGE


class Archive:
    """Keeps a day."""

    def __init__(self, error=None):
        self.asked, self.error = 0, error

    async def readings(self, region, start, end):
        self.asked += 1
        if self.error:
            raise self.error
        points = range(int((end - start).total_seconds() // 300) + 1)
        return [reading(at=start + timedelta(minutes=5 * n)) for n in points]


def known(at):
    return IntensityUpdated(
        id="00000000-0000-4000-8000-000000000001",
        at=at,
        reading=reading(at=at),
        band=Band.LOW,
        freshness=Freshness.LIVE,
    )


async def test_only_what_the_stream_lacks_is_filled_in():
    since = SLOT - timedelta(hours=1)
    past = [known(SLOT - timedelta(minutes=5))]
    missing = await Backfill({"R": Archive()}).missing("R", past, since, NOW)
    assert len(missing) == 12
    assert past[0].reading.at not in {each.at for each in missing}


async def test_a_complete_history_asks_nothing():
    archive = Archive()
    since = SLOT - timedelta(hours=1)
    past = [known(since + timedelta(minutes=5 * n)) for n in range(13)]
    assert await Backfill({"R": archive}).missing("R", past, since, NOW) == []
    assert archive.asked == 0


async def test_an_archive_that_refuses_leaves_the_history_as_it_is():
    refusing = Backfill({"R": Archive(SourceUnreachable("not in the plan"))})
    assert await refusing.missing("R", [], SLOT - timedelta(hours=1), NOW) == []


async def test_only_points_of_the_week_count_towards_a_complete_history():
    archive = Archive()
    since = SLOT - timedelta(hours=1)
    older = [known(since - timedelta(minutes=5 * n)) for n in range(1, 14)]
    assert len(await Backfill({"R": archive}).missing("R", older, since, NOW)) == 13
    assert archive.asked == 1


async def test_a_span_of_the_archive_ends_before_its_end():
    start, end = SLOT - timedelta(hours=2), SLOT - timedelta(hours=1)
    found = await Backfill({"R": Archive()}).between("R", start, end)
    assert (found[0].at, found[-1].at, len(found)) == (start, end - timedelta(minutes=5), 12)


@pytest.mark.parametrize(
    "archives", [{}, {"R": Archive(SourceUnreachable("away"))}], ids=["none", "away"]
)
async def test_no_archive_or_one_that_does_not_answer_is_none(archives):
    assert await Backfill(archives).between("R", SLOT - timedelta(hours=1), SLOT) is None


def publisher_settings(**given):
    return PublisherSettings(_env_file=None, **given)


def test_without_an_account_the_emulator_is_used_under_its_own_login():
    account = watttime_account(publisher_settings(emulator_url="http://demo:p%40ss@emulator:8077"))
    assert (account.url, account.username, account.password) == (
        "http://emulator:8077",
        "demo",
        "p@ss",
    )
    assert "p@ss" not in repr(account)


def test_an_account_that_is_set_is_used_and_its_password_never_goes_to_the_emulator():
    account = watttime_account(
        publisher_settings(
            emulator_url="http://demo:p@emulator:8077",
            watttime_username="me",
            watttime_password="real",
        )
    )
    assert (account.url, account.username) == ("https://api.watttime.org", "me")


@pytest.mark.parametrize("half", [{"watttime_username": "me"}, {"watttime_password": "real"}])
def test_half_an_account_is_a_mistake_though_there_is_an_emulator(half):
    settings = publisher_settings(emulator_url="http://demo:p@emulator:8077", **half)
    with pytest.raises(ConfigurationError, match="WATTTIME_PASSWORD are not both set"):
        watttime_account(settings)
