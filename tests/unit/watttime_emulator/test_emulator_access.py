"""Regions, plans and wrong parameters."""

from typing import Any

import pytest

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
MakeStage = Any
DATA = ("/v3/forecast", "/v3/forecast/historical", "/v3/historical", "/v3/signal-index")
ABSOLUTE = DATA[:3]
SPAN = {"start": "2026-01-10T11:00:00Z", "end": "2026-01-10T11:30:00Z"}
WRONG = {
    "error": "INVALID_QUERY_PARAMS",
    "msg": "You've provided invalid parameters in your query",
    "docs": "https://docs.watttime.org/",
}


# -- regions, access and plans


async def test_a_location_has_its_region(stage: Stage) -> None:
    places = {
        (37.77, -122.42): ("CAISO_NORTH", "California ISO Northern"),
        (39.7522, -105.0): ("PSCO", "Public Service Co of Colorado"),
    }
    for (latitude, longitude), (region, full_name) in places.items():
        answer = await stage.get("/v3/region-from-loc", latitude=latitude, longitude=longitude)
        assert answer.json() == {
            "region": region,
            "region_full_name": full_name,
            "signal_type": "co2_moer",
        }


@pytest.mark.parametrize(("latitude", "longitude"), [("0", "0"), ("34.05", "-118.24")])
async def test_a_location_without_coverage_is_not_found(
    stage: Stage, latitude: str, longitude: str
) -> None:
    answer = await stage.get("/v3/region-from-loc", latitude=latitude, longitude=longitude)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "No coverage available for these coordinates and signal_type",
        "latitude": latitude,
        "longitude": longitude,
        "signal_type": "co2_moer",
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["latitude", "longitude"]),
        ({"latitude": "x", "longitude": "1"}, ["latitude"]),
        ({"latitude": "91", "longitude": "-181"}, ["latitude", "longitude"]),
        ({"latitude": "nan", "longitude": "1"}, ["latitude"]),
        ({"latitude": "1", "longitude": "1", "signal_type": None}, ["signal_type"]),
        ({"latitude": "1", "longitude": "1", "signal_type": "co2"}, ["signal_type"]),
    ],
)
async def test_a_wrong_location_is_answered_with_the_fields_that_are_wrong(
    stage: Stage, query: dict[str, str], names: list[str]
) -> None:
    answer = await stage.get("/v3/region-from-loc", **query)
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["query", n] for n in names]


async def test_the_access_list_has_the_documented_shape(stage: Stage) -> None:
    (signal,) = (await stage.get("/v3/my-access", region=None)).json()["signal_types"]
    assert signal["signal_type"] == "co2_moer"
    assert [region["region"] for region in signal["regions"]] == ["CAISO_NORTH", "PSCO"]
    region = signal["regions"][0]
    assert (region["region_full_name"], region["parent"]) == ("California ISO Northern", "CAISO")
    assert region["data_point_period_seconds"] == 300
    (model,) = region["endpoints"][0]["models"]
    assert set(model) == {"model", "data_start", "train_start", "train_end", "type"}


async def test_the_access_list_can_be_narrowed(stage: Stage) -> None:
    (signal,) = (await stage.get("/v3/my-access", region="PSCO")).json()["signal_types"]
    assert [region["region"] for region in signal["regions"]] == ["PSCO"]
    other = await stage.get("/v3/my-access", signal_type="co2_aoer")
    assert other.json() == {"signal_types": []}


@pytest.mark.parametrize("user", ["full", "free"])
@pytest.mark.parametrize("region", ["CAISO_NORTH", "PSCO"])
async def test_what_the_access_list_names_is_served_and_the_rest_forbidden(
    stage: Stage, user: str, region: str
) -> None:
    (signal,) = (await stage.get("/v3/my-access", user, region=region)).json()["signal_types"]
    named = {f"/{entry['endpoint']}" for entry in signal["regions"][0]["endpoints"]}
    for path in DATA:
        status = (await stage.get(path, user, region=region, **SPAN)).status_code
        assert status == (200 if path in named else 403)
    assert "/v3/signal-index" in named
    assert ("/v3/forecast" in named) is (user == "full" or region == "CAISO_NORTH")


async def test_a_region_outside_the_plan_is_forbidden_in_watttime_s_words(stage: Stage) -> None:
    for path in ABSOLUTE:
        for region in ("PSCO", "NOWHERE"):
            answer = await stage.get(path, "free", region=region, **SPAN)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/json"
            body = answer.json()
            assert body["error"] == "Invalid query parameters"
            assert body["message"].startswith(
                "Invalid scope. You do not have sufficient access to this resource. See "
            )
            assert body["message"].endswith(
                "Please note that all users are allowed free access to CAISO_NORTH."
            )


