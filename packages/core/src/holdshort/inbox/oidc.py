"""Signing in with an OpenID provider (authorization code, PKCE).

The provider says who somebody is; the directory says whether they are somebody here. Nobody is made
by signing in.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdshort.engine.engine import Engine
from holdshort.errors import ConfigurationError, Forbidden, HoldshortError, NotFound
from holdshort.inbox import begun
from holdshort.inbox.signing_in import sign_in_page, signed_in
from holdshort.inbox.web import PRIVATE, go, safe_next
from holdshort.requests import address
from holdshort.server.context import context
from holdshort.store.base import Device

if TYPE_CHECKING:
    from holdshort.inbox.provider import Provider

KIND = "oidc"
#: How much of a provider's own words is shown (characters).
_LONGEST = 300
_PROVIDERS: WeakKeyDictionary[Engine, Provider] = WeakKeyDictionary()


async def begin(request: Request) -> Response:
    """Send the browser to the provider. All that is kept here is what it will have to bring back,
    for five minutes."""
    after = safe_next(request.query_params.get("next"))
    public = context(request).settings.public_url
    if public and urlsplit(public).netloc != request.headers.get("host"):
        # Sent back to that address, it would not have the cookie of this one.
        return go(f"{public.rstrip('/')}/sign-in/oidc?next={quote(after)}")
    back = f"{public.rstrip('/') if public else _origin(request)}/sign-in/oidc/back"
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    try:
        provider = _provider(request)
        kept = {"nonce": nonce, "verifier": verifier, "back": back}
        started = await begun.begin(request, KIND, **kept, next=after)
        url = await provider.address(state=started.secret, **kept)
    except HoldshortError as error:
        return _not_now(request, error, after)
    return started.kept_by(RedirectResponse(url, 303, PRIVATE), request)


async def back(request: Request) -> Response:
    """Sign in whoever the provider says it is."""
    query = request.query_params
    kept = await begun.finish(request, KIND, query.get("state", ""))
    if kept is None:
        problem = (
            "This sign-in was begun in another browser, finished once already, or begun more than "
            "five minutes ago. Nobody was signed in: begin again."
        )
        return sign_in_page(request, 403, after="/inbox", problem=problem)
    try:
        provider = _provider(request)
        if query.get("iss", provider.issuer) != provider.issuer:
            raise Forbidden("the answer comes from another provider than was asked")
        if "error" in query:
            said = query.get("error_description") or query["error"]
            raise Forbidden(f"it says: {said[:_LONGEST]}")
        if not query.get("code"):
            raise Forbidden("it sends no code")
        claims = await provider.claims(
            query["code"],
            nonce=kept["nonce"],
            verifier=kept["verifier"],
            back=kept["back"],
        )
        person = await _person(request, provider.issuer, claims)
    except HoldshortError as error:
        return _not_now(request, error, kept["next"])
    settings = context(request).settings
    return await signed_in(
        request, settings.oidc_tenant, person, by=settings.oidc_name, after=kept["next"]
    )


def _not_now(request: Request, error: HoldshortError, after: str) -> Response:
    name = context(request).settings.oidc_name
    problem = f"Signing in with {name} did not work: {error.message}."
    status = error.status if error.status != 500 else 503
    return sign_in_page(request, status, after=after, problem=problem)


async def _person(request: Request, issuer: str, claims: dict[str, Any]) -> str:
    """Return the person whose verified address the provider tells. Raises Forbidden."""
    mail = claims.get("email")
    if not isinstance(mail, str):
        raise Forbidden("it does not tell your e-mail address")
    verified = claims.get("email_verified")
    if verified is not True and verified != "true":
        raise Forbidden(f"it has not verified that {mail[:_LONGEST]} is yours")
    try:
        person = address(mail)
    except ValueError:
        person = ""
    ctx = context(request)
    tenant = ctx.settings.oidc_tenant
    directory = await ctx.engine.directory_now(tenant)
    if person in directory.inactive:
        raise Forbidden(f"{person} was deactivated here; ask an administrator")
    if "@" not in person or person not in directory.people:
        raise Forbidden(f"nobody here is {mail[:_LONGEST]}; an administrator adds people")
    await _pin(request, tenant, person, issuer, claims["sub"])
    return person


async def _pin(request: Request, tenant: str, person: str, issuer: str, subject: str) -> None:
    """Keep by whose account at the provider a person signs in. An address that was given to
    somebody else since is no way in."""
    engine = context(request).engine
    store, read = engine.store, engine.read
    name = f"{issuer}|{subject}"
    known = await read(store.device, KIND, name)
    if known is not None and (known.tenant, known.person) != (tenant, person):
        raise Forbidden(
            f"your account there is that of {known.person} here; an administrator can end this: "
            f"holdshort people reset {known.person}"
        )
    if known is None:
        pinned = Device(
            tenant=tenant,
            kind=KIND,
            id=name,
            person=person,
            created_at=store.clock.now(),
            doc={"issuer": issuer},
        )
        await engine.write(lambda tx: tx.put_device(pinned))
    # Read after writing: of two accounts that come at the same moment, the first has it.
    theirs = await read(store.devices, tenant, KIND, person)
    first = next(one for one in theirs if one.doc["issuer"] == issuer)
    if first.id != name:
        await engine.write(lambda tx: tx.delete_device(tenant, KIND, name))
        raise Forbidden(
            f"{person} has signed in with another account there before, so this address may have "
            "been given to somebody else; an administrator can allow it: "
            f"holdshort people reset {person}"
        )


def _provider(request: Request) -> Provider:
    """Return the provider. Raises NotFound where none is configured, ConfigurationError where its
    library is missing."""
    ctx = context(request)
    settings = ctx.settings
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        raise NotFound("no provider is set up here")
    found = _PROVIDERS.get(ctx.engine)
    if found is None:
        try:
            from holdshort.inbox.provider import Provider
        except ImportError:
            raise ConfigurationError("it needs a library: pip install 'holdshort[oidc]'") from None
        secret = settings.oidc_client_secret
        found = Provider(
            settings.oidc_issuer,
            settings.oidc_client_id,
            secret.get_secret_value() if secret else None,
            ctx.engine.store.clock,
        )
        _PROVIDERS[ctx.engine] = found
    return found


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


PAGES = (
    ("GET", "/sign-in/oidc", begin),
    ("GET", "/sign-in/oidc/back", back),
)
