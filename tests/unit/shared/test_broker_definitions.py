"""What RabbitMQ is told of users and limits, as far as no broker is needed to see it."""

import re

from shared.broker.rights import definitions
from shared.broker.topology import Topology

TOPOLOGY = Topology(("R",), 2)
FOUND = definitions(TOPOLOGY)


def test_they_make_no_guest():
    assert "guest" not in {user["name"] for user in FOUND["users"]}


def test_the_limit_is_one_that_refuses_instead_of_dropping():
    (policy,) = FOUND["policies"]
    assert policy["definition"]["overflow"] == "reject-publish"


def test_nobody_s_right_reaches_beyond_the_names_of_the_deployment():
    names = ("mine", "amq.topic", "amq.gen-1", "other.jobs", "jobsubmitted", "jobs.dead.more")
    for permission in FOUND["permissions"]:
        for right in ("configure", "write", "read"):
            reached = [name for name in names if re.search(permission[right], name)]
            assert reached == [], (permission["user"], right)


def test_who_declares_reads_nothing_that_is_kept_for_people_or_the_ledger():
    (read,) = [each["read"] for each in FOUND["permissions"] if each["user"] == "setup"]
    kept = (TOPOLOGY.dead, TOPOLOGY.rejected, TOPOLOGY.ledger_events, TOPOLOGY.intensity_log)
    assert [queue.name for queue in kept if re.search(read, queue.name)] == []
