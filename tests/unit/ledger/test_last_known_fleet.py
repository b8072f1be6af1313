"""The processes as they were last heard, where none is heard any more."""

from typing import Any

from shared.ledger import reads


def test_where_none_is_alive_the_last_known_processes_are_those_of_the_last_beat(
    ledger: Any, story: Any
) -> None:
    beats = (story.beat(20), story.beat(12, instance="host-2"), story.beat(-20, instance="host-3"))
    ledger.record(*beats)
    heard = reads.services(ledger.engine, story.at(30))
    assert reads.silent_since(heard) is None
    assert reads.last_known(heard) == heard
    silent = reads.services(ledger.engine, story.at(600))
    assert not any(row.alive for row in silent)
    assert reads.silent_since(silent) == story.at(20)
    assert [row.alive for row in reads.last_known(silent)] == [True, True, False]
    assert reads.silent_since([]) is None
