"""The pages while nothing is heard from any process: the broker is away, or all were stopped."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from shared.ledger.schema import open_engine
from shared.ledger.tables import services

OpenPage = Callable[..., AppTest]
PAGES = ("", "jobs", "savings", "plan", "workers", "system", "submit", "job")
BANNER = "Nothing is heard from the services since"
HOURS_SILENT = 5


@pytest.fixture
def silent_week(fill_week: Callable[..., str]) -> str:
    """The week in which everything happened; its last beats are some hours old."""
    url = fill_week()
    engine = open_engine(url)
    with engine.begin() as connection:
        late = timedelta(hours=HOURS_SILENT)
        for row in connection.execute(services.select()).all():
            connection.execute(
                update(services)
                .where(services.c.instance == row.instance)
                .values(at=row.at - late, interval_seconds=600.0)
            )
    engine.dispose()
    return url


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def cards(page: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in page.metric}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_since_when_nothing_is_heard(
    silent_week: str, open_page: OpenPage, name: str
) -> None:
    page = open_page(name)
    assert not page.exception
    (banner,) = [str(note.value) for note in page.warning if BANNER in str(note.value)]
    assert f"{HOURS_SILENT} h ago" in banner
    for untrue in ("No worker", "No working scheduler", "Not alive", "starts two"):
        assert untrue not in said(page)


@pytest.mark.parametrize("name", PAGES)
def test_while_a_process_is_heard_no_page_says_so(
    fill_week: Callable[..., str], open_page: OpenPage, name: str
) -> None:
    fill_week()
    assert BANNER not in said(open_page(name))


def test_live_keeps_the_last_known_workers(silent_week: str, open_page: OpenPage) -> None:
    page = open_page()
    assert not cards(page)["Capacity in use, jobs"].endswith("of 0")
    (capacity,) = [each for each in page.metric if each.label == "Capacity in use, jobs"]
    assert capacity.delta == f"as told {HOURS_SILENT} h ago"
    assert page.dataframe[0].value["At most"].sum() > 0


def test_the_page_workers_keeps_their_pools_as_silent(
    silent_week: str, open_page: OpenPage
) -> None:
    page = open_page("workers")
    pools = page.dataframe[0].value
    assert pools["State"].unique().tolist() == ["silent"]
    assert (pools["At most"].dropna() > 0).all()
    assert "host\\-102 is silent" not in said(page)
    assert int(cards(page)["Capacity, jobs at once"]) > 0
    assert last_step(page) > 0  # the line ends with the last word, not at nothing


def last_step(page: AppTest) -> int:
    (chart,) = page.get("vega_lite_chart")
    (steps,) = [each.data.data for each in chart.proto.datasets if each.name == "steps"]
    return int(convert_arrow_bytes_to_pandas_df(steps)["jobs"].iloc[-1])


def test_the_page_system_keeps_settings_and_order_with_their_age(
    silent_week: str, open_page: OpenPage
) -> None:
    page = open_page("system")
    services_now, sources, *_, settings = (frame.value for frame in page.dataframe)
    assert services_now["State"].unique().tolist() == ["silent"]
    assert sources["Order of sources"].tolist() == ["WattTime, then Electricity Maps"]
    assert "REGIONS" in settings["Setting"].tolist()
    assert f"As the processes told them {HOURS_SILENT} h ago." in said(page)


def test_the_plan_tells_its_age(silent_week: str, open_page: OpenPage) -> None:
    assert "As it was told" in said(open_page("plan"))
