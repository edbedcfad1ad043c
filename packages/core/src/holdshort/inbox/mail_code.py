"""Signing in with a code that comes by mail.

The code has six digits, and counts for ten minutes, five tries, and this browser: what it is looked
up by is a secret that only the browser's cookie has. So whoever else sees the mail, a scanner or a
person it was forwarded to, can do nothing with it, nor with the link in it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Conflict, RateLimited
from holdshort.ids import hash_of
from holdshort.inbox.signing_in import sign_in_page, signed_in
from holdshort.inbox.web import form, go, is_secure, one, page, safe_next, sessions
from holdshort.models import DEFAULT_TENANT
from holdshort.server.context import Context, context
from holdshort.server.reaching import person as person_of
from holdshort.store.base import Session, Tx

if TYPE_CHECKING:
    from holdshort.notify.email import EmailNotifier

COOKIE = "holdshort_code"
PURPOSE = "code"
#: How long a code counts (seconds).
SECONDS = 10 * 60
TRIES = 5
#: How many codes a person is sent within the life of one, and within a day.
MOST_SOON, MOST_A_DAY = 5, 20

_DAY = 86400_000
_CODE = re.compile(r"[0-9]{6}")
_OVER = (
    "This code is over: it counts for ten minutes, once, and in the browser that asked for it. "
    "Ask for another one."
)


def mail_of(ctx: Context) -> EmailNotifier:
    """Return the channel that sends codes. Raises Conflict where this server sends no mail."""
    found = ctx.channels.get("email")
    if found is None:
        raise Conflict("this server sends no mail")
    return cast("EmailNotifier", found)


async def begin(request: Request, tenant: str, person: str, after: str) -> Response:
    """Send a person a code, and let this browser use it. Raises SendFailed, RateLimited."""
    ctx = context(request)
    cookie, code = await _made(ctx, tenant, person, after, counts=True)
    to = await _mailbox(ctx, tenant, person)
    await mail_of(ctx).send_code(to, code, link=_link(ctx, code), minutes=SECONDS // 60)
    return _asked(request, cookie)


async def by_mail(request: Request) -> Response:
    """Send a code to an address that somebody typed. Whether there is such a person, neither the
    answer tells nor the time that it takes."""
    ctx, posted = context(request), await form(request)
    after, typed = safe_next(one(posted, "next")), one(posted, "email") or ""
    mail = mail_of(ctx)
    try:
        person = person_of(typed.strip())
    except ValueError as error:
        return sign_in_page(request, 400, after=after, problem=str(error))
    tenant = await _tenant_of(ctx, person)
    known = tenant is not None
    tenant = tenant or DEFAULT_TENANT
    cookie, code = await _made(ctx, tenant, person, after, counts=known)
    to = await _mailbox(ctx, tenant, person)
    if known:
        mail.send_code_soon(to, code, link=_link(ctx, code), minutes=SECONDS // 60)
    return _asked(request, cookie)


async def ask(request: Request) -> Response:
    """Show where the code is typed; the link in the mail has typed it already."""
    code = request.path_params.get("code", "")
    return _form(200, code=code if _CODE.fullmatch(code) else "")


async def enter(request: Request) -> Response:
    """Sign in with the code."""
    ctx, posted = context(request), await form(request)
    cookie = request.cookies.get(COOKIE, "")
    found = await sessions(request).find(cookie, PURPOSE) if cookie else None
    if found is None:
        return _form(410, problem=_OVER)
    code = re.sub(r"[\s-]", "", one(posted, "code") or "")
    tried = await ctx.engine.write(lambda tx: _try(tx, cookie, code))
    if tried is None:
        return _form(410, problem=_OVER)
    if not tried.doc["good"]:
        left = TRIES - int(tried.doc["tries"])
        again = f"{left} more {'try' if left == 1 else 'tries'}."
        return _form(403, problem=f"That is not the code. {again}" if left > 0 else _OVER)
    directory = await ctx.engine.directory_now(found.tenant)
    if found.person in directory.inactive:
        return _form(410, problem=_OVER)
    after = safe_next(found.doc["after"])
    response = await signed_in(
        request, found.tenant, found.person, by="a code by mail", after=after
    )
    response.delete_cookie(COOKIE, path="/sign-in")
    return response


async def _made(
    ctx: Context, tenant: str, person: str, after: str, *, counts: bool
) -> tuple[str, str]:
    """Return the cookie and the code of something new. Raises RateLimited.

    Args:
        counts: False where there is nobody: then no code is the right one.
    """
    ctx.authenticate.limit("sign-in")
    cookie, code = secrets.token_urlsafe(32), f"{secrets.randbelow(10**6):06d}"
    doc = {"after": after, "tries": 0, "code": _bound(cookie, code) if counts else ""}

    def write(tx: Tx) -> bool:
        now = tx.now()
        if not _counted(tx, tenant, person, now):
            return False
        tx.add_session(_session(tenant, person, PURPOSE, hash_of(cookie), now, SECONDS, doc))
        return True

    if not await ctx.engine.write(write):
        raise RateLimited(
            "so many codes were sent to this address lately that no more are. Wait, or sign in "
            "another way",
            retry_after=SECONDS,
        )
    return cookie, code


def _counted(tx: Tx, tenant: str, person: str, now: int) -> bool:
    """Count one more code of this person's; return False, and count none, where it is too many."""
    key = hash_of(f"codes\0{tenant}\0{person}")
    before = tx.end_session(key)
    sent = [at for at in (before.doc["sent"] if before else []) if at > now - _DAY]
    soon = sum(at > now - SECONDS * 1000 for at in sent)
    fits = soon < MOST_SOON and len(sent) < MOST_A_DAY
    kept = {"sent": [*sent, now] if fits else sent}
    tx.add_session(_session(tenant, person, "codes", key, now, _DAY // 1000, kept))
    return fits


def _try(tx: Tx, cookie: str, code: str) -> Session | None:
    """Use one try; return what it was, with `good`. Of two at once, each uses one."""
    found = tx.end_session(hash_of(cookie))
    if found is None or found.expires_at <= tx.now() or found.doc["tries"] >= TRIES:
        return None
    expected = str(found.doc["code"])
    good = hmac.compare_digest(expected, _bound(cookie, code))
    tried: Session = found.but(doc=found.doc | {"tries": found.doc["tries"] + 1, "good": good})
    if not good:
        tx.add_session(tried)
    return tried


def _session(
    tenant: str, person: str, purpose: str, hash: str, now: int, seconds: int, doc: dict[str, Any]
) -> Session:
    return Session(
        hash=hash,
        tenant=tenant,
        purpose=purpose,
        person=person,
        created_at=now,
        expires_at=now + seconds * 1000,
        doc=doc,
    )


def _bound(cookie: str, code: str) -> str:
    """Return what is kept of a code: nobody finds six digits in it without the cookie."""
    return hash_of(f"{cookie}:{code}")


async def _tenant_of(ctx: Context, person: str) -> str | None:
    """Return where somebody is an active person: in one tenant alone, or else in the default one.
    All tenants are looked through, whatever is found."""
    store, found = ctx.engine.store, []
    for tenant in await ctx.engine.read(store.tenants):
        directory = await ctx.engine.directory_now(tenant)
        keys = await ctx.engine.read(store.keys, tenant)
        known = {
            *directory.people,
            *(member for members in directory.teams.values() for member in members),
            *(one.subject for one in keys if one.role == "person" and one.revoked_at is None),
        }
        if person in known and person not in directory.inactive:
            found.append(tenant)
    if len(found) == 1:
        return found[0]
    return DEFAULT_TENANT if DEFAULT_TENANT in found else None


async def _mailbox(ctx: Context, tenant: str, person: str) -> str:
    """Return where a person gets their mail."""
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "person")
    doc = next((entry.doc for entry in entries if entry.name == person), {})
    return str(doc.get("email") or person)


def _link(ctx: Context, code: str) -> str | None:
    base = ctx.settings.public_url
    return f"{base.rstrip('/')}/sign-in/code/{code}" if base else None


def _asked(request: Request, cookie: str) -> Response:
    response = go("/sign-in/code")
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SECONDS,
        path="/sign-in",
        httponly=True,
        samesite="lax",  # sent where the link in the mail is followed
        secure=is_secure(request),
    )
    return response


def _form(status: int, *, code: str = "", problem: str | None = None) -> Response:
    return page("code.html", status, code=code, problem=problem, minutes=SECONDS // 60)


PAGES = (
    ("POST", "/sign-in/mail", by_mail),
    ("GET", "/sign-in/code", ask),
    ("GET", "/sign-in/code/{code}", ask),
    ("POST", "/sign-in/code", enter),
)
