"""The two ceremonies of WebAuthn, by `webauthn`: a passkey is made, a passkey is shown.

What a browser is asked for, and whether what it answers is true. Whose passkey it is and what was
asked before is the caller's to know. Loaded only where somebody uses a passkey.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from holdshort.digest import sha256
from holdshort.errors import InvalidRequest
from holdshort.inbox.party import Party, PasskeyRefused
from holdshort.server.body import parse_json

#: The longest answer of a browser that is read (characters); theirs have a few thousand.
_LONGEST = 64 * 1024
_DEEPEST = 8
#: What an answer that is none makes of the library, and of us.
_WRONG = (WebAuthnException, InvalidRequest, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True)
class Made:
    """A new passkey: what is to be kept of it."""

    id: str
    key: str
    count: int
    synced: bool


@dataclass(frozen=True)
class Shown:
    """What a browser says before anything is verified."""

    id: str
    challenge: str
    user: str | None


def options_to_make(
    party: Party, challenge: str, tenant: str, person: str, known: list[str]
) -> dict[str, Any]:
    """Return what a browser is asked for to make a passkey that signs in by itself.

    Args:
        known: the ids of those that the person has, so that no device makes a second one.
    """
    found = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name="Holdshort",
        user_id=user_handle(tenant, person),
        user_name=person,
        user_display_name=person,
        challenge=challenge.encode(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return _json(webauthn.options_to_json(found))


def options_to_show(party: Party, challenge: str, known: list[str]) -> dict[str, Any]:
    """Return what a browser is asked for to show a passkey.

    Args:
        known: the ids of those that count; empty where any that it has for us does.
    """
    found = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge.encode(),
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _json(webauthn.options_to_json(found))


def made(party: Party, challenge: str, answer: str) -> Made:
    """Return the passkey that a browser has made for this challenge. Raises PasskeyRefused."""
    try:
        found = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _WRONG as error:
        raise PasskeyRefused(f"this passkey was not made as it should be: {error}") from error
    return Made(
        id=bytes_to_base64url(found.credential_id),
        key=bytes_to_base64url(found.credential_public_key),
        count=found.sign_count,
        synced=found.credential_backed_up,
    )


def shown(answer: str) -> Shown:
    """Return what a browser's answer is about; nothing of it is verified. Raises PasskeyRefused."""
    try:
        found = _read(answer)
        response = found["response"]
        data = parse_client_data_json(base64url_to_bytes(response["clientDataJSON"]))
        user = response.get("userHandle")
        return Shown(str(found["id"]), data.challenge.decode("ascii"), user if user else None)
    except _WRONG as error:
        raise PasskeyRefused("this is no answer of a passkey") from error


def proved(party: Party, challenge: str, answer: str, *, key: str, count: int) -> int:
    """Verify that a passkey was shown for this challenge, by a person whom the device knows;
    return how often it has been used by its own account. Raises PasskeyRefused.

    Args:
        key: its public key, as it was kept.
        count: what it said the last time. One that does not count more now may be a copy.
    """
    try:
        found = webauthn.verify_authentication_response(
            credential=_read(answer),
            expected_challenge=challenge.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(key),
            credential_current_sign_count=count,
            require_user_verification=True,
        )
    except _WRONG as error:
        raise PasskeyRefused(f"this passkey does not prove who you are: {error}") from error
    return found.new_sign_count


def user_handle(tenant: str, person: str) -> bytes:
    """Return what a passkey calls its owner: not their address, which devices would show."""
    return bytes.fromhex(sha256(json.dumps([tenant, person]).encode()))


def user_handle_text(tenant: str, person: str) -> str:
    """The same, as browsers send it."""
    return bytes_to_base64url(user_handle(tenant, person))


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > _LONGEST:
        raise PasskeyRefused("this answer of a browser is too large")
    found = parse_json(answer.encode(), max_depth=_DEEPEST)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _descriptors(ids: list[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in ids]
