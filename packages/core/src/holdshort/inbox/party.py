"""For whom passkeys are made: a name that browsers know, at one address. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit

from holdshort.errors import HoldshortError


class NotHere(HoldshortError):
    """Passkeys do not work at this address."""

    code = "conflict"
    status = 409


class PasskeyRefused(HoldshortError):
    """This passkey does not prove who you are."""

    code = "forbidden"
    status = 403


@dataclass(frozen=True)
class Party:
    """For whom passkeys are made: a name that browsers know, at one address."""

    id: str
    origin: str


def party_at(public_url: str | None, host: str) -> Party:
    """Return for whom passkeys are made where a browser is. Raises NotHere, which says why.

    Args:
        public_url: where people reach this server, if that is set.
        host: name and port that the browser came to.
    """
    base = urlsplit(public_url or f"http://{host}")
    name, local = base.hostname or "", is_this_machine(base.hostname)
    if local:
        name = "localhost"
    elif public_url is None:
        raise NotHere("passkeys need an address that stays: HOLDSHORT_PUBLIC_URL is not set")
    elif _is_address(name):
        raise NotHere(f"passkeys need a name: browsers make none for the address {name}")
    elif base.scheme != "https":
        raise NotHere("passkeys need https: browsers make none over http, but on localhost")
    origin = f"{base.scheme}://{name}{_port(base.scheme, base.port)}"
    here = urlsplit(f"{base.scheme}://{host}")
    if (here.hostname, _port(base.scheme, here.port)) != (name, _port(base.scheme, base.port)):
        raise NotHere(
            f"passkeys work at {origin} and nowhere else: open Holdshort there"
            + (" (a browser makes none for an address like 127.0.0.1)" if local else ""),
            origin=origin,
        )
    return Party(name, origin)


@dataclass(frozen=True)
class Here:
    """Whether passkeys work where a browser is."""

    why_not: str | None
    """Said plainly; None where they work."""
    elsewhere: str | None = None
    """Where they work, if that is known."""


def passkeys_here(public_url: str | None, host: str) -> Here:
    """Return whether passkeys work where a browser is."""
    if find_spec("webauthn") is None:
        return Here("Passkeys need a library on this server: pip install 'holdshort[passkeys]'")
    try:
        party_at(public_url, host)
    except NotHere as error:
        said = f"{error.message[:1].upper()}{error.message[1:]}."
        return Here(said, error.details.get("origin"))
    return Here(None)


def party_id(public_url: str | None) -> str:
    """Return the name that passkeys of this server are made for, wherever the browser is."""
    name = urlsplit(public_url or "http://localhost").hostname or ""
    return "localhost" if is_this_machine(name) else name


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_this_machine(name: str | None) -> bool:
    """Whether a name or an address means the machine that it is used on."""
    return name == "localhost" or bool(name and _is_address(name) and ip_address(name).is_loopback)


def _port(scheme: str, port: int | None) -> str:
    return "" if port in (None, {"https": 443, "http": 80}.get(scheme)) else f":{port}"
