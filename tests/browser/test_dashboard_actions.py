"""People act through the page on a real system, and the ledger agrees."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from shared.domain.jobs import State
from shared.errors import NotFound
from shared.ledger.reads import JobStatus, audit_of_job, job_status, latest_grid

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(400)]

LIMIT_MS = 60_000
CATALOGUE = Path(__file__).parents[2] / "services" / "demo" / "jobs.toml"
SIZE = (1440, 1400)


def submit(seen: Any, address: str) -> UUID:
    """Fill the form in, see the decision foreseen, send it, and open the job."""
    seen.open(f"{address}/submit")
    kind = seen.page.get_by_role("combobox", name="Job type")
    kind.click()
    seen.page.get_by_role("option", name="ml_training").click()
    seen.page.get_by_placeholder("As usual: very low").wait_for(timeout=LIMIT_MS)
    for label, text in (("Done within", "20h"), ("Runs for about", "5s")):
        seen.page.get_by_role("textbox", name=label).fill(text)
        seen.page.get_by_role("textbox", name=label).press("Enter")
    seen.page.get_by_role("heading", name="Would run at").wait_for(timeout=LIMIT_MS)
    seen.page.get_by_role("button", name="Submit this job").click()
    seen.page.get_by_role("link", name="Open the job").click(timeout=LIMIT_MS)
    seen.page.wait_for_url("**/job?id=*", timeout=LIMIT_MS)
    return UUID(seen.page.url.split("id=")[1])


def shows(page: Page, state: str) -> None:
    expect(page.locator(".stMarkdownBadge", has_text=state).first).to_be_visible(timeout=LIMIT_MS)


def test_jobs_are_submitted_run_now_and_cancelled_through_the_page(
    up: Callable[..., Any], watch: Callable[..., Any], until: Callable[..., Any]
) -> None:
    system = up(
        dashboard=True,
        DASHBOARD_ACTIONS="true",
        HANDLERS="services.demo.handlers",
        JOBS_FILE=str(CATALOGUE),
    )
    address = system.endpoints["dashboard_url"]

    def recorded(job_id: UUID, *states: State) -> JobStatus | None:
        try:
            status = job_status(system.engine, job_id)
        except NotFound:
            return None
        return status if status.state in states else None

    until(lambda: latest_grid(system.engine, None, datetime.now(UTC)), 60)
    seen = watch(SIZE)
    first = submit(seen, address)
    shows(seen.page, "waiting for cleaner power")
    deferred = recorded(first, State.DEFERRED)
    assert deferred is not None
    assert deferred.deferrals == 1
    seen.page.get_by_role("button", name="Run now").click()
    shows(seen.page, "done")
    assert recorded(first, State.SUCCEEDED)
    asked = [(row.action, row.by) for row in audit_of_job(system.engine, first)]
    assert asked == [("submit", "dashboard"), ("run_now", "dashboard")]

    second = submit(seen, address)
    shows(seen.page, "waiting for cleaner power")
    seen.page.get_by_role("button", name="Cancel", exact=True).click()
    seen.page.get_by_role("textbox", name="Reason, kept").fill("not needed any more")
    seen.page.get_by_role("textbox", name="Reason, kept").press("Enter")
    seen.page.get_by_role("button", name="Cancel this job").click()
    shows(seen.page, "cancelled")
    status = recorded(second, State.CANCELLED)
    assert status is not None
    assert (status.cancelled_by, status.cancel_reason) == ("dashboard", "not needed any more")
    assert ("cancel", "dashboard") in {
        (row.action, row.by) for row in audit_of_job(system.engine, second)
    }
    seen.complain(address)
