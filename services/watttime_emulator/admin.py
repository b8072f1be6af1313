"""The emulator's own routes: switching faults and seeing what clients did."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.faults import Document, Faults


def admin_routes(emulator: Emulator) -> list[Route]:
    """`/admin/faults` and `/admin/state`."""

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                emulator.switch(Faults.model_validate_json(await request.body()))
            except ValidationError as error:
                detail = error.errors(include_url=False, include_context=False, include_input=False)
                return JSONResponse({"detail": detail}, 422)
        elif request.method == "DELETE":
            emulator.switch(Faults())
        return JSONResponse(emulator.faults.shown.model_dump(mode="json"))

    async def state(request: Request) -> Response:
        if request.method == "DELETE":
            emulator.tally.clear()
        return JSONResponse(_state(emulator))

    return [
        Route("/admin/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/admin/state", state, methods=["GET", "DELETE"]),
    ]


def _state(emulator: Emulator) -> Document:
    now = emulator.clock()
    return {
        "now": now.isoformat(),
        "regions": {name: _position(emulator, name) for name in emulator.regions},
        "requests": [
            {"path": path, "status": status, "user": user, "count": count}
            for (path, status, user), count in sorted(emulator.tally.items())
        ],
        "faults": emulator.faults.shown.model_dump(mode="json", exclude_defaults=True),
    }


def _position(emulator: Emulator, name: str) -> Document:
    """Where the replay of a region stands."""
    replay = emulator.regions[name].replay
    slot = replay.slot(emulator.clock())
    return {
        "point_time": replay.time_of(slot).isoformat(),
        "recorded_time": replay.trace.time_of(replay.place(slot)).isoformat(),
        "intensity_g_per_kwh": replay.value(slot),
        "data_point_period_seconds": replay.period,
        "speed": replay.speed,
    }
