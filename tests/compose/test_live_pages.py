"""The dashboard in its container: people look at it and, where it is allowed, act through it."""

from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import expect

LIMIT_MS = 60_000

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]


@pytest.fixture
def page(chromium):
    """A page of a visitor's own."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1400})
    yield context.new_page()
    context.close()


def address_of(project):
    return f"http://127.0.0.1:{project.environment['DASHBOARD_PORT']}"


def test_it_says_that_it_lives_is_ready_and_how_long_its_pages_take(project, page):
    address = address_of(project)
    page.goto(address, timeout=LIMIT_MS)
    page.get_by_text("Grid now").first.wait_for(timeout=LIMIT_MS)

    def answer(path):
        return httpx.get(f"{address}/{path}", timeout=10).raise_for_status()

    assert answer("livez").text == "ok"
    assert answer("readyz").json() == {"ready": True, "problems": {}}
    assert 'carbonq_dashboard_page_duration_seconds_count{page="Live"}' in answer("metrics").text


def test_by_itself_it_lets_nobody_act(project, page):
    page.goto(f"{address_of(project)}/submit", timeout=LIMIT_MS)
    page.get_by_text("Grid now").first.wait_for(timeout=LIMIT_MS)
    expect(page.get_by_role("button", name="Submit this job")).to_have_count(0)


def test_with_actions_a_visitor_submits_a_job_that_runs(project, page, until):
    acting = replace(project, overrides=("deploy/dashboard-actions.yml",))
    acting.compose("up", "-d", "--no-deps", "--wait", "dashboard")
    page.goto(f"{address_of(project)}/submit", timeout=LIMIT_MS)
    page.get_by_role("combobox", name="Job type").click(timeout=LIMIT_MS)
    page.get_by_role("option", name="fraud_check").click()
    page.get_by_role("heading", name="Would").first.wait_for(timeout=LIMIT_MS)
    page.get_by_role("button", name="Submit this job").click(timeout=LIMIT_MS)
    page.get_by_role("link", name="Open the job").click(timeout=LIMIT_MS)
    page.wait_for_url("**/job?id=*", timeout=LIMIT_MS)
    job_id = str(UUID(page.url.split("id=")[1]))
    until(lambda: project.job(job_id)["state"] == "succeeded", 120, 1)
    project.compose("up", "-d", "--no-deps", "--wait", "dashboard")
