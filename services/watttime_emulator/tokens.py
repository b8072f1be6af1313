"""Tokens that live for 30 minutes, checked in the order and the words of WattTime's gateway."""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

LIFETIME = timedelta(minutes=30)
ISSUER = "WattTime"


class BadToken(Exception):
    """A token is refused; the message is what the gateway answers."""


class Tokens:
    """Issues JSON Web Tokens (HS256) and checks them.

    Attributes:
        generation: tokens of an earlier one count as expired, however young they are.
    """

    def __init__(self, key: bytes) -> None:
        """Sign with a key."""
        self._key = key
        self.generation = 0

    def issue(self, username: str, now: datetime) -> str:
        """A token for a user."""
        claims = {
            "iss": ISSUER,
            "sub": username,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "generation": self.generation,
        }
        signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def username(self, token: str, now: datetime) -> str:
        """The user that a token was issued to.

        Raises:
            BadToken: it is not ours, not whole, or expired.
        """
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken(
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            )
        if _decode(parts[0], "header").get("alg") != "HS256":
            raise BadToken("Jwt header [alg] is not supported")
        claims = _decode(parts[1], "payload")
        if claims.get("iss") != ISSUER:
            raise BadToken("Jwt issuer is not configured")
        if self._has_expired(claims, now):
            raise BadToken("Jwt is expired")
        if not hmac.compare_digest(self._signature(f"{parts[0]}.{parts[1]}"), parts[2]):
            raise BadToken("Jwt verification fails")
        return str(claims["sub"])

    def _has_expired(self, claims: dict[str, Any], now: datetime) -> bool:
        expires = claims.get("exp")
        if not isinstance(expires, int) or now.timestamp() >= expires:
            return True
        return claims.get("generation") != self.generation

    def _signature(self, signed: str) -> str:
        return _base64(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _encode(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(part: str, name: str) -> dict[str, Any]:
    """A section of a token as an object."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        claims = json.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise BadToken(f"Jwt {name} is an invalid JSON") from error
    if not isinstance(claims, dict):
        raise BadToken(f"Jwt {name} is an invalid JSON")
    return claims
