"""Typed payloads: what the first parameter of a handler is annotated with validates the payload."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from shared.messages import explain

_AS_IT_CAME = (inspect.Parameter.empty, Any, object, dict, Mapping, MutableMapping)


class PayloadError(ValueError):
    """A payload does not fit its handler; trying again cannot help."""


def payload_adapter(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    """What validates the payload of a handler; None where it takes the JSON object as it came.

    Raises:
        TypeError: the annotation cannot be resolved or is no type that pydantic knows.
    """
    parameters = list(inspect.signature(function).parameters.values())
    annotation = _resolved(parameters[0].annotation, function) if parameters else Any
    if annotation in _AS_IT_CAME or _is_plain_object(annotation):
        return None
    try:
        return TypeAdapter(annotation)
    except Exception as error:  # pydantic has many, each for another kind of mistake
        raise TypeError(
            f"{function.__name__}: its payload's type {annotation!r} cannot be validated: {error}"
        ) from error


def validated(adapter: TypeAdapter[Any] | None, payload: Mapping[str, Any]) -> Any:  # noqa: ANN401 - users' types
    """The payload as its handler wants it.

    Raises:
        PayloadError: a field is wrong; the one line names it.
    """
    if adapter is None:
        return payload
    try:
        # By way of JSON, so that strict models take the strings that JSON has for dates and ids.
        return adapter.validate_json(pydantic_core.to_json(payload))
    except ValidationError as error:
        raise PayloadError(f"the payload does not fit its handler: {explain(error)}") from error


def _resolved(annotation: Any, function: Callable[..., Any]) -> Any:  # noqa: ANN401 - any annotation
    """An annotation that may be a string, as `from __future__ import annotations` leaves it."""
    holder = types.SimpleNamespace(__annotations__={"payload": annotation})
    names = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, globalns=names, include_extras=True)["payload"]
    except NameError as error:
        raise TypeError(
            f"{function.__name__}: its payload's type {annotation!r} cannot be resolved: {error}; "
            "import it where the module runs, not for type checking alone"
        ) from error


def _is_plain_object(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    return origin in _AS_IT_CAME and arguments == (str, Any)
