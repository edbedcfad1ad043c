"""Web push: a message for each device of a person, encrypted for it (RFC 8030, 8291, 8292).

The address of a device comes from a browser, that is from a person. So it is called with the same
care as a webhook: judged by where it leads, never redirected.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import urlsafe_b64encode
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from holdshort.clock import Clock
from holdshort.notify.addresses import Resolver, is_public
from holdshort.notify.base import SendFailed
from holdshort.notify.desk import Desk
from holdshort.notify.posting import Poster, Unwelcome
from holdshort.notify.push_devices import KIND, MOST_DEVICES, Subscription
from holdshort.notify.push_message import PushMessage, message_of, trial_message
from holdshort.store.base import Delivery, Device

#: How long what proves who we are counts (seconds); services take a day at most.
_PROOF_SECONDS = 12 * 3600
#: The service does not know the device any more, or never did.
_GONE = frozenset({404, 410})
#: What may go better later; anything else that is no 2xx will be the same tomorrow.
_PASSING = frozenset({408, 425, 429})


class PushNotifier:
    """Tells a person on each of their devices. It has arrived where one of them was reached.

    Args:
        contact: who runs this server, as `mailto:…` or `https://…`: push services write there
            before they lock a server out.
        allow_private: also call push services that are not on the public internet.
        resolver: looks names up in the place of the operating system.
        tls: what push services are verified with, in the place of the usual authorities.
    """

    name = "push"

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        contact: str,
        *,
        allow_private: bool = False,
        timeout: float = 10.0,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._contact = contact
        self.allow_private = allow_private
        self._poster = Poster(
            lambda address: allow_private or is_public(address),
            timeout=timeout,
            resolver=resolver,
            tls=tls,
        )

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        """Push to all devices of the recipient; return how many took it."""
        person = delivery.recipient
        if endpoint is not None and endpoint.get("active") is False:
            raise SendFailed(f"{person} was deactivated", permanent=True)
        try:
            message = message_of(delivery, self._clock.now())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SendFailed("the body is not a notification", permanent=True) from error
        devices = await self._desk.devices(delivery.tenant, KIND, person)
        if not devices:
            raise SendFailed(f"{person} has no device for push messages", permanent=True)
        card = await self._desk.card(delivery.tenant, delivery.intent_id)
        if card is not None and not card.open:
            return "not sent: it was over already"
        what = None if card is None or delivery.reason == "digest" else card.what
        results = await asyncio.gather(
            *(self._tell(device, message, what) for device in devices[:MOST_DEVICES])
        )
        failures = [one for one in results if one is not None]
        if len(failures) == len(results):
            raise _together(failures)
        return f"{len(results) - len(failures)} of {len(results)} devices"

    async def test(self, device: Device, id: str) -> None:
        """Push something to one device now. Raises SendFailed, which says what the service said."""
        failed = await self._tell(device, trial_message(id), None)
        if failed is not None:
            raise failed

    async def public_key(self) -> str:
        """Return the key that browsers ask for when they make an address for this server."""
        return _public(await self._vapid())

    async def close(self) -> None:
        """Give back what the poster holds."""
        await self._poster.close()

    async def _tell(
        self, device: Device, message: PushMessage, what: str | None
    ) -> SendFailed | None:
        """Push to one device, and note with it how that went; return why it was not taken."""
        try:
            subscription = Subscription.of(device)
            payload = message.payload(what if device.doc.get("show") else None)
            encoded = WebPusher(subscription.info()).encode(payload)
            headers = message.headers | {
                "content-type": "application/octet-stream",
                "content-encoding": "aes128gcm",
                "authorization": await self._proof(subscription.endpoint),
            }
            await self._poster.post(subscription.endpoint, headers, encoded["body"])
        except Unwelcome as refused:
            if refused.status in _GONE:
                await self._desk.drop_device(device.tenant, KIND, device.id)
                return SendFailed(f"{refused}: the device is gone", permanent=True)
            failed = _judged(refused)
        except SendFailed as error:
            failed = error
        except (ValueError, KeyError, VapidException, WebPushException):
            failed = SendFailed("the device's address or keys are broken", permanent=True)
        else:
            await self._note(device, taken_at=self._clock.now(), failed=None)
            return None
        await self._note(device, failed_at=self._clock.now(), failed=str(failed))
        return failed

    async def _note(self, device: Device, **said: Any) -> None:
        await self._desk.note_device(device.tenant, KIND, device.id, said)

    async def _proof(self, endpoint: str) -> str:
        """Return what proves to a push service that the device's address was made for us."""
        url = httpx.URL(endpoint)
        claims = {
            "aud": f"{url.scheme}://{url.netloc.decode('ascii')}",
            "exp": int(time.time()) + _PROOF_SECONDS,
            "sub": self._contact,
        }
        signed: dict[str, str] = (await self._vapid()).sign(claims)
        return signed["Authorization"]

    async def _vapid(self) -> Any:
        kept = await self._desk.secret("vapid", _new_key)
        return Vapid02.from_raw(kept.encode())


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return urlsafe_b64encode(key.to_bytes(32, "big")).rstrip(b"=").decode()


def _public(vapid: Any) -> str:
    point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def _judged(refused: Unwelcome) -> SendFailed:
    passing = refused.status in _PASSING or refused.status >= 500
    why = "a push service does not redirect" if 300 <= refused.status < 400 else str(refused)
    return SendFailed(why, permanent=not passing, retry_after=refused.retry_after)


def _together(failures: list[SendFailed]) -> SendFailed:
    """Return what is said where no device took it: worth another try if one of them is."""
    passing = [one for one in failures if not one.permanent]
    waits = [one.retry_after for one in passing if one.retry_after is not None]
    why = "; ".join(dict.fromkeys(str(one) for one in passing or failures))
    return SendFailed(why, permanent=not passing, retry_after=min(waits, default=None))
