"""An OpenID provider on the loopback, with real keys, that lies where it is told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "holdshort", "s3cret"


class OpenId:
    """Who signs in is `mail`, with the account `subject`.

    `lies` are claims that its tokens have in the place of the true ones (None: none at all);
    `sign` signs them in another way; `discovery` is what it says about itself that is not so;
    `refuses` is an error that it sends people back with.
    """

    def __init__(self, url: str, now: Callable[[], int]) -> None:
        self.url = url
        self.now = now
        self.mail, self.subject = "ana@acme.com", "subject-1"
        self.lies: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.refuses: dict[str, str] = {}
        self.more: dict[str, Any] | None = None
        self.key = new_key("one")
        self.keys: list[RSAKey] = [self.key]
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.asked: dict[str, dict[str, str]] = {}
        self.ways: list[str] = []
        self.fetched: list[str] = []

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign as it should."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        self.fetched.append("discovery")
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
        }
        return JSONResponse(found | self.discovery)

    async def _keys(self, request: Request) -> Response:
        self.fetched.append("keys")
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _authorize(self, request: Request) -> Response:
        """Sign whoever comes in at once, and send them back."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert {"openid", "email"} <= {*asked["scope"].split()}
        answer = dict(self.refuses)
        if not answer:
            answer["code"] = secrets.token_urlsafe(16)
            self.asked[answer["code"]] = asked
        answer["state"] = asked["state"]
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        posted = {k: v[-1] for k, v in parse_qs((await request.body()).decode()).items()}
        if not self._is_client(request, posted):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.asked.pop(posted["code"], None)  # a code counts once
        proof = hashlib.sha256(posted["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != posted["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = {"access_token": "access", "token_type": "Bearer", "expires_in": 300}
        return JSONResponse(token | {"id_token": self.sign(self._claims(asked))})

    def _is_client(self, request: Request, posted: dict[str, str]) -> bool:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            self.ways.append("basic")
            name, _, secret = base64.b64decode(sent).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT, SECRET)
        self.ways.append("post" if "client_secret" in posted else "none")
        return posted["client_id"] == CLIENT and posted.get("client_secret", SECRET) == SECRET

    def _claims(self, asked: dict[str, str]) -> dict[str, Any]:
        now = self.now() // 1000
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": self.mail,
            "email_verified": True,
        }
        return {name: one for name, one in (claims | self.lies).items() if one is not None}

    async def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer access"
        return JSONResponse(self.more)


@cache
def new_key(kid: str, owner: str = "provider", use: str = "sig") -> RSAKey:
    """Return a key; the same one for the same words, because making one takes its time."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": use})


def unsigned(claims: dict[str, Any]) -> str:
    """A token that nobody has signed."""
    parts = (_plain(json.dumps(one).encode()).decode() for one in ({"alg": "none"}, claims))
    return ".".join(parts) + "."


def signed_with(secret: bytes, kid: str) -> Callable[[dict[str, Any]], str]:
    """Sign with a secret that both sides know, or that everybody knows."""

    def sign(claims: dict[str, Any]) -> str:
        head = json.dumps({"alg": "HS256", "kid": kid}).encode()
        said = b".".join(_plain(one) for one in (head, json.dumps(claims).encode()))
        return (said + b"." + _plain(hmac.digest(secret, said, "sha256"))).decode()

    return sign


def _plain(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def provider(now: Callable[[], int]) -> Iterator[OpenId]:
    """Run a provider on the loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = OpenId(f"http://127.0.0.1:{listener.getsockname()[1]}", now)
    config = uvicorn.Config(found.app(), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield found
    server.should_exit = True
    thread.join(10)
    listener.close()
