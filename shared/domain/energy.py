"""What one piece of work used, from the best of what is known of it.

In order of trust: what the handler recorded; a measured share of the machine's CPUs; what the job
declares; what its handler declares; a share of what the machine is modelled to use; the model of
its CPU time; nothing.

A declaration outranks the model, because whoever wrote it named this job, while the model sees CPU
time alone and would lose an accelerator. A measurement outranks a declaration, because it is no
opinion; it covers the CPU packages (and memory, where the machine meters it), so a job on
accelerators names them with its handler's `energy=Accelerators(watts)`, and they are added.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.savings import JOULES_PER_KWH, EnergyMethod, energy_kwh

MOST_KWH = 1e7
"""What one run of a job can have used at most: 10 GWh, more than a year at a megawatt. A
larger figure is a slip of units or of a meter, and what the run used is unknown."""
WATTS_PER_CORE = 3.5
"""A fully used logical CPU of a cloud server: the average maximum over AWS' processors, derived
from SPECpower_ssj2008 by Cloud Carbon Footprint (Methodology, Appendix I: 0.74 W idle, 3.5 W full;
GCP 4.26 W, Azure 3.76 W). A desktop's core may draw several times as much."""


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy in kWh and how it is known; both None where it is not."""

    energy_kwh: float | None = None
    method: EnergyMethod | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one piece's energy; None where a source says nothing.

    Attributes:
        seconds: how long the piece ran.
        recorded: what the handler told, in the order of its calls.
        measured_kwh: its share of what the CPUs used meanwhile.
        declared_kwh: what the job declares for this long.
        handler_kwh: what its handler declares for this long, by a power.
        estimated_kwh: what its handler's own function says.
        modelled_kwh: its share of what the machine is modelled to have used meanwhile.
        cpu_seconds: time on the CPU, of the job alone.
        accelerator_watts: what draws power beside the CPU, while it runs.
    """

    seconds: float
    recorded: Sequence[Energy] = ()
    measured_kwh: float | None = None
    declared_kwh: float | None = None
    handler_kwh: float | None = None
    estimated_kwh: float | None = None
    modelled_kwh: float | None = None
    cpu_seconds: float | None = None
    accelerator_watts: float = 0.0


def best_energy(evidence: Evidence, watts_per_core: float = WATTS_PER_CORE) -> Energy:
    """The most trustworthy figure that the evidence allows; unknown stays unknown.

    So is what no run can have used: whatever told it is wrong, and nobody knows by how much.

    Args:
        evidence: what is known.
        watts_per_core: power of one fully used logical CPU.
    """
    found = _most_trusted(evidence, watts_per_core)
    return Energy() if possible_kwh(found.energy_kwh) is None else found


def possible_kwh(energy_kwh: float | None) -> float | None:
    """An energy that a run can have used; None for every other figure, which says nothing of it."""
    return energy_kwh if energy_kwh is not None and 0 <= energy_kwh <= MOST_KWH else None


def _most_trusted(evidence: Evidence, watts_per_core: float) -> Energy:
    beside_kwh = energy_kwh(evidence.accelerator_watts, evidence.seconds)
    if evidence.recorded:
        return total(evidence.recorded)
    if evidence.measured_kwh is not None:
        measured = EnergyMethod.MODELLED if beside_kwh else EnergyMethod.MEASURED
        return Energy(evidence.measured_kwh + beside_kwh, measured)
    for declared_kwh in (evidence.declared_kwh, evidence.handler_kwh):
        if declared_kwh is not None:
            return Energy(declared_kwh, EnergyMethod.DECLARED)
    if evidence.estimated_kwh is not None:
        return Energy(evidence.estimated_kwh, EnergyMethod.MODELLED)
    cpu_kwh = evidence.modelled_kwh
    if cpu_kwh is None and evidence.cpu_seconds is not None:
        cpu_kwh = energy_kwh(watts_per_core, evidence.cpu_seconds)
    if cpu_kwh is not None:
        return Energy(cpu_kwh + beside_kwh, EnergyMethod.MODELLED)
    return Energy()


def total(parts: Sequence[Energy]) -> Energy:
    """The sum, known as well as its weakest part; one unknown part makes it unknown."""
    if not parts:
        return Energy()
    known = [part.energy_kwh for part in parts if part.energy_kwh is not None]
    methods = [part.method for part in parts if part.method is not None]
    if len(known) < len(parts) or len(methods) < len(parts):
        return Energy()
    return Energy(sum(known), max(methods, key=list(EnergyMethod).index))


def counter_step_uj(before_uj: int, after_uj: int, range_uj: int) -> int:
    """What an energy counter advanced by, when it wraps around at most once between readings.

    Linux' powercap counters count microjoules and start again after `max_energy_range_uj`
    (Documentation/power/powercap/powercap.rst).
    """
    step_uj = after_uj - before_uj
    return step_uj if step_uj >= 0 else step_uj + range_uj


def cpu_share_kwh(
    package_joules: float, cpu_seconds: float, host_cpu_seconds: float
) -> float | None:
    """A job's share of what the CPUs used: in proportion to its part of the host's CPU time.

    The packages' idle power is shared among those who compute: a job that computes alone carries
    all of it.

    Args:
        package_joules: used by all packages while the job ran.
        cpu_seconds: the job's time on the CPUs.
        host_cpu_seconds: everyone's, while the job ran.

    Returns:
        None where the host's clock ticks are too coarse for so short a job.
    """
    if host_cpu_seconds <= 0:
        return None
    share = min(1.0, cpu_seconds / host_cpu_seconds)
    return package_joules * share / JOULES_PER_KWH
