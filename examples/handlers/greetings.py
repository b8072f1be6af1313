"""A module with a job handler, to be mounted into the workers: HANDLERS=greetings."""

from collections.abc import Mapping
from typing import Any

from shared.handlers import handler


@handler("greeting")
def greet(payload: Mapping[str, Any]) -> dict[str, str]:
    """Greet somebody."""
    return {"text": f"Hello, {payload.get('name', 'world')}!"}
