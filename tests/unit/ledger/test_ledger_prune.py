"""What is old goes with all that belongs to it, what is kept is whole, and nothing comes back."""

import io
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from shared.domain.jobs import State
from shared.ledger import prune, reads
from shared.ledger.dump import dump_lines
from shared.ledger.prune import Pruning, survey
from shared.ledger.rebuild import check_dump, rebuild
from shared.ledger.schema import writing
from shared.ledger.tables import audit, events, jobs, metadata, pool_sizes
from shared.ledger.writes import record
from shared.ledger.writes.retention import Pruned, PruneNote, prune_notes
from shared.messages import Action, AnyEvent

DAY = 86_400.0
LIMIT = 10 * DAY
ROLL_UPS = {"daily", "daily_waits"}
"""No event brings them back, so pruning leaves them."""


@pytest.fixture
def old(story: Any) -> list[AnyEvent]:
    """What ended before the limit."""
    return [
        *(story.intensity(300 * n, 400.0 - n) for n in range(12)),
        story.resized(5, 4),
        story.resized(9, 6),
        story.rejected(6),
        story.taken(7, Action.PAUSE),
        story.accepted(1, 0),
        story.deferred(1, 1, until=600, deferrals=1),
        story.released(1, 600, deferrals=1),
        story.started(1, 610),
        story.failed(1, 610, 700),
        story.died(1, 701, 1),
        story.accepted(2, 300),
        story.succeeded(2, 310, 900),
        story.taken(800, Action.CANCEL, job=2),
        story.beat(1),
        story.timetable(3, 1),
    ]


@pytest.fixture
def kept(story: Any) -> list[AnyEvent]:
    """What ended after the limit, or never."""
    return [
        *(story.intensity(9 * DAY + 300 * n, 200.0 + n) for n in range(8)),
        *(story.intensity(11 * DAY + 300 * n, 300.0 + n) for n in range(8)),
        story.accepted(3, 9 * DAY + 10),
        story.deferred(3, 9 * DAY + 11, until=11 * DAY, deferrals=1),
        story.taken(9 * DAY + 12, Action.RUN_NOW, job=3),
        story.released(3, 11 * DAY, deferrals=1),
        story.succeeded(3, 11 * DAY + 5, 11 * DAY + 900),
        story.accepted(4, 9 * DAY + 20),
        story.started(4, 9 * DAY + 30),
        story.rejected(11 * DAY),
        story.resized(11 * DAY, 8, "host-2"),
    ]


def note(story: Any, limit: float = LIMIT, number: int = 1) -> PruneNote:
    """A prune up to a limit, for readings too."""
    before = story.at(limit)
    return PruneNote(UUID(int=number), story.at(20 * DAY + number), "ana", Pruned(before, before))


def do_prune(ledger: Any, wanted: PruneNote) -> prune.Deleted:
    pruning = Pruning(wanted)
    more = True
    while more:
        with writing(ledger.engine) as connection:
            more = pruning.step(connection)
    return pruning.deleted


def dump(ledger: Any) -> Any:
    return {name: rows for name, rows in ledger.dump().items() if name not in ROLL_UPS}


def count(ledger: Any, table: Any, *where: Any) -> int:
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where))


def test_old_jobs_go_with_everything_that_is_theirs(
    ledger: Any, story: Any, old: Sequence[AnyEvent], kept: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, *kept)
    ledger.settle()
    before = reads.job_status(ledger.engine, story.job_id(3))
    assert before.emissions_g is not None
    deleted = do_prune(ledger, note(story))
    assert (deleted.jobs, deleted.attempts, deleted.decisions) == (2, 2, 2)
    assert (deleted.readings, deleted.rejections, deleted.audit) == (12, 1, 2)
    assert deleted.pool_sizes == 1, "the last one says how large the pool still is"
    assert deleted.events == len(old) - 3, "and so do its event, the beat and the timetable"
    assert reads.job_status(ledger.engine, story.job_id(3)) == before
    assert reads.job_status(ledger.engine, story.job_id(4)).state is State.RUNNING
    assert count(ledger, events) == len(kept) + 1
    with ledger.engine.connect() as connection:
        sizes = connection.scalars(select(pool_sizes.c.consumers)).all()
    assert sorted(sizes) == [6, 8]
    actions = {entry.action for entry in reads.audit(ledger.engine, story.at(0))}
    assert actions == {"run_now", "prune"}


def test_a_survey_says_exactly_what_would_go(
    ledger: Any, story: Any, old: Sequence[AnyEvent], kept: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, *kept)
    ledger.settle()
    before = dump(ledger)
    limit = story.at(LIMIT)
    with ledger.engine.connect() as connection:
        found = survey(connection, limit, limit)
    assert dump(ledger) == before
    assert do_prune(ledger, note(story)) == found
    with ledger.engine.connect() as connection:
        assert survey(connection, limit, limit) == prune.Deleted()


def test_pieces_are_small_and_others_write_between_them(
    ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "JOBS_AT_ONCE", 2)
    monkeypatch.setattr(prune, "ROWS_AT_ONCE", 3)
    told = [e for n in range(10, 17) for e in (story.accepted(n, n), story.succeeded(n, n, n + 9))]
    told += [story.intensity(300 * n, 100.0) for n in range(8)]
    told += [story.rejected(n) for n in range(8)]
    ledger.record(*told)
    ledger.settle()
    pruning = Pruning(note(story))
    pieces, more = 0, True
    while more:
        with writing(ledger.engine) as connection:
            sizes = count_all(connection)
            more = pruning.step(connection)
            gone = sizes - count_all(connection)
        assert gone <= 2 * 4 + 1
        pieces += 1
        ledger.record(story.started(100 + pieces, LIMIT + pieces))
    assert pieces >= 4 + 3 + 3 + 3
    assert pruning.deleted.jobs == 7
    assert count(ledger, jobs) == pieces


