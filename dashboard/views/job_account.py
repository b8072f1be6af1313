"""What one job used, emitted and avoided, and how each figure is known."""

import streamlit as st

from dashboard import words
from shared.domain.jobs import FINAL_STATES
from shared.domain.savings import REFERENCE_G_PER_KWH, EnergyMethod, IntensityMethod
from shared.ledger.reads import JobStatus
from shared.report.revisions import revision_line

_ENERGY = {
    EnergyMethod.MEASURED: "measured",
    EnergyMethod.MODELLED: "modelled from its processor time",
    EnergyMethod.DECLARED: "declared, not measured",
}
_INTENSITY = {
    IntensityMethod.OBSERVED: "observed",
    IntensityMethod.FORECAST: "partly from a forecast",
    IntensityMethod.CARRIED: "partly carried on from the last known value",
}


def show(job: JobStatus) -> None:
    """The account of a job that is over; what its first decision promised before that."""
    st.subheader("Its account", anchor=False)
    promised = words.with_unit(words.mass(job.promised_g))
    if job.state not in FINAL_STATES:
        if job.promised_g is None:
            st.caption("The account is made when the job is over.")
        else:
            st.caption(
                f"Its first decision promised to avoid **{promised}**. The account is made when "
                "the job is over."
            )
        return
    if job.avoided_g is None:
        st.caption(f"Avoided emissions are unknown: {_why_unknown(job)}.")
    else:
        _avoided(job, promised)
    _lines(job)
    if job.account_version > 1:
        changed = words.escape(revision_line(job.account_revisions[-1]))
        st.caption(f":material/history: Revised after it was settled, {changed}.")


def _avoided(job: JobStatus, promised: str) -> None:
    number, unit = words.mass(job.avoided_g)
    percent = words.share(job.avoided_g, job.baseline_g)
    st.metric(
        f"CO\u2082 avoided, {unit}",
        number,
        None if percent is None else words.signed_percent(percent),
        delta_arrow="off",
        delta_description="nothing was promised"
        if job.promised_g is None
        else f"promised {promised}",
        border=True,
        help="Emissions of the same work run at the moment of its submission, less what it really "
        "emitted. Negative if waiting made it worse.",
    )


def _lines(job: JobStatus) -> None:
    """The figures behind it, one row each."""
    energy = words.with_unit(words.energy(job.energy_kwh))
    rows = [("Energy", energy, _ENERGY[job.energy_method] if job.energy_method else "")]
    if job.wasted_kwh:
        wasted = words.with_unit(words.energy(job.wasted_kwh))
        rows.append(("of which lost", wasted, "to runs that came to nothing"))
    signal = f"{job.signal.value} signal" if job.signal else ""
    known = _INTENSITY[job.intensity_method] if job.intensity_method else ""
    rows += [
        ("Emitted", words.with_unit(words.mass(job.emissions_g)), known),
        ("If run at submission", words.with_unit(words.mass(job.baseline_g)), signal),
        (
            "Reference line",
            words.with_unit(words.mass(job.reference_g)),
            f"at a fixed {REFERENCE_G_PER_KWH:.0f} g/kWh",
        ),
    ]
    head = "| | Figure | Known how |\n| --- | ---: | --- |"
    lines = (
        f"| {words.escape(what)} | {_unbroken(figure)} | {words.escape(known)} |"
        for what, figure, known in rows
    )
    st.markdown("\n".join([head, *lines]))


def _unbroken(figure: str) -> str:
    """A figure that keeps its unit on its line on a narrow screen too."""
    return words.escape(figure).replace(" ", "\N{NO-BREAK SPACE}")


def _why_unknown(job: JobStatus) -> str:
    if job.attempts == 0:
        return "it never ran"
    if job.energy_kwh is None:
        return "it declares no power or energy, and none was measured"
    return "the grid's intensity was not known while it ran"
