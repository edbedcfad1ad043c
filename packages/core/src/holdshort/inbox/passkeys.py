"""Signing in with a passkey, and showing one for something that somebody is about to do.

What is asked for is kept by the server for some minutes and used up by the first answer, whatever
that is worth. The challenge is the secret of what is kept, so an answer finds what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdshort.errors import ConfigurationError, HoldshortError
from holdshort.ids import hash_of
from holdshort.inbox import begun
from holdshort.inbox.party import Party, PasskeyRefused, party_at, party_id
from holdshort.inbox.signing_in import sign_in_page, signed_in
from holdshort.inbox.web import PRIVATE, form, one, safe_next, sessions
from holdshort.server.context import context
from holdshort.server.sessions import Visitor
from holdshort.store.base import Device

if TYPE_CHECKING:
    from types import ModuleType

KIND = "passkey"
#: How long somebody may take to show one for what they are about to do (seconds).
PROOF_SECONDS = 2 * 60


@dataclass(frozen=True)
class Need:
    """What somebody is about to do, for which they show a passkey. The answer counts for exactly
    this, in this session, once."""

    what: str
    about: dict[str, Any]

    def doc(self, who: Visitor) -> dict[str, Any]:
        return {"for": self.what, "session": hash_of(who.secret), **self.about}


def ceremony() -> ModuleType:
    """Return the ceremonies. Raises ConfigurationError where their library is missing."""
    try:
        from holdshort.inbox import ceremony as found
    except ImportError:
        raise ConfigurationError(
            "passkeys need a library: pip install 'holdshort[passkeys]'"
        ) from None
    return found


def party(request: Request) -> Party:
    """Return for whom passkeys are made where this browser is. Raises NotHere, which says why."""
    host = request.headers.get("host", "")
    return party_at(context(request).settings.public_url, host)


async def passkeys_of(request: Request, tenant: str, person: str) -> list[Device]:
    """Return a person's passkeys for this server, oldest first, wherever they are now."""
    ctx = context(request)
    found = await ctx.engine.read(ctx.engine.store.devices, tenant, KIND, person)
    name = party_id(ctx.settings.public_url)
    return [one for one in found if one.doc.get("party") == name]


async def ask_for_proof(request: Request, who: Visitor, need: Need) -> dict[str, Any]:
    """Return what a browser is asked for, so that somebody who is signed in shows a passkey of
    theirs. Raises NotHere where it could show none."""
    principal = who.principal
    known = [one.id for one in await passkeys_of(request, principal.tenant, principal.id)]
    here = party(request)
    challenge = await sessions(request).make(
        principal.tenant, principal.id, begun.PURPOSE, PROOF_SECONDS, need.doc(who)
    )
    options: dict[str, Any] = ceremony().options_to_show(here, challenge, known)
    return options


async def prove(request: Request, who: Visitor, need: Need, answer: str) -> None:
    """Verify that this is a passkey of theirs, shown for exactly this, just now. Raises
    PasskeyRefused."""
    said = ceremony().shown(answer)
    kept = await sessions(request).take(said.challenge, begun.PURPOSE)
    if kept is None:
        raise PasskeyRefused("this was confirmed once already, or too long ago: do it again")
    if kept.doc != need.doc(who):
        raise PasskeyRefused(
            "your passkey was shown for something else than this: look again at what stands there, "
            "and do it again"
        )
    device = await _device(request, said.id)
    principal = who.principal
    if device is None or (device.tenant, device.person) != (principal.tenant, principal.id):
        raise PasskeyRefused("this is no passkey of yours here")
    await _verify(request, device, said.challenge, answer)


async def begin(request: Request) -> Response:
    """Ask for any passkey that this browser has for us: nobody types a name."""
    await form(request)
    here = party(request)
    started = await begun.begin(request, KIND)
    options = ceremony().options_to_show(here, started.secret, [])
    return started.kept_by(JSONResponse({"publicKey": options}, headers=PRIVATE), request)


async def finish(request: Request) -> Response:
    """Sign in whoever the passkey belongs to."""
    posted = await form(request)
    after = safe_next(one(posted, "next"))
    try:
        device = await _whose(request, one(posted, "answer") or "")
    except HoldshortError as error:
        return sign_in_page(request, error.status, after=after, problem=error.message)
    return await signed_in(
        request, device.tenant, device.person, by="a passkey", after=after, device=device.id
    )


async def _whose(request: Request, answer: str) -> Device:
    said = ceremony().shown(answer)
    if await begun.finish(request, KIND, said.challenge) is None:
        raise PasskeyRefused(
            "this sign-in was begun elsewhere, finished once already, or too long ago: begin again"
        )
    device = await _device(request, said.id)
    if device is None:
        raise PasskeyRefused("this passkey is not known here any more: sign in another way")
    if said.user is not None and said.user != _handle(device):
        raise PasskeyRefused("this passkey says that it is somebody else's")
    await _verify(request, device, said.challenge, answer)
    directory = await context(request).engine.directory_now(device.tenant)
    if device.person in directory.inactive:
        raise PasskeyRefused(f"{device.person} was deactivated; ask an administrator")
    return device


async def _device(request: Request, id: str) -> Device | None:
    ctx = context(request)
    found = await ctx.engine.read(ctx.engine.store.device, KIND, id)
    ours = found is not None and found.doc.get("party") == party_id(ctx.settings.public_url)
    return found if ours else None


async def _verify(request: Request, device: Device, challenge: str, answer: str) -> None:
    """Verify what was shown, and keep how often it has been used."""
    count = ceremony().proved(
        party(request),
        challenge,
        answer,
        key=str(device.doc["key"]),
        count=int(device.doc["count"]),
    )
    engine = context(request).engine
    used = device.but(doc={**device.doc, "count": count, "used_at": engine.store.clock.now()})
    # Only in the place of itself: one that is removed at this moment does not come back.
    await engine.write(
        lambda tx: tx.put_device(used) if tx.delete_device(device.tenant, KIND, device.id) else None
    )


def _handle(device: Device) -> str:
    handle: str = ceremony().user_handle_text(device.tenant, device.person)
    return handle


PAGES = (
    ("POST", "/sign-in/passkey/begin", begin),
    ("POST", "/sign-in/passkey", finish),
)
