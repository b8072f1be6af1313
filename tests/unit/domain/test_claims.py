"""Claims on keys: the first of the log holds, for its time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.claims import Claim, ClaimBook

START = datetime(2026, 3, 1, tzinfo=UTC)
HOLDS = timedelta(seconds=10)


def claim(number, key="k", seconds=0.0):
    at = START + timedelta(seconds=seconds)
    return Claim(UUID(int=number), at, key, UUID(int=number), "f")


def book_of(*claims, most=100):
    book = ClaimBook(HOLDS, most)
    for each in claims:
        book.note(each)
    return book


def test_the_first_claim_holds_its_key():
    book = book_of(claim(1), claim(2, seconds=1), claim(3, "other"))
    assert book.holder("k", START).id == UUID(int=1)
    assert book.holder("other", START).id == UUID(int=3)
    assert book.holder("free", START) is None


def test_a_claim_holds_for_its_time_and_no_longer():
    book = book_of(claim(1))
    assert book.holder("k", START + timedelta(seconds=9.9)) is not None
    assert book.holder("k", START + HOLDS) is None
    book.note(claim(2, seconds=10))
    assert book.holder("k", START + HOLDS).id == UUID(int=2)


def test_a_claim_that_is_withdrawn_frees_its_key_and_no_other_does():
    book = book_of(claim(1), claim(2))
    book.withdraw(UUID(int=2), "k")
    assert book.holder("k", START).id == UUID(int=1), "the second never held it"
    book.withdraw(UUID(int=1), "k")
    book.withdraw(UUID(int=1), "free")
    assert book.holder("k", START) is None
    book.note(claim(1))
    assert book.holder("k", START).id == UUID(int=1), "its message may come again"


def test_a_repetition_does_not_prolong_a_claim():
    book = book_of(claim(1), claim(2, seconds=9))
    assert book.holder("k", START + HOLDS) is None


def test_what_is_over_is_forgotten_and_no_room_is_kept_for_it():
    book = book_of(*(claim(n, f"k{n}", seconds=n) for n in range(1000)))
    assert len(book) == 10


def test_where_there_are_too_many_the_oldest_are_given_up_and_counted():
    book = ClaimBook(HOLDS, most=3)
    assert [book.note(claim(n, f"k{n}")) for n in range(5)] == [0, 0, 0, 1, 1]
    assert len(book) == 3
    assert book.holder("k0", START) is None
    assert book.holder("k4", START) is not None


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(0, 8, allow_nan=False)), min_size=1, max_size=40
    )
)
def test_at_any_time_a_key_is_its_first_claimants_since_it_was_last_free(steps):
    """Against the plain rule: walk through the log and keep one holder for each key."""
    book, plain, now = ClaimBook(HOLDS), {}, START
    for number, (key, pause) in enumerate(steps):
        now += timedelta(seconds=pause)
        mine = Claim(UUID(int=number), now, key, UUID(int=number), "f")
        book.note(mine)
        if key not in plain or now - plain[key].at >= HOLDS:
            plain[key] = mine
        assert book.holder(key, now) is plain[key]
    assert len(book) <= 3
