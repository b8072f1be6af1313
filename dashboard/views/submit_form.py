"""The form of the page Submit; what is left open comes from the catalogue, then from settings."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.settings import DashboardSettings
from shared.catalogue import JobDefaults
from shared.client.submissions import whole_submission
from shared.domain.bands import KNOWN_BANDS
from shared.domain.durations import parse_duration
from shared.domain.jobs import OnDeadline, Priority
from shared.errors import InvalidJob
from shared.messages import JobSubmit

_WORDS = {OnDeadline.RUN: "run it all the same", OnDeadline.EXPIRE: "give it up"}


def show(settings: DashboardSettings, known_types: Mapping[str, JobDefaults]) -> JobSubmit | None:
    """The form; the submission that it makes, or None while a field is wrong or missing."""
    kind = st.selectbox(
        "Job type",
        sorted(known_types),
        index=None,
        key="submit_type",
        accept_new_options=True,
        placeholder="Choose from the catalogue, or type a name",
        help="Which handler runs it. Workers run registered handlers only.",
    )
    defaults = known_types.get(kind or "", JobDefaults())
    fields: dict[str, Any] = {}
    problems: list[str] = []
    with st.grid(2, min_column_width=220):
        fields["max_band"] = _band(settings, defaults)
        fields["priority"] = _priority(settings, defaults)
        fields["deadline_seconds"] = _seconds(
            "Done within",
            "deadline",
            defaults.deadline_seconds or settings.default_deadline_seconds,
            problems,
        )
        fields["expected_duration_seconds"] = _seconds(
            "Runs for about",
            "duration",
            defaults.expected_duration_seconds or settings.default_expected_duration_seconds,
            problems,
        )
        fields["power_watts"] = _power(defaults)
        if len(settings.regions) > 1:
            fields["regions"] = (
                tuple(
                    st.multiselect(
                        "Regions",
                        settings.regions,
                        key="submit_regions",
                        placeholder="The first one",
                    )
                )
                or None
            )
    fields["payload"] = _payload(problems)
    fields |= _more(kind, defaults)
    return _submission(kind, fields, problems)


def _submission(
    kind: str | None, fields: Mapping[str, Any], problems: list[str]
) -> JobSubmit | None:
    given = {name: value for name, value in fields.items() if value is not None}
    submission = None
    if kind and not problems:
        try:
            submission = whole_submission(kind, None, given)
        except InvalidJob as error:
            problems.append(str(error))
    for problem in problems:
        st.error(words.escape(problem), icon=":material/edit_off:")
    return submission


def _band(settings: DashboardSettings, defaults: JobDefaults) -> object:
    usual = defaults.max_band or settings.default_max_band
    return st.selectbox(
        "Dirtiest band it may run in",
        KNOWN_BANDS,
        index=None,
        key="submit_band",
        format_func=lambda band: band.words,
        placeholder=f"As usual: {usual.words}",
    )


def _priority(settings: DashboardSettings, defaults: JobDefaults) -> object:
    usual = defaults.priority or settings.default_priority
    return st.selectbox(
        "Priority",
        list(Priority),
        index=None,
        key="submit_priority",
        format_func=lambda priority: priority.value,
        placeholder=f"As usual: {usual.value}",
        help="Low waits even in its band where that saves much, high tolerates one band more, "
        "critical runs at once.",
    )


def _seconds(label: str, key: str, usual_seconds: float, problems: list[str]) -> float | None:
    text = st.text_input(
        label,
        key=f"submit_{key}",
        placeholder=f"As usual: {words.duration(usual_seconds)}",
        help="Such as 90s, 30m, 6h or 1h30m",
    )
    if not (text or "").strip():
        return None
    try:
        return parse_duration(text or "")
    except ValueError as error:
        problems.append(f"{label}: {error}")
        return None


def _power(defaults: JobDefaults) -> float | None:
    usual = "unknown, and so are its emissions"
    if defaults.power_watts is not None:
        usual = f"{words.number(defaults.power_watts)} W"
    elif defaults.energy_kwh is not None:
        usual = f"{words.with_unit(words.energy(defaults.energy_kwh))} in all"
    return st.number_input(
        "Power while it runs, W",
        min_value=0.0,
        value=None,
        key="submit_power",
        placeholder=f"As usual: {usual}",
    )


def _payload(problems: list[str]) -> dict[str, Any] | None:
    text = st.text_area(
        "Payload, a JSON object for the handler", key="submit_payload", placeholder="{}", height=110
    )
    if not (text or "").strip():
        return None
    try:
        payload = json.loads(text or "")
    except ValueError as error:
        problems.append(f"Payload: it is no JSON ({error})")
        return None
    if not isinstance(payload, dict):
        problems.append("Payload: write an object, in curly brackets")
        return None
    return payload


def _more(kind: str | None, defaults: JobDefaults) -> dict[str, Any]:
    """What is seldom set."""
    with st.expander("More"), st.grid(2, min_column_width=220):
        late = st.selectbox(
            "Where its deadline cannot be met",
            list(OnDeadline),
            index=None,
            key="submit_on_deadline",
            format_func=lambda choice: _WORDS[choice],
            placeholder=f"As usual: {_WORDS[defaults.on_deadline or OnDeadline.RUN]}",
        )
        retries = st.number_input(
            "Retries after a failure",
            min_value=0,
            max_value=100,
            value=None,
            key="submit_retries",
            placeholder="As usual",
        )
        idempotency_key = st.text_input(
            "Idempotency key",
            key="submit_key",
            max_chars=200,
            help="Names the work: who submits it again within a day gets the first job.",
        )
        interruptible = st.toggle(
            "May be paused",
            value=bool(defaults.interruptible),
            key=f"submit_interruptible_{kind}",  # each type has its own usual choice
            help="Where its handler says so, it runs in pieces when the grid is cleanest.",
        )
    return {
        "on_deadline": late,
        "retries": retries,
        "idempotency_key": idempotency_key or None,
        "interruptible": interruptible,
    }
