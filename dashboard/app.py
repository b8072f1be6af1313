"""The script of all pages, which server.py serves; each visitor's browser runs it."""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    # Streamlit puts the script's own folder on the path, but not the one that holds `shared`.
    sys.path.append(str(HERE.parent))

from dashboard.numbers import page_metrics  # noqa: E402 - after the path
from dashboard.views import (  # noqa: E402
    job,
    jobs,
    live,
    plan,
    savings,
    submit,
    system,
    workers,
)

st.set_page_config(page_title="Carbon-aware jobs", page_icon=str(HERE / "icon.png"), layout="wide")
page = st.navigation(
    [
        st.Page(live.page, title="Live", url_path="live", default=True),
        st.Page(jobs.page, title="Jobs", url_path="jobs"),
        st.Page(savings.page, title="Savings", url_path="savings"),
        st.Page(plan.page, title="Plan", url_path="plan"),
        st.Page(workers.page, title="Workers", url_path="workers"),
        st.Page(system.page, title="System", url_path="system"),
        st.Page(submit.page, title="Submit", url_path="submit"),
        job.link(),
    ],
    position="top",
)
with page_metrics().drawing(page.title):
    page.run()
