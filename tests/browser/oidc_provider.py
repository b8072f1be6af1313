"""The least of an identity provider that signs somebody in by OpenID Connect, on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CODE, EMAIL = "dashboard", "the-code", "ana@example.org"
LIFE_SECONDS = 600


class Provider(ThreadingHTTPServer):
    """Takes everybody for Ana.

    Attributes:
        asked: the paths that were asked for, in their order.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.nonce = ""
        self.asked: list[str] = []

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "1",
            "email": EMAIL,
            "nonce": self.nonce,
            "iat": now,
            "exp": now + LIFE_SECONDS,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.asked.append(path)
        if path == "/authorize":
            self.server.nonce = query["nonce"][0]
            back = urlencode({"code": CODE, "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
            self.end_headers()
        elif path == "/keys":
            self._answer({"keys": [self.server.key.as_dict(private=False)]})
        else:
            self._answer(self.server.metadata())

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert parse_qs(sent)["code"] == [CODE]
        self._answer(self.server.token())

    def _answer(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@contextmanager
def providing() -> Iterator[Provider]:
    """Run a provider."""
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
