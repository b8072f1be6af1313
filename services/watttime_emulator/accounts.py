"""Who may ask, for what, and how often."""

import hmac
import re
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(minutes=5)
REQUESTS_PER_WINDOW = 3000
LOGINS_PER_WINDOW = 100


class Plan(StrEnum):
    """What a user has access to."""

    FREE = "free"  # absolute data for one region, the signal index for all
    FULL = "full"


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may log in."""

    username: str
    password: str
    plan: Plan


class Accounts:
    """The users by name."""

    def __init__(self, *users: User) -> None:
        """Begin with some users."""
        self._users = {user.username: user for user in users}

    def find(self, username: str) -> User | None:
        """The user of a name."""
        return self._users.get(username)

    def add(self, user: User) -> bool:
        """Take a new user; False where the name is taken."""
        return self._users.setdefault(user.username, user) is user

    def logged_in(self, username: str, password: str) -> User | None:
        """The user, if the password is right."""
        user = self.find(username)
        if user and hmac.compare_digest(user.password.encode(), password.encode()):
            return user
        return None


def is_strong(password: str) -> bool:
    """At least 8 characters, among them a letter, a digit and a special one."""
    kinds = (r"[A-Za-z]", r"[0-9]", r"[^A-Za-z0-9\s]")
    return len(password) >= 8 and all(re.search(kind, password) for kind in kinds)


class RollingLimit:
    """At most so many requests of one user within the last five minutes."""

    def __init__(self, limit: int) -> None:
        """Allow `limit` requests in each window."""
        self._limit = limit
        self._times: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def admit(self, username: str, now: datetime) -> bool:
        """Count a request; False, and not counted, where the limit is reached."""
        times = self._times[username]
        while times and now - times[0] >= WINDOW:
            times.popleft()
        if len(times) >= self._limit:
            return False
        times.append(now)
        return True
