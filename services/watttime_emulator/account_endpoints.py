"""`/login`, `/register` and `/password`: the endpoints without a token."""

import base64
import binascii
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.watttime_emulator.accounts import Plan, User, is_strong
from services.watttime_emulator.answers import (
    Refused,
    bad_fields,
    login_forbidden,
    login_required,
    method_not_allowed,
    no_password_reset,
    too_many,
    username_taken,
)
from services.watttime_emulator.emulator import Emulator
from services.watttime_emulator.gate import Handler, delivered, fail_on_purpose

REQUIRED = ("username", "password", "email")


def login(emulator: Emulator) -> Handler:
    """`GET /login` with HTTP Basic: a token."""

    async def answer(request: Request) -> Response:
        try:
            username, password = _credentials(request)
            request.state.user = username
            if not emulator.logins.admit(username, emulator.clock()):
                return too_many()
            await fail_on_purpose(emulator, request.url.path)
        except Refused as refused:
            return refused.response
        user = emulator.accounts.logged_in(username, password)
        if user is None:
            return login_forbidden()
        token = {"token": emulator.tokens.issue(user.username, emulator.clock())}
        return delivered(token, emulator.faults.at(request.url.path))

    return answer


def register(emulator: Emulator) -> Handler:
    """`POST /register` with a JSON body: a new user, on the free plan."""

    async def answer(request: Request) -> Response:
        if request.method != "POST":
            return method_not_allowed()
        try:
            fields = _registration(await request.body())
        except Refused as refused:
            return refused.response
        user = User(fields["username"], fields["password"], Plan.FREE)
        if not emulator.accounts.add(user):
            return username_taken()
        return JSONResponse({"user": user.username, "ok": "User created"})

    return answer


def password(emulator: Emulator) -> Handler:
    """`GET /password`: pretends to send a link."""

    async def answer(request: Request) -> Response:
        if emulator.accounts.find(request.query_params.get("username", "")) is None:
            return no_password_reset()
        return JSONResponse({"ok": "Please check your email for the password reset link"})

    return answer


def _credentials(request: Request) -> tuple[str, str]:
    """The name and the password of an Authorization header."""
    header = request.headers.get("authorization")
    if header is None:
        raise Refused(login_required())
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(login_forbidden()) from error
    username, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Refused(login_forbidden())
    return username, secret


def _registration(body: bytes) -> dict[str, Any]:
    """The fields of a registration, each of them usable."""
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise Refused(bad_fields("body", [("", "not JSON")])) from error
    if not isinstance(fields, dict):
        raise Refused(bad_fields("body", [("", "not an object")]))
    problems = [
        (name, "field required")
        for name in REQUIRED
        if not isinstance(fields.get(name), str) or not fields[name]
    ]
    if not problems and not is_strong(fields["password"]):
        rule = "at least 8 characters with a letter, a digit and a special character"
        problems = [("password", rule)]
    if problems:
        raise Refused(bad_fields("body", problems))
    return fields
