"""RAPL: the energy counters that Intel's and AMD's processors keep, as Linux shows them.

`/sys/class/powercap/intel-rapl:N` is a package or the whole platform, `intel-rapl:N:M` a part of
it. Packages and their memory (`dram`, which a package's counter does not contain) are added up;
`core` and `uncore` are within their package, and `psys` would count the packages twice. Since
Linux 5.10 only root may read the counters, unless somebody grants it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.domain.energy import counter_step_uj
from shared.domain.savings import EnergyMethod

POWERCAP = Path("/sys/class/powercap")
UJ_PER_JOULE = 1_000_000.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Counter:
    """One domain's counter, and where it stood at the last look."""

    energy: Path
    range_uj: int
    last_uj: int

    def step_uj(self) -> int:
        now_uj = _number(self.energy)
        step_uj = counter_step_uj(self.last_uj, now_uj, self.range_uj)
        self.last_uj = now_uj
        return step_uj


class Rapl:
    """The machine's energy since it was found, in joules.

    A counter wraps around after some 262 kJ, which is three quarters of an hour at 100 W: whoever
    keeps one of these reads it at least every few minutes.
    """

    method = EnergyMethod.MEASURED

    def __init__(self, counters: Iterable[_Counter]) -> None:
        """Take the counters as they stand."""
        self._counters = list(counters)
        self._joules = 0.0

    def joules(self) -> float | None:
        """Used by all packages since the start; None from the moment that one cannot be read."""
        try:
            self._joules += sum(counter.step_uj() for counter in self._counters) / UJ_PER_JOULE
        except (OSError, ValueError) as error:
            if self._counters:
                log.warning("the energy counters cannot be read any more", error=str(error))
            self._counters = []
        return self._joules if self._counters else None


def find_rapl(root: Path = POWERCAP) -> Rapl | None:
    """The counters that this process may read; None where there are none."""
    counters = [
        counter
        for folder in sorted(root.glob("intel-rapl:*"))
        if (counter := _counter(folder)) is not None
    ]
    return Rapl(counters) if counters else None


def _counter(folder: Path) -> _Counter | None:
    try:
        name = (folder / "name").read_text().strip()
        if not (name.startswith("package") or name == "dram"):
            return None
        energy = folder / "energy_uj"
        return _Counter(energy, _number(folder / "max_energy_range_uj"), _number(energy))
    except (OSError, ValueError):
        return None  # not readable for this user, which is the usual case


def _number(path: Path) -> int:
    return int(path.read_text())
