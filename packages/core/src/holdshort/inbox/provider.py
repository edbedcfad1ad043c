"""An OpenID provider: where people are sent, and what is believed of what it says about them.

Its address book (discovery) and keys are kept for an hour. Loaded only where one is configured.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from holdshort.clock import Clock
from holdshort.errors import ConfigurationError, Forbidden, Unavailable
from holdshort.inbox.party import is_this_machine

#: Signed by the provider's own key: never `none`, and never with a secret that we hold as well.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
#: How far the provider's clock may be off (seconds).
LEEWAY = 60
#: How long discovery and keys are believed (milliseconds), and how soon they may be asked for again
#: where a key is new.
_BELIEVED, _AGAIN = 3_600_000, 10_000
_TIMEOUT = 10.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
#: How much of a provider's own words is shown (characters).
_LONGEST = 300


class Provider:
    """One provider, as one client of it.

    Args:
        issuer: its name, which is an address.
        client_id: what it calls this server.
        secret: what this server proves itself with; None for a client that has none.
        clock: the time by which its answers are judged.
    """

    def __init__(self, issuer: str, client_id: str, secret: str | None, clock: Clock) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._clock = clock
        self._found: tuple[int, dict[str, Any]] | None = None
        self._keys: tuple[int, KeySet] | None = None

    async def address(self, *, state: str, nonce: str, verifier: str, back: str) -> str:
        """Return where to send a browser.

        Args:
            back: where the provider is to send it afterwards.
        """
        found = await self._discovery()
        url = prepare_grant_uri(
            found["authorization_endpoint"],
            self._client_id,
            "code",
            redirect_uri=back,
            scope="openid email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(url)

    async def claims(self, code: str, *, nonce: str, verifier: str, back: str) -> dict[str, Any]:
        """Return what the provider says about whoever has signed in. Raises Forbidden where it
        cannot be believed, Unavailable where the provider does not answer."""
        found = await self._discovery()
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=back, code_verifier=verifier
        )
        url, headers, body = self._as_us(found).prepare(
            "POST", found["token_endpoint"], dict(_FORM), body
        )
        token = await self._json(url, headers, body)
        if "error" in token:
            raise Forbidden(f"it does not take its own code: {str(token['error'])[:_LONGEST]}")
        claims = await self._believed(token.get("id_token"), nonce)
        if "email" not in claims and "userinfo_endpoint" in found:
            bearer = {"Authorization": f"Bearer {token.get('access_token')}"}
            more = await self._json(found["userinfo_endpoint"], bearer)
            if more.get("sub") != claims["sub"]:
                raise Forbidden("it speaks of two people at once")
            claims = {**more, **claims}
        return claims

    def _as_us(self, found: dict[str, Any]) -> ClientAuth:
        """How this server proves to the provider that it is itself."""
        if self._secret is None:
            return ClientAuth(self._client_id, None, "none")
        ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        return ClientAuth(self._client_id, self._secret, way)

    async def _believed(self, token: Any, nonce: str) -> dict[str, Any]:
        """Return the claims of a token that this provider has signed, for us, for this sign-in."""
        if not isinstance(token, str):
            raise Forbidden("it sends no id_token")
        try:
            found = await self._signed(token)
            claims: dict[str, Any] = dict(found.claims)
            jwt.JWTClaimsRegistry(
                now=self._clock.now() // 1000,
                leeway=LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self._client_id},
                nonce={"essential": True, "value": nonce},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Forbidden(f"its id_token cannot be believed: {error}") from error
        audience = claims["aud"]
        others = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if others else self._client_id) != self._client_id:
            raise Forbidden("its id_token was made for somebody else")
        return claims

    async def _signed(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            # The provider has a new key, perhaps.
            return jwt.decode(token, await self._key_set(_AGAIN), algorithms=ALGORITHMS)

    async def _discovery(self) -> dict[str, Any]:
        now = self._clock.now()
        if self._found is None or now - self._found[0] > _BELIEVED:
            found = await self._json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise ConfigurationError(
                    f"it calls itself {found.get('issuer')!r}, and not {self.issuer!r}"
                )
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            for name in (*needed, *({"userinfo_endpoint"} & found.keys())):
                place = urlsplit(str(found.get(name, "")))
                if place.scheme != "https" and not is_this_machine(place.hostname):
                    raise ConfigurationError(f"its {name} must be reached by https")
            self._found = (now, found)
        return self._found[1]

    async def _key_set(self, believed: int = _BELIEVED) -> KeySet:
        now = self._clock.now()
        if self._keys is None or now - self._keys[0] > believed:
            found = await self._json((await self._discovery())["jwks_uri"])
            signing = [one for one in found["keys"] if one.get("use", "sig") == "sig"]
            self._keys = (now, KeySet.import_key_set({"keys": signing}))
        return self._keys[1]

    async def _json(
        self, url: str, headers: dict[str, str] | None = None, form: str | None = None
    ) -> dict[str, Any]:
        """Return what stands at an address, or what a form is answered with."""
        method = "GET" if form is None else "POST"
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
                reply = await client.request(method, url, headers=headers, content=form)
            found = reply.json()
            # A form that is not taken is answered with why, in JSON as well.
            if form is None or not isinstance(found, dict) or "error" not in found:
                reply.raise_for_status()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"it does not answer ({type(error).__name__})") from error
        if not isinstance(found, dict):
            raise Unavailable("it does not answer as a provider does")
        return found