@pytest.mark.parametrize("signal", ["co2_aoer", "health_damage"])
async def test_a_signal_that_is_not_recorded_is_in_no_plan(stage: Stage, signal: str) -> None:
    assert (await stage.get("/v3/forecast", signal_type=signal)).status_code == 403


@pytest.mark.parametrize("path", ["/v3/maps", "/v3/fuel-mix"])
async def test_maps_and_fuel_mix_are_in_no_plan(stage: Stage, path: str) -> None:
    assert (await stage.get(path)).status_code == 403
    assert (await stage.http.get(path)).status_code == 401


# -- wrong parameters


@pytest.mark.parametrize(
    ("path", "query", "reason"),
    [
        ("/v3/signal-index", {"region": None}, "region must be one of CAISO_NORTH, PSCO"),
        ("/v3/signal-index", {"region": "NOWHERE"}, "region must be"),
        ("/v3/signal-index", {"signal_type": "co2_aoer"}, "only co2_moer"),
        ("/v3/forecast", {"region": "NOWHERE"}, "region must be"),
        ("/v3/forecast", {"region": None}, "region must be"),
        ("/v3/forecast", {"signal_type": None}, "signal_type must be"),
        ("/v3/forecast", {"signal_type": "moer"}, "signal_type must be"),
        ("/v3/forecast", {"horizon_hours": "73"}, "horizon_hours must be"),
        ("/v3/forecast", {"horizon_hours": "-1"}, "horizon_hours must be"),
        ("/v3/forecast", {"horizon_hours": "1.5"}, "horizon_hours must be"),
        ("/v3/forecast", {"horizon_hours": ""}, "horizon_hours must be"),
        ("/v3/forecast", {"model": "1999-01-01"}, "the current one is 2021-02-01"),
        ("/v3/historical", {}, "start must be a time with a zone"),
        ("/v3/historical", SPAN | {"end": ""}, "end must be a time with a zone"),
        ("/v3/historical", SPAN | {"start": "2026-01-10T11:00:00"}, "start must be a time with"),
        ("/v3/historical", SPAN | {"start": "2026-13-10T11:00:00Z"}, "start is no valid time"),
        ("/v3/historical", SPAN | {"start": "0001-01-01T00:00:00+14:00"}, "start is no valid"),
        ("/v3/historical", SPAN | {"start": "yesterday"}, "start must be a time with a zone"),
        ("/v3/historical", SPAN | {"end": "2026-01-10T10:00:00Z"}, "end is before start"),
        ("/v3/historical", SPAN | {"start": "2025-12-09T11:29:59Z"}, "more than 32 days"),
        ("/v3/historical", SPAN | {"include_imputed_marker": "perhaps"}, "true or false"),
        ("/v3/historical", SPAN | {"updated_since": "now"}, "updated_since must be"),
        ("/v3/forecast/historical", {}, "start must be a time with a zone"),
        ("/v3/forecast/historical", SPAN | {"start": "2026-01-09T11:29:59Z"}, "more than 1 day"),
        ("/v3/forecast/historical", SPAN | {"horizon_hours": "100"}, "horizon_hours must be"),
    ],
)
async def test_a_wrong_parameter_is_refused_as_watttime_does_with_our_reason_in_a_header(
    stage: Stage, path: str, query: dict[str, Any], reason: str
) -> None:
    answer = await stage.get(path, **query)
    assert answer.status_code == 400
    assert answer.json() == WRONG
    assert reason in answer.headers["x-emulator-reason"]


async def test_the_longest_spans_are_still_served(stage: Stage) -> None:
    month = {"start": "2025-12-09T11:30:00Z", "end": "2026-01-10T11:30:00Z"}
    assert len((await stage.get("/v3/historical", **month)).json()["data"]) == 32 * 288 + 1
    day = {"start": "2026-01-09T11:30:00Z", "end": "2026-01-10T11:30:00Z", "horizon_hours": 1}
    assert len((await stage.get("/v3/forecast/historical", **day)).json()["data"]) == 289


async def test_at_high_speed_past_forecasts_are_limited_by_their_number(
    make_stage: MakeStage,
) -> None:
    stage = await make_stage(60)
    query = {"start": "2026-01-10T11:36:00Z", "end": "2026-01-10T12:00:00Z", "horizon_hours": 0}
    assert len((await stage.get("/v3/forecast/historical", **query)).json()["data"]) == 289
    wider = query | {"start": "2026-01-10T11:35:00Z"}
    answer = await stage.get("/v3/forecast/historical", **wider)
    assert answer.status_code == 400
    assert "more than 289" in answer.headers["x-emulator-reason"]


async def test_the_current_model_may_be_named(stage: Stage) -> None:
    assert (await stage.get("/v3/forecast", model="2021-02-01")).status_code == 200
