"""Questions to WattTime about an account: `python -m services.intensity_publisher.account`.

Prints one JSON object; the command line asks them through this program.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Sequence

import httpx

from services.intensity_publisher.providers.watttime import WattTime
from services.intensity_publisher.settings import PublisherSettings
from shared.errors import CarbonAwareError, NotFound
from shared.logs import configure_logs
from shared.runtime import system_clock


async def answer(watttime: WattTime, arguments: argparse.Namespace) -> dict[str, object]:
    """Ask one question and give back what there is to say.

    Raises:
        CarbonAwareError: WattTime does not answer, or does not cover the location.
    """
    if arguments.question == "register":
        password = sys.stdin.readline().rstrip("\n")
        said = await watttime.register(arguments.username, password, arguments.email, arguments.org)
        return {"username": arguments.username, "said": said}
    if arguments.question == "region":
        place = await watttime.region_from_location(arguments.latitude, arguments.longitude)
        if place is None:
            raise NotFound(
                f"WattTime covers no region at {arguments.latitude}, {arguments.longitude}"
            )
        return dataclasses.asdict(place)
    access = await watttime.my_access(arguments.region)
    return {
        "regions": [
            {
                "region": each.region,
                "full_name": each.full_name,
                "endpoints": sorted(each.endpoints),
            }
            for each in access.regions
        ]
    }


def parser() -> argparse.ArgumentParser:
    """The questions and what each needs."""
    root = argparse.ArgumentParser(prog="account")
    questions = root.add_subparsers(dest="question", required=True)
    register = questions.add_parser("register")
    register.add_argument("--username", required=True)
    register.add_argument("--email", required=True)
    register.add_argument("--org")
    region = questions.add_parser("region")
    region.add_argument("--latitude", type=float, required=True)
    region.add_argument("--longitude", type=float, required=True)
    access = questions.add_parser("access")
    access.add_argument("--region")
    return root


async def _ask(arguments: argparse.Namespace) -> dict[str, object]:
    settings = PublisherSettings.load()
    client = httpx.AsyncClient(
        base_url=settings.watttime_url, timeout=settings.source_timeout_seconds
    )
    password = settings.watttime_password.get_secret_value()
    watttime = WattTime(client, settings.watttime_username, password, system_clock)
    try:
        return await answer(watttime, arguments)
    finally:
        await watttime.close()


def main(words: Sequence[str]) -> int:
    """Ask one question; an error is one line."""
    configure_logs("account", "ERROR")
    try:
        print(json.dumps(asyncio.run(_ask(parser().parse_args(words)))))  # noqa: T201 - the answer
    except CarbonAwareError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a user reads this
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