def count_all(connection: Any) -> int:
    return sum(
        connection.scalar(select(func.count()).select_from(table))
        for table in (jobs, events, audit)
    )


def test_a_late_event_of_a_pruned_job_does_not_bring_it_back(
    ledger: Any, story: Any, old: Sequence[AnyEvent], kept: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, *kept)
    do_prune(ledger, note(story))
    before = dump(ledger)
    again = story.succeeded(2, 1000, 1900, attempt=2)
    with writing(ledger.engine) as connection:
        assert record(connection, [again, *(e for e in old if hasattr(e, "attempt"))]) == 5
    assert dump(ledger) == before


def test_a_late_event_of_a_kept_job_counts(
    ledger: Any, story: Any, old: Sequence[AnyEvent], kept: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, *kept)
    do_prune(ledger, note(story))
    late = story.paused(4, 9 * DAY + 30, 9 * DAY + 60, left=5.0)
    with writing(ledger.engine) as connection:
        assert record(connection, [late]) == 0
    assert reads.job_status(ledger.engine, story.job_id(4)).state is State.PAUSED


def test_a_job_that_is_told_of_for_the_first_time_counts(
    ledger: Any, story: Any, old: Sequence[AnyEvent]
) -> None:
    """Its acceptance lies before the limit, but not all that is told of it."""
    ledger.record(*old)
    do_prune(ledger, note(story))
    told = [story.accepted(9, 9 * DAY), story.started(9, 11 * DAY)]
    with writing(ledger.engine) as connection:
        assert record(connection, told) == 0
    assert reads.job_status(ledger.engine, story.job_id(9)).submitted_at == story.at(9 * DAY)


def test_a_dead_job_that_is_replayed_after_it_was_pruned_is_there_again(
    ledger: Any, story: Any, old: Sequence[AnyEvent]
) -> None:
    ledger.record(*old)
    do_prune(ledger, note(story))
    ledger.record(story.replayed(1, 12 * DAY, 1), story.started(1, 12 * DAY + 9, attempt=2))
    assert reads.job_status(ledger.engine, story.job_id(1)).state is State.RUNNING


def test_a_later_prune_never_goes_back(
    ledger: Any, story: Any, old: Sequence[AnyEvent], kept: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, *kept)
    do_prune(ledger, note(story))
    do_prune(ledger, note(story, limit=5 * DAY, number=2))
    with ledger.engine.connect() as connection:
        first, second = prune_notes(connection)
    assert first.pruned == second.pruned
    assert first.pruned.jobs_before == story.at(LIMIT)
    with writing(ledger.engine) as connection:
        assert record(connection, [story.started(8, 6 * DAY)]) == 1


def test_an_account_that_is_due_keeps_its_job(ledger: Any, story: Any, old: Any) -> None:
    ledger.record(*old)
    with writing(ledger.engine) as connection:
        connection.execute(jobs.update().values(account_due=True))
    assert do_prune(ledger, note(story)).jobs == 0


def test_readings_stay_while_a_kept_job_needs_them(
    ledger: Any, story: Any, old: Sequence[AnyEvent]
) -> None:
    ledger.record(*old, story.accepted(7, 2000))
    deleted = do_prune(ledger, note(story))
    assert (deleted.jobs, deleted.readings) == (2, 0)
    ledger.record(story.succeeded(7, 12 * DAY, 12 * DAY + 60))
    ledger.record(story.intensity(12 * DAY, 100.0))
    assert reads.job_status(ledger.engine, story.job_id(7)).baseline_g is not None


def test_readings_may_be_kept_longer_than_jobs(ledger: Any, story: Any, old: Any) -> None:
    ledger.record(*old)
    wanted = PruneNote(UUID(int=1), story.at(DAY), "ana", Pruned(story.at(LIMIT), story.at(1500)))
    deleted = do_prune(ledger, wanted)
    assert (deleted.jobs, deleted.readings) == (2, 5)


def test_a_pruned_ledger_can_be_rebuilt(
    ledger: Any,
    new_ledger: Callable[[], Any],
    story: Any,
    old: Sequence[AnyEvent],
    kept: Sequence[AnyEvent],
) -> None:
    ledger.record(*old, *kept)
    do_prune(ledger, note(story, limit=2 * DAY))
    do_prune(ledger, note(story, number=2))
    ledger.record(story.intensity(9 * DAY - 60, 50.0, told=12 * DAY))
    ledger.settle()
    lines = b"".join(dump_lines(ledger.engine, story.at(20 * DAY)))
    other = new_ledger()
    rebuild(other.engine, io.BytesIO(lines), check_dump(io.BytesIO(lines)), lambda _: None)
    assert other.all_rows() == ledger.all_rows(), "roll-ups of the deleted jobs too"
    with writing(other.engine) as connection:
        assert record(connection, [story.started(2, 310)]) == 1


@pytest.mark.parametrize("scope", ["", "everything", "jobs that ended before then"])
def test_a_scope_that_is_none_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match=r"scope of a prune|Invalid isoformat"):
        Pruned.of_scope(scope)


def test_the_tables_that_pruning_leaves_alone_are_known() -> None:
    """A new table needs a decision: pruned, or kept for ever."""
    pruned = set(prune.Deleted.__dataclass_fields__)
    latest = {"grids", "services", "timetables"}
    assert set(metadata.tables) - ROLL_UPS == pruned | latest
