"""A vertical timeline as HTML; whatever a user wrote is escaped."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from dashboard import theme, words
from dashboard.trail import Step, Tone

_COLOURS: dict[Tone, str] = {
    "waiting": theme.WAITING,
    "running": theme.RUNNING,
    "done": theme.DONE,
    "failed": theme.FAILED,
    "asked": theme.ASKED,
}
_STYLE = """<style>
.trail { list-style: none; margin: 0; padding: 0; }
.trail li { position: relative; padding: 0 0 1.1rem 1.6rem; margin: 0;
  border-left: 2px solid rgba(128, 136, 148, 0.45); overflow-wrap: anywhere; }
.trail li:last-child { border-left-color: transparent; padding-bottom: 0.2rem; }
.trail .dot { position: absolute; left: -0.5rem; top: 0.3rem; width: 0.9rem; height: 0.9rem;
  border-radius: 50%; }
.trail .title { font-weight: 600; }
.trail .time { opacity: 0.75; font-variant-numeric: tabular-nums; margin-left: 0.6rem; }
.trail .details { opacity: 0.8; font-size: 0.9rem; }
</style>"""


def show(steps: Sequence[Step], now: datetime, zone: tzinfo) -> None:
    """All steps, the first one on top."""
    items = "".join(_item(step, now, zone) for step in steps)
    st.html(f'{_STYLE}<ol class="trail">{items}</ol>')


def _item(step: Step, now: datetime, zone: tzinfo) -> str:
    at = step.at.astimezone(zone)
    date = "" if at.date() == now.astimezone(zone).date() else f"{at:%a %-d %b} "
    details = "".join(f'<div class="details">{escape(line)}</div>' for line in step.details)
    return (
        f'<li><span class="dot" style="background:{_COLOURS[step.tone]}"></span>'
        f'<span class="title">{escape(step.title)}</span>'
        f'<span class="time">{date}{words.clock(step.at, zone, seconds=True)}</span>'
        f"<div>{escape(step.text)}</div>{details}</li>"
    )
