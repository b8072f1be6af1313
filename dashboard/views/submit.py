"""The page Submit: a job from the catalogue or of any type, with a preview of its decision."""

from collections.abc import Mapping
from uuid import uuid4

import streamlit as st

from dashboard import actions, words
from dashboard.data import submit as data
from dashboard.shell import Place, frame
from dashboard.views import job, submit_form, submit_preview
from shared.catalogue import JobDefaults
from shared.errors import CarbonAwareError
from shared.messages import JobSubmit

_DRAFT, _DONE = "submit_draft", "submit_done"


def page() -> None:
    """Lay the page out; the preview renews itself."""
    frame("Submit a job", _body, by_region=False)


def _body(place: Place) -> None:
    known_types = _catalogue(place)
    left, right = st.columns([3, 2], gap="large")
    with left:
        submission = submit_form.show(place.settings, known_types)
    with right:
        st.subheader("What would become of it", anchor=False)
        if submission is None:
            st.caption("Complete the form, and the decision is foreseen here.")
        else:
            submit_preview.show(place, known_types, submission)
        _send(place, submission)


def _catalogue(place: Place) -> Mapping[str, JobDefaults]:
    try:
        return data.catalogue(place.settings)
    except CarbonAwareError as error:
        st.warning(words.escape(str(error)), icon=":material/menu_book:")
        return {}


def _send(place: Place, submission: JobSubmit | None) -> None:
    allowed = place.settings.dashboard_actions
    st.button(
        "Submit this job",
        key="submit_job",
        icon=":material/send:",
        type="primary",
        disabled=submission is None or not allowed,
        on_click=_submit,
        args=(place, submission),
    )
    if not allowed:
        st.caption(
            ":material/lock: For reading only: the preview works, submitting does not. Start the "
            "dashboard with `DASHBOARD_ACTIONS=true`."
        )
    went_well, text = st.session_state.get(_DONE, (True, None))
    if text is not None and not went_well:
        st.error(words.escape(text), icon=":material/error:")
    elif text is not None:
        st.success("**Submitted.** The broker has confirmed it.", icon=":material/check:")
        st.page_link(
            job.link(),
            label="Open the job",
            icon=":material/open_in_new:",
            query_params={"id": text},
        )


def _submit(place: Place, submission: JobSubmit | None) -> None:
    """Send it once, however often the button is pressed: until that went well the id stays."""
    if submission is None:
        return
    draft = st.session_state.setdefault(_DRAFT, uuid4())
    try:
        sent = actions.submit(place.settings, submission.model_copy(update={"id": draft}))
    except CarbonAwareError as error:
        st.session_state[_DONE] = (False, str(error))
        return
    st.session_state[_DONE] = (True, str(sent.id))
    del st.session_state[_DRAFT]
