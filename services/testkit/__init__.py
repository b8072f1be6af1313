"""For tests of your jobs on a real RabbitMQ: a pytest plugin that runs everything they need.

# conftest.py
pytest_plugins = ["services.testkit"]

# test_reports.py
def test_a_report_has_its_rows(carbon_aware):
    with carbon_aware("myjobs") as system:
        job = system.client.submit("nightly_report", {"day": "2026-11-01"})
        assert system.client.wait(job, timeout_seconds=30).expect() == {"rows": 17}

The broker is AMQP_URL's, or a private RabbitMQ that is started once for all tests and stopped at
their end. Each system has a namespace of its own on it, with a scheduler and a worker pool that
run the handlers of your module inside the test's process. To test one handler without a broker,
use `shared.testing`.
"""

from services.testkit.broker import carbon_aware_broker
from services.testkit.fixture import carbon_aware
from services.testkit.system import SystemUnderTest

__all__ = ["SystemUnderTest", "carbon_aware", "carbon_aware_broker"]
