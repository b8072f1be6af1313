"""The page Submit: the form, what it foresees, and what it sends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import actions
from shared.client import JobHandle
from shared.errors import PublishFailed
from shared.ledger.schema import migrate
from shared.messages import JobSubmit

OpenPage = Callable[..., AppTest]
Fill = Callable[..., str]
CATALOGUE = """
[jobs.ml_training]
max_band = "very_low"
expected_duration_seconds = 900
power_watts = 250
deadline_seconds = 72000
"""


def said(page: AppTest) -> str:
    notes = (*page.info, *page.warning, *page.error, *page.success, *page.caption, *page.markdown)
    return "\n".join(str(note.value) for note in notes)


def headline(page: AppTest) -> str:
    return next((str(each.value) for each in page.markdown if "Would" in str(each.value)), "")


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "jobs.toml"
    path.write_text(CATALOGUE)
    monkeypatch.setenv("JOBS_FILE", str(path))
    return path


@pytest.fixture
def may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_ACTIONS", "true")


def chosen(page: AppTest, kind: str = "ml_training") -> AppTest:
    return page.selectbox(key="submit_type").set_value(kind).run()


def test_it_begins_with_nothing_foreseen(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = open_page("submit")
    assert not page.exception
    assert page.selectbox(key="submit_type").options == ["ml_training"]
    assert not headline(page)
    assert page.button(key="submit_job").disabled


def test_a_job_is_foreseen_with_its_saving(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = chosen(open_page("submit"))
    assert not page.exception
    assert "Would run at" in headline(page)
    assert "saving" in headline(page)
    assert headline(page).endswith("\N{NO-BREAK SPACE}%")
    assert "As usual: very low" in page.selectbox(key="submit_band").placeholder
    assert "What this cannot know" in said(page)


def test_a_critical_job_would_run_now(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = chosen(open_page("submit"))
    page.selectbox(key="submit_priority").set_value("critical").run()
    assert "Would run now" in headline(page)


def test_without_a_grid_a_job_would_run_now(ledger_url: str, open_page: OpenPage) -> None:
    migrate(ledger_url)
    page = chosen(open_page("submit"))
    assert "Would run now" in headline(page)
    assert "The grid is unknown" in said(page).replace("\\", "")


def test_a_simulated_grid_is_marked_in_the_preview(fill: Fill, open_page: OpenPage) -> None:
    fill(simulated=True)
    badges = [each for each in chosen(open_page("submit")).markdown if "SIMULATED" in each.value]
    assert len(badges) == 2


def test_with_the_index_alone_no_gram_is_foreseen(fill: Fill, open_page: OpenPage) -> None:
    fill(grams=False)
    page = chosen(open_page("submit"))
    assert not page.exception
    assert headline(page).startswith("#### Would ")
    assert "index" in said(page)
    assert "g/kWh" not in said(page)


def test_without_a_ledger_the_preview_says_so(open_page: OpenPage) -> None:
    page = chosen(open_page("submit"))
    assert not page.exception
    assert page.error
    assert not headline(page)


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("submit_deadline", "soon", "Done within"),
        ("submit_duration", "-3", "Runs for about"),
    ],
)
def test_a_wrong_field_is_named(
    fill: Fill, open_page: OpenPage, key: str, value: str, names: str
) -> None:
    fill()
    page = chosen(open_page("submit"))
    page.text_input(key=key).set_value(value).run()
    assert names in page.error[0].value
    assert page.button(key="submit_job").disabled


@pytest.mark.parametrize("payload", ["{", "[1]", "nonsense"])
def test_a_wrong_payload_is_named(fill: Fill, open_page: OpenPage, payload: str) -> None:
    fill()
    page = chosen(open_page("submit"))
    page.text_area(key="submit_payload").set_value(payload).run()
    assert "Payload" in page.error[0].value
    assert page.button(key="submit_job").disabled


def test_a_type_that_is_no_name_is_refused(
    fill: Fill, open_page: OpenPage, catalogue: Path
) -> None:
    fill()
    catalogue.write_text('[jobs."ml training!"]')
    page = chosen(open_page("submit"), "ml training!")
    assert "type" in page.error[0].value
    assert page.button(key="submit_job").disabled


def test_a_broken_catalogue_is_said_and_the_form_stays(
    fill: Fill, open_page: OpenPage, catalogue: Path
) -> None:
    fill()
    catalogue.write_text("[jobs.x]\ncolour = 1\n")
    page = open_page("submit")
    assert not page.exception
    assert "colour" in page.warning[0].value


def test_a_dashboard_for_reading_only_still_foresees(fill: Fill, open_page: OpenPage) -> None:
    fill()
    page = chosen(open_page("submit"))
    assert headline(page)
    assert page.button(key="submit_job").disabled
    assert "DASHBOARD_ACTIONS=true" in said(page)


def test_what_is_sent_is_what_the_form_says(
    fill: Fill, open_page: OpenPage, may_act: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[JobSubmit] = []

    def submit(_: object, job: JobSubmit) -> JobHandle:
        sent.append(job)
        if len(sent) == 1:
            raise PublishFailed("the broker did not confirm the job")
        return JobHandle(job.id or UUID(int=0))

    monkeypatch.setattr(actions, "submit", submit)
    fill()
    page = chosen(open_page("submit"))
    page.text_area(key="submit_payload").set_value('{"dataset": "q3"}').run()
    page.text_input(key="submit_deadline").set_value("6h").run()
    page.button(key="submit_job").click().run()
    assert "did not confirm" in page.error[0].value
    page.button(key="submit_job").click().run()
    assert "Submitted" in said(page)
    assert sent[0].id == sent[1].id, "a job that may have arrived is sent again under its id"
    fields: dict[str, Any] = sent[1].model_dump(exclude_none=True)
    del fields["id"]
    assert fields == {
        "type": "ml_training",
        "payload": {"dataset": "q3"},
        "deadline_seconds": 21_600.0,
        "interruptible": False,
    }
    page.button(key="submit_job").click().run()
    assert sent[2].id != sent[1].id, "the next one is another job"
