"""How long to wait before a failed job is tried again."""


def backoff_seconds(
    attempt: int, *, jitter: float, first_seconds: float = 2.0, most_seconds: float = 600.0
) -> float:
    """Exponential backoff with full jitter on its upper half.

    Args:
        attempt: the attempts that failed so far, 1 or more.
        jitter: a random number in [0, 1), passed in by the caller.
        first_seconds: the longest wait after the first failure; it doubles with each.
        most_seconds: the cap.
    """
    longest = min(first_seconds * 2.0 ** min(attempt - 1, 30), most_seconds)
    return longest * (0.5 + 0.5 * jitter)
