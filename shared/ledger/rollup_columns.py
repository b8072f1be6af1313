"""The columns of the daily roll-ups: whole numbers, so that sums are exact in any order."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Named, Text, TypedColumns

from shared.ledger.stored import Word


class DailyColumns(TypedColumns):
    """Sums over the jobs of one day and kind; they outlive the jobs' own rows.

    The day is that on which the jobs ended, in days since 1970 in UTC, and 0 for jobs that have not
    ended. What was never told is "" (and `simulated` false). All but `jobs` counts only jobs that
    ran and ended; grams and energies stand for jobs with a whole account, unless named otherwise.
    """

    day: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    region: Named[str] = Column(Text(), primary_key=True)
    type: Named[str] = Column(Text(), primary_key=True)
    priority: Named[str] = Column(Word(), primary_key=True)
    state: Named[str] = Column(Word(), primary_key=True)
    signal: Named[str] = Column(Word(), primary_key=True)
    simulated: Named[bool] = Column(Boolean(), primary_key=True)
    jobs: Named[int] = Column(BigInteger())
    ran_jobs: Named[int] = Column(BigInteger())
    known_jobs: Named[int] = Column(BigInteger())
    promised_jobs: Named[int] = Column(BigInteger())
    missed_deadlines: Named[int] = Column(BigInteger())
    waited_jobs: Named[int] = Column(BigInteger())
    wait_microseconds: Named[int] = Column(BigInteger())
    energy_microwatt_hours: Named[int] = Column(BigInteger())
    wasted_microwatt_hours: Named[int] = Column(BigInteger())
    emissions_micrograms: Named[int] = Column(BigInteger())
    baseline_micrograms: Named[int] = Column(BigInteger())
    reference_micrograms: Named[int] = Column(BigInteger())
    avoided_micrograms: Named[int] = Column(BigInteger())
    promised_micrograms: Named[int] = Column(BigInteger())
    realised_micrograms: Named[int] = Column(BigInteger())
    deferred_jobs: Named[int] = Column(BigInteger())
    deferred_wait_microseconds: Named[int] = Column(BigInteger())
    deferred_avoided_micrograms: Named[int] = Column(BigInteger())
    energy_measured_jobs: Named[int] = Column(BigInteger())
    energy_modelled_jobs: Named[int] = Column(BigInteger())
    energy_declared_jobs: Named[int] = Column(BigInteger())
    intensity_observed_jobs: Named[int] = Column(BigInteger())
    intensity_forecast_jobs: Named[int] = Column(BigInteger())
    intensity_carried_jobs: Named[int] = Column(BigInteger())
    half_known_jobs: Named[int] = Column(BigInteger())
    half_known_emissions_micrograms: Named[int] = Column(BigInteger())
    unaccounted_jobs: Named[int] = Column(BigInteger())
    unaccounted_microwatt_hours: Named[int] = Column(BigInteger())


class DailyWaitColumns(TypedColumns):
    """How many jobs of one day and kind waited how long: a bucket is a tenth wide.

    Only jobs that ran and ended are in it. `waits` is what `packed_waits` makes of the buckets; the
    sum beside the count gives each its mean.
    """

    day: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    region: Named[str] = Column(Text(), primary_key=True)
    type: Named[str] = Column(Text(), primary_key=True)
    priority: Named[str] = Column(Word(), primary_key=True)
    signal: Named[str] = Column(Word(), primary_key=True)
    simulated: Named[bool] = Column(Boolean(), primary_key=True)
    waits: Named[bytes] = Column(LargeBinary())
