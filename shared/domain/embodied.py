"""The embodied share of jobs: what making the hardware emitted, spread over its life.

M = TE x TS x RS of the Software Carbon Intensity specification (Green Software Foundation,
ISO/IEC 21031): total embodied emissions, times the share of the hardware's life that the software
reserved it for, times the share of the hardware that it reserved.
"""

from dataclasses import dataclass

SECONDS_PER_YEAR = 365 * 86_400.0
"""As the Impact Framework counts: its usual life of 4 years is 126,144,000 s."""
GRAMS_PER_KG = 1000.0


@dataclass(frozen=True, slots=True)
class Server:
    """The machine that jobs run on.

    Attributes:
        embodied_kg: emissions of making it and of its disposal, in kg of CO2e.
        lifetime_years: how long it is in use.
        jobs_at_once: how many jobs share it at a time.
    """

    embodied_kg: float
    lifetime_years: float = 4.0
    jobs_at_once: float = 1.0

    @property
    def embodied_total_g(self) -> float:
        """TE in grams."""
        return self.embodied_kg * GRAMS_PER_KG

    @property
    def lifetime_seconds(self) -> float:
        """What TS is a share of."""
        return self.lifetime_years * SECONDS_PER_YEAR

    @property
    def share_per_job(self) -> float:
        """RS, of a server that is as full as it gets."""
        return 1.0 / self.jobs_at_once

    def embodied_g(self, run_seconds: float) -> float:
        """M of jobs that ran so long altogether, in grams.

        Args:
            run_seconds: the sum of their running times.
        """
        return self.embodied_total_g * (run_seconds / self.lifetime_seconds) * self.share_per_job
