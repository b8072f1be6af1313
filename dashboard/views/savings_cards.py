"""The cards of the page Savings: one kind of figures at a glance."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.equivalents import equivalents
from dashboard.views.elements import card
from shared.ledger.reads.report_rows import KindReport, ReportRow

WORTH_TELLING = 0.001
"""Energy that came to nothing is told from this share of all on."""
LEAST_AMOUNT = 0.005
"""Less of an equivalent would be shown as none."""


def show(kind: KindReport, kinds: Sequence[KindReport]) -> None:
    """All cards, the mark of simulated figures, and what the saving is comparable to.

    Args:
        kind: whose figures are shown.
        kinds: all that there are in the period.
    """
    if kind.simulated:
        st.badge("SIMULATED FIGURES", icon=":material/science:", color="violet")
    total = kind.total
    with st.grid(4, min_column_width=220):
        _avoided(total)
        _emitted(total)
        _promised(total)
        _waited(total)
    with st.grid(4, min_column_width=220):
        _energy(total)
        _share_known(kinds)
        _late(total)
        _per_job(total)
    _comparable(total.avoided_g)


def _avoided(total: ReportRow) -> None:
    number, unit = words.mass(total.avoided_g)
    percent = total.avoided_percent
    st.metric(
        f"CO\u2082 avoided, {unit}",
        number,
        None if percent is None else words.signed_percent(percent),
        delta_arrow="off",
        delta_description="vs running at submission" if percent is not None else "not known",
        border=True,
        height="stretch",
        help="Emissions of the same work run at the moment of its submission, less what was "
        "really emitted. Negative where waiting made it worse.",
    )


def _emitted(total: ReportRow) -> None:
    number, unit = words.mass(total.emissions_g)
    at_once = words.with_unit(words.mass(total.baseline_g))
    card(f"CO\u2082 emitted, {unit}", number, f"{at_once} if run at submission")


def _promised(total: ReportRow) -> None:
    label = "Realised of what was promised"
    if not total.promised_jobs or total.promised_g is None:
        card(label, "\N{EN DASH}", "no decision promised a saving")
        return
    share = words.share(total.realised_g, total.promised_g)
    promised = words.with_unit(words.mass(total.promised_g))
    realised = words.with_unit(words.mass(total.realised_g))
    card(
        label,
        words.UNKNOWN if share is None else f"{share:.0f} %",
        f"{realised} of {promised}, {words.count(total.promised_jobs, 'job')}",
        "What the first decision about a job expected it to avoid, against what the same job "
        "avoided in the end.",
    )


def _waited(total: ReportRow) -> None:
    p95 = total.p95_wait_seconds
    card(
        "Mean wait",
        _duration(total.mean_wait_seconds),
        "not known" if p95 is None else f"95 % within {words.duration(p95)}",
        "From submission to the first start: what the saving cost in time.",
    )


def _energy(total: ReportRow) -> None:
    number, unit = words.energy(total.energy_kwh)
    wasted = total.wasted_kwh
    of_it = "by jobs whose figures are known"
    if wasted and wasted >= WORTH_TELLING * (total.energy_kwh or 0.0):
        of_it = f"{words.with_unit(words.energy(wasted))} of it came to nothing"
    card(f"Energy used, {unit}", number, of_it)


def _share_known(kinds: Sequence[KindReport]) -> None:
    jobs = sum(kind.total.jobs for kind in kinds)
    known = sum(kind.total.known_jobs for kind in kinds)
    left_out = f"{words.count(jobs - known, 'job')} of {jobs:,} in no sum"
    percent = 100 * known // jobs  # down: all is said where it is all
    card(
        "Figures known for",
        f"{percent} % of jobs",
        left_out if known < jobs else f"{words.count(jobs, 'job')}, none left out",
        "A job counts in the sums of grams and energy where its energy and its grid were "
        "recorded. What is not known is left out, never estimated as zero.",
    )


def _late(total: ReportRow) -> None:
    card(
        "Ended after their deadline",
        f"{total.missed_deadlines:,}",
        f"of {words.count(total.jobs, 'job')}",
    )


def _per_job(total: ReportRow) -> None:
    number, unit = words.mass(total.sci_operational_g_per_job)
    card(
        f"CO\u2082 per job, {unit}",
        number,
        "energy \N{MULTIPLICATION SIGN} intensity",
        "The operational part of the Software Carbon Intensity (E \N{MULTIPLICATION SIGN} I / R). "
        "What was avoided never lowers it.",
    )


def _comparable(avoided_g: float | None) -> None:
    """Only a saving is compared, and only with what it is a visible part of."""
    found = [each for each in equivalents(avoided_g or 0.0) if each.amount >= LEAST_AMOUNT]
    if not found:
        return
    with st.container(horizontal=True, gap="medium"):
        st.markdown("What was avoided is as much as")
        for each in found:
            st.markdown(f"**{words.number(each.amount)}** {each.words}", help=each.source)


def _duration(seconds: float | None) -> str:
    return words.UNKNOWN if seconds is None else words.duration(seconds)
