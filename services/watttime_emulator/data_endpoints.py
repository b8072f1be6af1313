"""The endpoints under /v3/: parameters in, documents out."""

from datetime import date, timedelta

from starlette.requests import Request

from services.watttime_emulator import documents, queries
from services.watttime_emulator.accounts import Plan, User
from services.watttime_emulator.answers import Refused, bad_query, no_coverage, not_in_plan
from services.watttime_emulator.documents import Document
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.regions import FREE_REGION, Region, region_at

MAX_HISTORY = timedelta(days=32)
MAX_FORECASTS = timedelta(days=1)
MAX_FORECAST_SLOTS = 289  # a day of 5-minute slots, both ends included


def region_from_loc(emulator: Emulator, request: Request, _user: User) -> Document:
    """`/v3/region-from-loc`."""
    query = request.query_params
    region = region_at(emulator.regions, *queries.coordinates(query))
    if region is None or query["signal_type"] != queries.MOER:
        raise Refused(no_coverage(query))
    return {
        "region": region.name,
        "region_full_name": region.full_name,
        "signal_type": query["signal_type"],
    }


def signal_index(emulator: Emulator, request: Request, _user: User) -> Document:
    """`/v3/signal-index`: for every user, in every region."""
    query, path = request.query_params, request.url.path
    if queries.signal_type(query, default=queries.MOER) != queries.MOER:
        raise Refused(bad_query("only co2_moer has an index"))
    region = _region(emulator, request)
    model = _model(emulator, request)
    return documents.signal_index(region, emulator.data_time(path), model)


def forecast(emulator: Emulator, request: Request, user: User) -> Document:
    """`/v3/forecast`."""
    region, model = _entitled(emulator, request, user)
    hours = queries.horizon_hours(request.query_params)
    return documents.forecast(region, emulator.data_time(request.url.path), model, hours)


def past_forecasts(emulator: Emulator, request: Request, user: User) -> Document:
    """`/v3/forecast/historical`."""
    region, model = _entitled(emulator, request, user)
    hours = queries.horizon_hours(request.query_params)
    start, end = queries.span(request.query_params, MAX_FORECASTS)
    now = emulator.data_time(request.url.path)
    slots = documents.published_slots(region.replay, start, end, now)
    if len(slots) > MAX_FORECAST_SLOTS:
        raise Refused(bad_query(f"more than {MAX_FORECAST_SLOTS} forecasts at this speed"))
    return documents.past_forecasts(region, slots, model, hours)


def history(emulator: Emulator, request: Request, user: User) -> Document:
    """`/v3/historical`."""
    region, model = _entitled(emulator, request, user)
    query, path = request.query_params, request.url.path
    start, end = queries.span(query, MAX_HISTORY)
    return documents.history(
        region,
        documents.published_slots(region.replay, start, end, emulator.data_time(path)),
        model,
        revision=emulator.revision(path),
        updated_since=queries.instant(query, "updated_since") if "updated_since" in query else None,
        imputed_marker=queries.flag(query, "include_imputed_marker"),
    )


def my_access(emulator: Emulator, request: Request, user: User) -> Document:
    """`/v3/my-access`: the regions and endpoints that are in the user's plan."""
    query, model = request.query_params, emulator.model(request.url.path)
    if queries.signal_type(query, default=queries.MOER) != queries.MOER:
        return {"signal_types": []}
    asked = query.get("region")
    regions = [
        documents.access_of(region, model, _endpoints(user, region))
        for region in emulator.regions.values()
        if asked in {None, region.name}
    ]
    return {"signal_types": [{"signal_type": queries.MOER, "regions": regions}]}


def beyond_every_plan(_emulator: Emulator, _request: Request, _user: User) -> Document:
    """`/v3/maps` and `/v3/fuel-mix`: they exist, but nobody here has paid for them."""
    raise Refused(not_in_plan())


def _entitled(emulator: Emulator, request: Request, user: User) -> tuple[Region, date]:
    """The region that is asked for, if the user may see absolute values of it."""
    signal = queries.signal_type(request.query_params)
    name = request.query_params.get("region", FREE_REGION)
    if not _sees_values(user, name) or signal != queries.MOER:
        raise Refused(not_in_plan())
    return _region(emulator, request), _model(emulator, request)


def _region(emulator: Emulator, request: Request) -> Region:
    name = request.query_params.get("region")
    if name is None or name not in emulator.regions:
        raise Refused(bad_query(f"region must be one of {', '.join(emulator.regions)}"))
    return emulator.regions[name]


def _model(emulator: Emulator, request: Request) -> date:
    model = emulator.model(request.url.path)
    queries.check_model(request.query_params, model)
    return model


def _sees_values(user: User, region: str) -> bool:
    return user.plan is Plan.FULL or region == FREE_REGION


def _endpoints(user: User, region: Region) -> tuple[str, ...]:
    seen = _sees_values(user, region.name)
    return documents.ALL_ENDPOINTS if seen else documents.FREE_ENDPOINTS
