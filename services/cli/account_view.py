"""What the `watttime` commands print."""

from rich.console import Console
from rich.text import Text

from services.cli.account_questions import Answer
from services.cli.output import Rows, print_columns
from services.cli.words import UNKNOWN


def registration_rows(told: Answer) -> Rows:
    """What WattTime says of a new account, and what to do with it."""
    yield "Username", str(told.get("username", UNKNOWN))
    yield "WattTime says", str(told.get("said", UNKNOWN))
    yield "Next", "set WATTTIME_USERNAME and WATTTIME_PASSWORD, then `carbon-aware watttime access`"


def place_rows(told: Answer) -> Rows:
    """The region, ready to be copied."""
    yield "Region", str(told.get("region", UNKNOWN))
    yield "Name", str(told.get("full_name") or UNKNOWN)
    yield "Next", f"set REGIONS={told.get('region')} to run jobs by it"


def print_access(out: Console, told: Answer) -> None:
    """A line for each region."""
    listed = told.get("regions")
    regions = listed if isinstance(listed, list) else []
    lines = [
        (
            Text(str(each["region"]), "bold"),
            Text(str(each.get("full_name") or "")),
            Text(", ".join(each["endpoints"])),
        )
        for each in regions
    ]
    if not lines:
        out.print("the account has no access to marginal intensities there", soft_wrap=True)
        return
    region, name = (max(line[n].cell_len for line in lines) for n in (0, 1))
    print_columns(out, [((a, region), (b, name), (c, None)) for a, b, c in lines])
