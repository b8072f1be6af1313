"""Find a job by its id, or by the beginning of its id."""

from uuid import UUID

from sqlalchemy import Connection, select

from shared.errors import NotFound
from shared.ledger.tables import AnyRow
from shared.ledger.tables import jobs as job_rows

SHORTEST_PREFIX = 6
_HEX_DIGITS = 32


def find_job(connection: Connection, job_id: UUID | str) -> AnyRow:
    """A job's row by its id, or by the beginning of its id.

    Raises:
        NotFound: there is no such job, or more than one.
    """
    ids = id_range(job_id)
    if ids is None:
        raise NotFound(f"{job_id!s} is no job id; give it whole, or {SHORTEST_PREFIX} digits of it")
    first, last = ids
    query = select(job_rows).where(job_rows.c.id.between(first, last)).limit(2)
    found = connection.execute(query).all()
    if not found:
        raise NotFound(f"the ledger knows no job {job_id}; `carbon-aware watch` shows what arrives")
    if len(found) > 1:
        raise NotFound(f"more than one job begins with {job_id}; give more of its id")
    return found[0]


def id_range(job_id: UUID | str) -> tuple[UUID, UUID] | None:
    """The smallest and the largest id with a beginning; ids sort as their hex digits do.

    None where it is no beginning of an id, or too short to mean one.
    """
    digits = str(job_id).strip().lower().replace("-", "")
    is_hex = bool(digits) and set(digits) <= set("0123456789abcdef")
    if not is_hex or not SHORTEST_PREFIX <= len(digits) <= _HEX_DIGITS:
        return None
    return UUID(digits.ljust(_HEX_DIGITS, "0")), UUID(digits.ljust(_HEX_DIGITS, "f"))
