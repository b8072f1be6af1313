"""`python -m services.watttime_emulator`: wiring and nothing else."""

import sys
from functools import partial

from services.watttime_emulator.service import run
from services.watttime_emulator.settings import EmulatorSettings
from shared.runtime import run_service, system_clock

if __name__ == "__main__":
    sys.exit(run_service("watttime_emulator", EmulatorSettings, partial(run, clock=system_clock)))
