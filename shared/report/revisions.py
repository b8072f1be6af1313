"""What changed in an account after it was settled, in words."""

from collections.abc import Sequence

from shared.domain.revisions import RevisionCause
from shared.ledger.reads import AccountFigures, AccountRevision, RevisedAccounts
from shared.report.words import counted, grams, source


def revision_line(revision: AccountRevision) -> str:
    """`version 2: avoided +120 g -> +96.0 g: WattTime revised 3 of 5 readings`."""
    return f"version {revision.version}: {_change(revision)}: {_cause(revision)}"


def revised_accounts_line(sums: RevisedAccounts) -> str:
    """What the revisions of one kind of account changed in sum."""
    kind = "on an unknown grid"
    if sums.signal is not None:
        kind = f"{'simulated' if sums.simulated else 'real'}, {sums.signal.value} intensity"
    were = "was" if sums.accounts == 1 else "were"
    line = f"{counted(sums.accounts, 'account')} {were} revised in this time ({kind})"
    if sums.avoided_change_g is not None:
        avoided = grams(sums.avoided_change_g, signed=True)
        emitted = grams(sums.emissions_change_g, signed=True)
        line += f": {avoided} avoided, {emitted} emitted in sum"
    if sums.newly_known_accounts:
        line += f"; {sums.newly_known_accounts:,} unknown before"
    return line


def _change(revision: AccountRevision) -> str:
    was, now = revision.was, revision.now
    if _avoided(was) != _avoided(now):
        return f"avoided {_avoided(was)} -> {_avoided(now)}"
    return f"emitted {grams(was.emissions_g)} -> {grams(now.emissions_g)}"


def _avoided(figures: AccountFigures) -> str:
    return grams(figures.avoided_g, signed=True)


def _cause(revision: AccountRevision) -> str:
    if revision.cause is RevisionCause.LATE:
        return "readings, or words on how it ran, came late"
    of = f"{revision.revised_readings} of {counted(revision.readings, 'reading')}"
    return f"{_named(revision.sources)} revised {of}"


def _named(sources: Sequence[str]) -> str:
    return " and ".join(source(name) for name in sources)
