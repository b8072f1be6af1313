"""What would become of a job that is submitted now, and what of that cannot be known."""

from collections.abc import Mapping

import streamlit as st

from dashboard import words
from dashboard.because import because, numbers
from dashboard.data import submit as data
from dashboard.data.submit import Preview
from dashboard.foresee import as_row, saving_percent
from dashboard.shell import Place
from dashboard.views.zone import zone
from shared.catalogue import JobDefaults
from shared.domain.decisions import Defer, Expire
from shared.domain.reasons import Cause
from shared.errors import CarbonAwareError
from shared.messages import JobSubmit


@st.fragment(run_every="5s")
def show(place: Place, known_types: Mapping[str, JobDefaults], submission: JobSubmit) -> None:
    """The decision in words and numbers."""
    try:
        preview = data.preview(place.settings, known_types, submission)
    except CarbonAwareError as error:
        st.error(words.escape(str(error)), icon=":material/error:")
        return
    row = as_row(preview.decision, preview.job, preview.at)
    with st.container(border=True):
        st.markdown(f"#### {headline(preview)}")
        st.markdown(words.escape(because(row, zone())) + ".")
        st.caption("  \n".join(words.escape(line) for line in numbers(row, zone())))
        if preview.simulated:
            st.badge("SIMULATED", icon=":material/science:", color="violet")
    st.caption("**What this cannot know.** " + " ".join(unknowns(preview)))


def headline(preview: Preview) -> str:
    """`Would run at 03:10, saving 61 %`."""
    decision = preview.decision
    if isinstance(decision, Expire):
        return "Would be given up"
    if not isinstance(decision, Defer):
        return "Would run now"
    at = f"{words.moment(decision.until, preview.at, zone())}"
    at += f" ({words.away(decision.until, preview.at)})"
    if decision.cause is Cause.OUT_OF_BAND:
        return f"Would be looked at again by {at}"
    percent = saving_percent(decision)
    if percent is None or round(percent) == 0:
        return f"Would run at {at}"
    verb = "saving" if percent > 0 else "costing"
    return f"Would run at {at}, {verb} {abs(percent):.0f}\N{NO-BREAK SPACE}%"


def unknowns(preview: Preview) -> list[str]:
    """What the preview leaves out, in sentences."""
    found = ["Every update of the grid may move the job to a better time, or run it sooner."]
    if preview.told_at is None:
        found.append("No timetable is known yet: the preview takes room to be free everywhere.")
    else:
        age = words.duration((preview.at - preview.told_at).total_seconds())
        found.append(
            f"The timetable is {age} old, and does not say which of its jobs would make room for "
            "this one."
        )
    if preview.job.expected_energy_kwh() is None:
        found.append("Without a power its grams are unknown; the share that it saves is not.")
    found.append("Work that somebody paused, and a scheduler with other settings, are not seen.")
    return found
