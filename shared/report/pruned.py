"""What a report cannot count since it was pruned, in words."""

from shared.ledger.reads.pruned import Uncounted
from shared.report.words import counted, instant


def uncounted_line(missing: Uncounted) -> str:
    """Which jobs are missing, how many they may be, and why."""
    gone = counted(missing.most_jobs, "pruned job")
    return (
        f"not counted: up to {gone} that ended from {instant(missing.since)} to "
        f"{instant(missing.until)}; of pruned jobs only the sums of whole UTC days are kept"
    )
