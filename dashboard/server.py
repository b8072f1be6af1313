"""Entry script: `streamlit run dashboard/server.py`; LEDGER_URL says where the ledger is.

The pages of app.py, and beside them what every service answers: /livez, /readyz and /metrics.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    # Streamlit puts the script's own folder on the path, but not the one that holds `shared`.
    sys.path.append(str(HERE.parent))

from dashboard import renewals  # noqa: E402 - after the path
from dashboard.numbers import page_metrics  # noqa: E402
from dashboard.settings import DashboardSettings  # noqa: E402
from shared.errors import CarbonAwareError  # noqa: E402
from shared.health import Health  # noqa: E402
from shared.ledger.schema import open_engine  # noqa: E402


def problems() -> Mapping[str, str]:
    """What keeps the pages from showing the present: a bad setting, or no ledger."""
    try:
        open_engine(DashboardSettings.load().ledger_url).dispose()
    except CarbonAwareError as error:
        return {"ledger": str(error)}
    return {}


renewals.drop_late_ones()
health = Health(problems, page_metrics().registry, aside=True)
app = st.App(HERE / "app.py", routes=health.routes())
