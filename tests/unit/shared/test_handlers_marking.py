"""Marking handlers, their options, and the types of their payloads."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from shared.errors import ConfigurationError
from shared.handlers import Accelerators, Handler, PayloadError, Watts, handler, load_handlers
from shared.handlers.registry import as_handler


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime


@dataclasses.dataclass
class Point:
    x: int


class Row(TypedDict):
    x: int


def arguments(function, payload):
    return Handler("t", function, takes_context=False).arguments(payload, None)[0]


def test_options_are_kept():
    @handler("t", timeout=60, retries=0, energy=Watts(250), process=True)
    def work(payload, context): ...

    found = as_handler(work)
    assert (found.timeout_seconds, found.most_retries, found.process) == (60, 0, True)
    assert (found.energy, found.takes_context) == (Watts(250), True)


def test_a_timeout_may_be_a_timedelta():
    @handler("t", timeout=timedelta(minutes=2))
    def work(payload): ...

    assert as_handler(work).timeout_seconds == 120.0


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"timeout": timedelta(seconds=-1)}, "timeout is -1"),
        ({"retries": -1}, "retries is -1"),
        ({"retries": 101}, "retries is 101"),
        ({"energy": 250}, "energy is 250; use Watts"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(options, hint):
    with pytest.raises(ConfigurationError, match=f"^handler 't': {hint}"):
        handler("t", **options)


@pytest.mark.parametrize("power", [-1, float("nan"), float("inf")])
def test_a_power_is_a_power(power):
    for kind in (Watts, Accelerators):
        with pytest.raises(ValueError, match="is not a power"):
            kind(power)


def test_an_async_handler_takes_no_process():
    with pytest.raises(ConfigurationError, match="plain def"):

        @handler("t", process=True)
        async def work(payload): ...


def test_an_unmarked_function_is_no_handler():
    with pytest.raises(ConfigurationError, match=r"mark it with @handler"):
        as_handler(lambda payload: None)


@pytest.mark.parametrize(
    "annotation",
    [None, Any, object, dict, Mapping, dict[str, Any], Mapping[str, Any]],
    ids=str,
)
def test_an_untyped_payload_comes_as_it_is(annotation):
    def work(payload): ...

    if annotation is not None:
        work.__annotations__["payload"] = annotation
    payload = {"anything": [1, {"b": None}]}
    assert arguments(work, payload) is payload


def test_models_dataclasses_and_typed_dicts_are_validated():
    def model(payload: Strict): ...
    def point(payload: Point): ...
    def row(payload: Row): ...
    def numbers(payload: dict[str, int]): ...

    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert arguments(model, {"at": "2026-03-01T00:00:00Z"}) == Strict(at=at), "JSON has no dates"
    assert arguments(point, {"x": 1}) == Point(1)
    assert arguments(row, {"x": 1}) == {"x": 1}
    assert arguments(numbers, {"a": 1}) == {"a": 1}
    for work, payload in (
        (model, {"at": 5}),
        (point, {}),
        (row, {"x": "a"}),
        (numbers, {"a": "b"}),
    ):
        with pytest.raises(PayloadError) as caught:
            arguments(work, payload)
        assert "\n" not in str(caught.value)
        assert f"{next(iter(payload), 'x')}:" in str(caught.value), "the line names the field"


def test_constraints_beside_the_type_hold():
    def work(payload: Annotated[dict[str, int], Field(min_length=1)]): ...

    with pytest.raises(PayloadError):
        arguments(work, {})


POSTPONED = """
from __future__ import annotations
from typing import TYPE_CHECKING
from pydantic import BaseModel
from shared.handlers import handler
if TYPE_CHECKING:
    from decimal import Decimal

class Order(BaseModel):
    rows: int

@handler("typed")
def work(payload: Order): ...
"""


def test_annotations_that_are_strings_are_resolved(tmp_path, monkeypatch):
    (tmp_path / "postponed_handlers.py").write_text(POSTPONED)
    monkeypatch.syspath_prepend(tmp_path)
    found = load_handlers("postponed_handlers")["typed"]
    assert found.arguments({"rows": 3}, None)[0].rows == 3
    with pytest.raises(PayloadError, match="rows: required"):
        found.arguments({}, None)


@pytest.mark.parametrize(
    ("annotation", "hint"),
    [("Decimal", "cannot be resolved"), ("type(lambda: 0)", "cannot be validated")],
)
def test_a_type_that_cannot_be_used_is_said_at_the_start(tmp_path, monkeypatch, annotation, hint):
    name = f"bad_types_{abs(hash(annotation))}"
    (tmp_path / f"{name}.py").write_text(
        POSTPONED.replace("payload: Order", f"payload: {annotation}")
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=hint) as caught:
        load_handlers(name)
    assert "\n" not in str(caught.value)
