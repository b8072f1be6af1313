"""`dead` and `rejected` without a broker: letters, filters, what is printed, what is asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli import dead_letters_commands
from services.cli.dead_letters_view import summary
from shared.broker.letters import (
    Filters,
    Letter,
    dead_letter,
    json_body,
    kept_at,
    rejected_letter,
    whole_prefixes,
)
from shared.broker.letters_acting import DEAD, ReplayOptions, replay_event, revived
from shared.broker.letters_sifting import Sifted, newest_first
from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority
from shared.errors import NotFound
from shared.messages import QueuedJob, encode

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOSER = "cccccccc-0000-4000-8000-000000000003"


def a_job():
    deadline = NOW + timedelta(hours=1)
    return Job(UUID(LOSER), "t", Priority.NORMAL, Band.LOW, NOW, deadline, 5.0, ("R",), attempts=4)


def a_message(body=None, message_id="m-1", **headers):
    body = encode(QueuedJob(job=a_job(), payload={"n": 1})) if body is None else body
    fields = dict.fromkeys(
        ("type", "correlation_id", "reply_to", "timestamp", "content_type", "routing_key")
    )
    return SimpleNamespace(
        body=body, body_size=len(body), message_id=message_id, headers=headers, **fields
    )


def a_letter(**fields):
    usual = Letter("abcdef", "t", 2, NOW, "ValueError: no data", 10)
    return replace(usual, **fields)


def test_a_dead_job_goes_by_its_own_id():
    letter = dead_letter(a_message(**{"x-reason": "no data", "x-kept-at": NOW}))
    assert letter == Letter(LOSER, "t", 4, NOW, "no data", letter.body_bytes)


def test_a_rejected_message_goes_by_its_own_id_or_by_what_it_says():
    assert rejected_letter(a_message(b'{"type": "t"}', "Order-77")).id == "order-77"
    nameless = [rejected_letter(a_message(body, None)).id for body in (b"a", b"a", b"b")]
    assert nameless[0] == nameless[1] != nameless[2]
    assert nameless[0].startswith("body-")


@pytest.mark.parametrize("body", [b"\xff\x00", b"[1]", b'{"type": 7}', b"[" * 5_000])
def test_whatever_was_sent_can_be_shown(body):
    assert rejected_letter(a_message(body)).type is None
    assert json.dumps(json_body(body))


def test_the_broker_s_own_note_tells_when_and_why_where_ours_is_missing():
    death = {"queue": "jobs.ready.R.normal", "reason": "delivery_limit", "time": NOW}
    letter = dead_letter(a_message(**{"x-death": [death]}))
    assert letter.kept_at == NOW
    assert letter.error == "the broker moved it here from jobs.ready.R.normal: delivery_limit"
    assert dead_letter(a_message()).error == "no reason is given"


@pytest.mark.parametrize("stamp", [None, "yesterday", 17])
def test_what_is_no_time_is_none(stamp):
    assert kept_at({"x-kept-at": stamp}) is None
    assert kept_at({"x-kept-at": NOW.replace(tzinfo=None)}) == NOW


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        (Filters(), True),
        (Filters(ids=("abc", "zzz")), True),
        (Filters(ids=("zzz",)), False),
        (Filters(type="t"), True),
        (Filters(type="T"), False),
        (Filters(since=NOW), True),
        (Filters(since=NOW + timedelta(seconds=1)), False),
        (Filters(error="NO DATA"), True),
        (Filters(error="other"), False),
        (Filters(type="t", error="other"), False),
    ],
)
def test_filters(filters, meant):
    assert filters.match(a_letter()) is meant
    assert filters.all_in == (filters == Filters())


def test_what_is_not_dated_was_not_kept_since():
    assert not Filters(since=NOW).match(a_letter(kept_at=None))


def test_an_id_that_is_too_short_means_nothing():
    assert whole_prefixes((" ABCDEF ",)) == ("abcdef",)
    with pytest.raises(NotFound, match="give 6 characters"):
        whole_prefixes(("abcdef", "abc"))


@given(st.lists(st.none() | st.integers(0, 1000)))
def test_letters_are_ordered_by_their_time_and_those_without_come_last(seconds):
    letters = [a_letter(kept_at=None if s is None else NOW + timedelta(seconds=s)) for s in seconds]
    ordered = [letter.kept_at for letter in newest_first(letters)]
    dated = [at for at in ordered if at is not None]
    assert dated == sorted(dated, reverse=True)
    assert ordered == dated + [None] * (len(ordered) - len(dated))


def test_a_revived_job_is_whole_and_told_once():
    queued = QueuedJob(
        job=a_job(), slot=7, not_before=NOW, piece=3, checkpoint={"n": 1}, remaining_seconds=2.0
    )
    options = ReplayOptions("ana", NOW + timedelta(hours=5))
    again = revived(queued, options)
    assert (again.slot, again.not_before, again.piece) == (None, None, 1)
    assert (again.checkpoint, again.remaining_seconds) == ({"n": 1}, 2.0)
    assert again.job.deadline == NOW + timedelta(hours=6)
    event = replay_event(again, options)
    assert (event.attempts, event.by, event.deadline) == (4, "ana", again.job.deadline)
    assert event.id == replay_event(revived(queued, options), options).id
    fresh = revived(queued, replace(options, from_start=True))
    assert (fresh.checkpoint, fresh.remaining_seconds) == (None, None)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Sifted(2, 2, 2, [a_letter()] * 2), "2 dead jobs"),
        (Sifted(2, 2, 1, [a_letter()]), "1 of 2 dead jobs"),
        (Sifted(9, 9, 5, [a_letter()]), "the newest 1 of 5 that match, 9 in all"),
    ],
)
def test_a_list_says_how_much_of_the_queue_it_shows(result, line):
    assert summary(DEAD, result) == line


@pytest.fixture
def queue(filled_ledger, monkeypatch):
    """What the commands would do to a queue with one letter."""
    done = []
    letter = a_letter(id=LOSER)

    async def listed(places, box, filters, newest):
        done.append(("list", box.name, filters, newest))
        return Sifted(3, 3, 1, [letter])

    async def dropped(places, box, filters, limit):
        done.append(("drop", box.name, filters, limit))
        return Sifted(3, 3, 1, settled=[LOSER])

    async def found(places, box, wanted):
        done.append(("show", box.name, wanted))
        return letter, a_message(**{"x-kept-at": NOW, "x-bytes": b"\xff"})

    for name, fake in (("list_letters", listed), ("drop", dropped), ("find_message", found)):
        monkeypatch.setattr(dead_letters_commands, name, fake)
    return done


def test_a_list_is_a_table_in_which_each_letter_is_one_line(cli, queue):
    result = cli("dead", "list", "--type", "t", "--limit", "7")
    assert queue == [("list", "dead", Filters(type="t"), 7)]
    heading, line = result.stdout.splitlines()
    assert heading.split() == ["ID", "AGE", "TYPE", "ATTEMPTS", "ERROR"]
    assert line.startswith(LOSER)
    assert line.endswith("t     2         ValueError: no data")
    assert result.stderr == "1 of 3 dead jobs\n"


@pytest.mark.parametrize("box", ["dead", "rejected"])
def test_a_list_as_json(cli, queue, box):
    told = json.loads(cli(box, "list", "--json").stdout)
    assert (told["total"], told["matched"]) == (3, 1)
    (letter,) = told[box]
    assert set(letter) == {
        "id", "type", "attempts", "kept_at", "age_seconds", "error", "body_bytes",
    }  # fmt: skip
    assert letter["kept_at"] == "2026-03-01T12:00:00Z"


def test_one_letter_is_shown_with_its_history(cli, queue):
    text = cli("dead", "show", LOSER[:8]).stdout
    assert queue == [("show", "dead", LOSER[:8])]
    assert "header x-kept-at  2026-03-01" in text
    assert '"payload": {' in text
    assert "\nAttempt 1 in CAISO_NORTH " in text
    assert "failed after 30 s: ValueError: no such data set" in text
    told = json.loads(cli("dead", "show", LOSER, "--json").stdout)
    assert told["history"][0]["outcome"] == "failed"
    assert told["body"]["job"]["id"] == LOSER


def test_without_a_ledger_a_letter_is_shown_without_history(cli, queue, tmp_path):
    shown = cli("dead", "show", LOSER, "--json", "--data-dir", str(tmp_path / "elsewhere"))
    assert json.loads(shown.stdout)["history"] is None


@pytest.mark.parametrize(
    "arguments",
    [("drop", LOSER), ("drop", "--all", "--type", "t", "--limit", "5"), ("drop", "--all", "--yes")],
)
def test_a_script_is_not_asked_before_something_is_dropped(cli, queue, arguments):
    result = cli("dead", *arguments)
    assert (result.exit_code, result.stdout) == (0, "1 dead job dropped, of 3\n")
    assert len(queue) == 1


@pytest.mark.parametrize(("answer", "drops"), [("y\n", 1), ("n\n", 0)])
def test_a_person_is_asked(cli, queue, monkeypatch, answer, drops):
    monkeypatch.setattr(
        dead_letters_commands, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )
    result = cli("rejected", "drop", "--all", "--json", input=answer)
    assert "delete all rejected messages for ever?" in result.stderr
    assert len(queue) == drops
    assert result.exit_code == (0 if drops else 130)


def test_dropping_as_json(cli, queue):
    told = json.loads(cli("dead", "drop", LOSER, "--json").stdout)
    assert told == {"dropped": 1, "of": 3, "ids": [LOSER]}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("dead", "replay"), "ID: give ids, or --all"),
        (("dead", "drop", LOSER, "--all"), "ID: give ids, or --all"),
        (("dead", "drop", LOSER, "--type", "t"), "ID: filters go with --all, not with ids"),
        (("rejected", "replay", "--all", "--since", "soon"), "--since: 'soon' is no time"),
        (("dead", "list", "--since", "2026-03-01T12:00:00"), "has no time zone"),
        (("dead", "list", "--limit", "0"), "--limit"),
        (("dead", "replay", "--all", "--deadline", "x"), "--deadline: 'x' is no deadline"),
    ],
)
def test_wrong_usage_is_exit_2_and_touches_nothing(cli, queue, arguments, hint):
    result = cli(*arguments)
    assert (result.exit_code, queue) == (2, [])
    assert hint in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_time_may_be_how_long_ago_or_when(cli, queue):
    cli("dead", "list", "--since", "2h")
    cli("dead", "list", "--since", "2026-03-01T12:00:00Z")
    ago, when = (done[2].since for done in queue)
    assert when == NOW
    assert (datetime.now(UTC) - ago).total_seconds() == pytest.approx(7200, abs=30)


def test_without_a_broker_it_is_exit_69(cli, filled_ledger, monkeypatch):
    monkeypatch.setenv("AMQP_URL", "amqp://127.0.0.1:1/")
    for command in (("dead", "list"), ("rejected", "replay", "--all"), ("dead", "show", LOSER)):
        assert cli(*command).exit_code == 69
