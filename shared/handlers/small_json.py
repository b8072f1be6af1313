"""Results and checkpoints travel in messages, so they are small JSON."""

from typing import Any

import pydantic_core

LARGEST_RESULT_BYTES = 64 * 1024


def small_json(value: Any, what: str, most_bytes: int = LARGEST_RESULT_BYTES) -> Any:  # noqa: ANN401 - users' values
    """A value as plain JSON data.

    Args:
        value: anything that pydantic can write as JSON: dataclasses, models and dates too.
        what: what it is, for the error: `result`.
        most_bytes: the limit of its JSON text.

    Raises:
        ValueError: it is no JSON, or too much; the line says what to do instead.
    """
    try:
        text = pydantic_core.to_json(value)
    except pydantic_core.PydanticSerializationError as error:
        raise ValueError(f"the handler's {what} is no JSON: {error}") from error
    if len(text) > most_bytes:
        raise ValueError(
            f"the handler's {what} is {len(text)} bytes of JSON, more than {most_bytes}; "
            "store it elsewhere and give a reference"
        )
    return pydantic_core.from_json(text)
