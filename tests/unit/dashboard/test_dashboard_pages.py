"""The pages Savings, Plan, Workers and System in each state that a user can find them in."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.data.source import forget
from shared.ledger.prune import Pruning
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes.retention import Pruned, PruneNote

PAGES = ("savings", "plan", "workers", "system")
CHARTS = {"savings": 5, "plan": 2, "workers": 1, "system": 1}
OpenView = Callable[..., AppTest]
FillWeek = Callable[..., str]


@pytest.fixture
def open_view(ledger_url: str, tmp_path: Path) -> OpenView:
    """Open one page anew, with nothing cached from before."""
    script = tmp_path / "page.py"

    def opened(name: str, **query: str) -> AppTest:
        forget()
        script.write_text(f"from dashboard.views import {name}\n{name}.page()\n")
        at = AppTest.from_file(str(script), default_timeout=60)
        for key, value in query.items():
            at.query_params[key] = value
        return at.run()

    return opened


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def cards(page: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in page.metric}


def specs(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]


def titles(spec: Any) -> set[str]:
    """The titles of all axes of a chart."""
    if isinstance(spec, list):
        return set().union(*(titles(each) for each in spec))
    if not isinstance(spec, dict):
        return set()
    own = {
        spec[axis].get("title")
        for axis in ("x", "y")
        if isinstance(spec.get(axis), dict) and "title" in spec[axis]
    }
    return {title for title in own if title}.union(*(titles(each) for each in spec.values()))


@pytest.mark.parametrize("name", PAGES)
def test_without_a_ledger_the_page_says_how_to_start(open_view: OpenView, name: str) -> None:
    page = open_view(name)
    assert not page.exception
    assert "carbon-aware up --demo" in said(page)
    assert not page.metric
    assert not page.dataframe


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("savings", "No job that ran has ended"),
        ("plan", "No timetable yet"),
        ("workers", "No worker is running"),
        ("system", "No process was heard of"),
    ],
)
def test_an_empty_ledger_says_what_to_do_next(
    ledger_url: str, open_view: OpenView, name: str, words: str
) -> None:
    migrate(ledger_url)
    page = open_view(name)
    assert not page.exception
    assert words in said(page)
    assert "carbon-aware" in said(page)
    assert not page.get("vega_lite_chart")


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_has_data_and_units_on_its_axes(
    fill_week: FillWeek, open_view: OpenView, name: str
) -> None:
    fill_week()
    page = open_view(name)
    assert not page.exception
    charts = page.get("vega_lite_chart")
    assert len(charts) == CHARTS[name]
    assert all(len(data.data.data) > 0 for chart in charts for data in chart.proto.datasets)
    text = " ".join(sorted(titles(specs(page))))
    for wanted in {
        "savings": (
            "Sum of CO\u2082, kg",
            "CO\u2082 avoided, kg",
            "Number of jobs",
            "Mean wait, h",
            "CO\u2082 avoided by a job, g",
        ),
        "plan": ("gCO\u2082/kWh", "Work in a slot, min", "Time (your time zone)"),
        "workers": ("Jobs at once", "Time (your time zone)"),
        "system": ("gCO\u2082/kWh", "How long before it was made"),
    }[name]:
        assert wanted in text


@pytest.mark.parametrize("name", PAGES)
def test_simulated_data_is_marked(fill_week: FillWeek, open_view: OpenView, name: str) -> None:
    fill_week(simulated=True)
    assert "SIMULATED" in said(open_view(name))


@pytest.mark.parametrize("name", PAGES)
def test_with_the_index_alone_no_gram_is_shown(
    fill_week: FillWeek, open_view: OpenView, name: str
) -> None:
    fill_week(grams=False)
    page = open_view(name)
    assert not page.exception
    assert not any("CO\u2082" in title for title in titles(specs(page)))
    shown = cards(page)
    if name == "savings":
        assert shown["CO\u2082 avoided, g"] == shown["CO\u2082 emitted, g"] == "unknown"
        assert shown["Figures known for"] == "0 % of jobs"
    if name == "plan":
        assert shown["Cleanest slot with room"] == "unknown"


@pytest.mark.parametrize("name", PAGES)
def test_the_last_known_values_outlive_the_ledger(
    fill_week: FillWeek, open_view: OpenView, name: str, tmp_path: Path
) -> None:
    fill_week()
    before = open_view(name)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    page = open_view(name)
    assert not page.exception
    assert "The ledger does not answer" in said(page)
    assert set(cards(page)) == set(cards(before))
    assert len(page.dataframe) == len(before.dataframe) > 0


def test_the_choices_of_savings_stand_in_the_address(
    fill_week: FillWeek, open_view: OpenView
) -> None:
    fill_week()
    page = open_view("savings", by="Priority", period="7 days")
    figures = page.dataframe[0].value
    assert figures["Priority"].tolist() == ["critical", "high", "low", "normal", "all"]
    assert figures["Jobs"].tolist()[-1] == sum(figures["Jobs"].tolist()[:-1])


def test_kinds_of_savings_are_shown_one_at_a_time(fill_week: FillWeek, open_view: OpenView) -> None:
    fill_week()
    page = open_view("savings")
    (kinds,) = [box for box in page.get("button_group") if box.label.startswith("Kinds of")]
    assert kinds.options[1].startswith("figures unknown")
    total = page.dataframe[0].value["Jobs"].tolist()[-1]
    known = cards(page)["Figures known for"]
    assert known == f"{100 * total // (total + unknown_jobs(kinds))} % of jobs"


def unknown_jobs(kinds: Any) -> int:
    return int(kinds.options[1].split("(")[1].split()[0])


@pytest.mark.parametrize("kept", [timedelta(hours=2), timedelta(0)])
def test_savings_say_which_jobs_are_pruned_from_a_part_of_a_day(
    fill_week: FillWeek, open_view: OpenView, kept: timedelta
) -> None:
    prune(fill_week(), datetime.now(UTC) - kept)
    page = open_view("savings", period="24 hours")
    assert not page.exception
    assert "Not counted: up to " in said(page)
    assert ("No job that ran has ended" in said(page)) == (not kept)


def prune(url: str, before: datetime) -> None:
    """Delete every finished job that ended before an instant."""
    engine = open_engine(url)
    pruning, more = Pruning(PruneNote(uuid4(), datetime.now(UTC), "ana", Pruned(before))), True
    while more:
        with writing(engine) as connection:
            more = pruning.step(connection)
    engine.dispose()


def test_savings_offer_their_rows_as_files(fill_week: FillWeek, open_view: OpenView) -> None:
    fill_week()
    page = open_view("savings")
    assert [button.proto.label for button in page.get("download_button")] == [
        "Download CSV",
        "Download Parquet",
        "Download HTML",
    ]


def test_equivalents_tell_their_source(fill_week: FillWeek, open_view: OpenView) -> None:
    fill_week()
    helps = [text.proto.help for text in open_view("savings").markdown if text.proto.help]
    assert len([text for text in helps if "US EPA" in text and "2026" in text]) == 2


def test_the_plan_lists_slots_deadlines_and_early_releases(
    fill_week: FillWeek, open_view: OpenView
) -> None:
    fill_week()
    page = open_view("plan")
    assert int(cards(page)["Jobs planned"]) > 0
    slots, due = (frame.value for frame in page.dataframe)
    assert (slots["Jobs"] > 0).all()
    assert due["Deadline"].is_monotonic_increasing
    assert "early" in said(page)
    everything = open_view("plan", every="true").dataframe[0].value
    assert len(everything) == 288 > len(slots)


@pytest.mark.parametrize(
    ("rule", "words"), [("paused", "all work was paused by ana"), ("eco_off", "set by ana")]
)
def test_workers_say_what_their_size_follows(
    fill_week: FillWeek, open_view: OpenView, rule: str, words: str
) -> None:
    fill_week(rule)
    page = open_view("workers")
    assert any(words in str(note.value) for note in page.warning)
    assert cards(page)["Capacity, jobs at once"] == {"paused": "0", "eco_off": "12"}[rule]


def test_a_worker_that_died_with_jobs_is_said_so(fill_week: FillWeek, open_view: OpenView) -> None:
    fill_week()
    page = open_view("workers")
    (silent,) = [str(note.value) for note in page.warning if "is silent" in str(note.value)]
    assert silent.startswith("**host\\-900 is silent")
    assert silent.endswith(
        "gives it to another worker." if "1 job " in silent else "gives them to another worker."
    )
    pools, running = (frame.value for frame in page.dataframe)
    assert pools["State"].tolist() == ["alive", "alive", "alive", "silent"]
    assert running["Progress, %"].between(0, 100).all()
    ours = [process != "host-900" for process in running["Process"]]
    assert cards(page)["Jobs running"] == str(sum(ours))
    assert sum(ours) < len(ours)
    live = open_view("live")
    assert cards(live)["Capacity in use, jobs"].startswith(f"{sum(ours)} of ")
    (told,) = [card.delta for card in live.metric if card.label == "Jobs running"]
    assert told == f"{len(ours) - sum(ours)} in a silent worker"
    assert "**ana** paused" in said(page)


def test_a_service_that_is_not_alive_is_named(
    fill: Callable[..., str], open_view: OpenView
) -> None:
    fill()
    page = open_view("system")
    assert any("Not alive: intensity publisher" in str(note.value) for note in page.warning)


def test_the_system_page_tells_processes_queues_and_settings(
    fill_week: FillWeek, open_view: OpenView
) -> None:
    fill_week()
    page = open_view("system")
    assert not page.warning
    services, sources, queues, dead, rejected, errors, *settings = (
        frame.value for frame in page.dataframe
    )
    assert services["Version"].unique().tolist() == ["0.1.0"]
    assert sources["Order of sources"].tolist() == ["WattTime, then Electricity Maps"]
    jobs = dict(zip(queues["Queue"], queues["Jobs"], strict=True))
    assert jobs["dead letters, failed for good"] == len(dead)
    assert jobs["rejected messages, no valid jobs"] == len(rejected) == 2
    assert errors["Made before"].tolist() == ["1 h", "3 h", "6 h", "12 h", "1 d"]
    assert len(settings) == 4
    assert dict(zip(settings[0]["Setting"], settings[0]["Value"], strict=True)) == {
        "LOG_LEVEL": "INFO",
        "NAMESPACE": "not set",
        "REGIONS": "CAISO_NORTH",
        "SLOT_SECONDS": "300.0",
        "SOURCES": "watttime@900",
    }
