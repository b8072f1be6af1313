"""Instants as the ledger stores them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Dialect, TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS = 86_400


@lru_cache(maxsize=8192)
def to_microseconds(at: datetime) -> int:
    """Microseconds since 1970, exact.

    Raises:
        ValueError: the instant has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    since = at - EPOCH
    return (since.days * _DAY_SECONDS + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(at_us: int) -> datetime:
    """The instant so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=at_us)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as whole microseconds since 1970.

    A plain integer sorts, subtracts and compares the same way in every database.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Store."""
        del dialect
        return None if value is None else to_microseconds(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Store, without SQLAlchemy's two functions around each value (as in `stored`)."""
        del dialect
        return _stored

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Read."""
        del dialect
        return None if value is None else from_microseconds(value)


def _stored(at: datetime | None) -> int | None:
    return None if at is None else to_microseconds(at)
