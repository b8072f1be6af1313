"""The kit for users' tests, used as they would, without asyncio."""

import sys
from pathlib import Path

import pytest

from shared.client import SyncJobClient
from shared.domain.jobs import State
from shared.errors import ConfigurationError

MODULE = "jobs_under_test"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield
    sys.modules.pop(MODULE, None)


def test_a_job_runs_on_a_real_broker(carbon_aware):
    with carbon_aware(MODULE) as system:
        job = system.client.submit("nightly_report", {"day": "2026-11-01"})
        assert system.client.wait(job, timeout_seconds=30).expect() == {"rows": 17}


def test_kinds_of_handlers_failures_and_keys_work_as_in_production(carbon_aware):
    with carbon_aware(MODULE, consumers=2) as system:
        client = system.client
        numbers = client.submit("in_a_process", {"numbers": [1, 2, 3]})
        refused = client.submit("refuse")
        wrong = client.submit("nightly_report", {"day": "d", "rows": "many"})
        first = client.submit("nightly_report", {"day": "d"}, idempotency_key="k")
        assert client.submit("nightly_report", {"day": "d"}, idempotency_key="k").id == first.id
        assert client.wait(numbers, timeout_seconds=60).result == {"sum": 6}
        assert client.wait(refused, timeout_seconds=30).state is State.DEAD
        assert "rows" in str(client.wait(wrong, timeout_seconds=30).error)


def test_a_dirty_grid_makes_jobs_wait_for_the_clean_hour(carbon_aware):
    heard = []
    with carbon_aware(MODULE) as system:
        system.grid(500, 500, 500, 100, 100, 100, period_seconds=1)
        job = system.client.submit("nightly_report", {"day": "d"}, expected_duration_seconds=1)
        result = system.client.wait(job, timeout_seconds=30, on_event=heard.append)
    assert result.succeeded
    names = [event.type for event in heard]
    assert "job.deferred.v1" in names
    assert names.index("job.deferred.v1") < names.index("job.released.v1")


def test_the_job_catalogue_may_be_tried_out(carbon_aware, tmp_path):
    path = tmp_path / "jobs.toml"
    path.write_text('[jobs.nightly_report]\nmax_band = "very_high"\n')
    heard = []
    with carbon_aware(MODULE, jobs_file=path) as system:
        system.grid(500, 500, 500, 100, 100, 100, period_seconds=10)
        job = system.client.submit("nightly_report", {"day": "d"}, priority="high")
        assert system.client.wait(job, timeout_seconds=30, on_event=heard.append).succeeded


def test_every_system_is_alone_and_leaves_nothing_behind(carbon_aware, carbon_aware_broker):
    with carbon_aware(MODULE) as one, carbon_aware(MODULE) as two:
        assert one.namespace != two.namespace
        with SyncJobClient(one.amqp_url, namespace=two.namespace) as client:
            client.submit("nightly_report", {"day": "d"})
    with (
        pytest.raises(ConfigurationError, match="is missing"),
        SyncJobClient(carbon_aware_broker, namespace=one.namespace),
    ):
        pass


def test_a_module_that_cannot_be_imported_is_said(carbon_aware):
    system = carbon_aware("nowhere")
    with pytest.raises(ConfigurationError, match="'nowhere' cannot be imported"), system:
        pass
