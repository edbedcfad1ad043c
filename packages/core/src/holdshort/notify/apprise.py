"""A hundred other services (Teams, Discord, Telegram, SMS, ntfy, PagerDuty …), by URL, through the
library apprise: `pip install 'holdshort[apprise]'`.

These messages tell and link; they decide nothing. The URLs carry keys: they are shown to nobody and
written into no log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from holdshort.notify.addresses import Resolver, ThreadResolver, is_public
from holdshort.notify.base import SendFailed
from holdshort.notify.card import Card
from holdshort.notify.desk import Desk
from holdshort.notify.masking import masked_text
from holdshort.store.base import Delivery
from holdshort.visible import visible

_TITLES = {
    "asked": "A decision waits for you",
    "reminded": "A decision still waits for you",
    "escalated": "A decision was escalated to you",
    "timed_out": "A decision was not made in time",
    "canceled": "A request was withdrawn",
    "mentioned": "You were mentioned",
    "answered": "The agent answered you",
    "limit_exceeded": "An agent has passed one of its limits",
}
#: Schemes that act on this machine instead of calling a service.
_LOCAL = frozenset(
    [
        "dbus",
        "kde",
        "qt",
        "glib",
        "gnome",
        "macosx",
        "windows",
        "syslog",
        "file",
        "exec",
        "pushd",
        "sendmail",
    ]
)
#: Arguments longer than this (characters) stand on the page alone.
_LONGEST = 1500
_MOST_LISTED = 20
_REMEMBERED = 1000

Message = tuple[str, str]
"""(title, text)"""


class AppriseNotifier:
    """Sends to a person's `urls`, one after the other.

    Each that fails is named by its scheme; on the next try only those are sent to again, as far as
    this process remembers.

    Args:
        desk: where what the card says is looked up.
        allow_private: let URLs name hosts at private and loopback addresses.
        resolver: asks for a host's addresses.
    """

    name = "apprise"

    def __init__(
        self, desk: Desk, *, allow_private: bool = False, resolver: Resolver | None = None
    ) -> None:
        self._desk = desk
        self._allow_private = allow_private
        self._own_resolver = None if resolver is not None else ThreadResolver(2)
        self._resolve: Resolver = resolver or self._own_resolver  # type: ignore[assignment]
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="holdshort-apprise")
        self._taken: OrderedDict[str, set[str]] = OrderedDict()

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        """Tell the person, or raise SendFailed that says which services did not take it."""
        urls = [str(url) for url in (endpoint or {}).get("urls") or ()]
        if not urls:
            raise SendFailed("this person has no addresses of services", permanent=True)
        message = await self._message(delivery)
        taken = self._taken.pop(delivery.id, set())
        failures = []
        for url in urls:
            if _mark(url) in taken:
                continue
            try:
                await self._send_to(url, message)
            except SendFailed as failure:
                failures.append(failure)
            else:
                taken.add(_mark(url))
        if failures:
            self._taken[delivery.id] = taken
            while len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)
            why = "; ".join(map(str, failures))
            raise SendFailed(why, permanent=all(one.permanent for one in failures))

    async def close(self) -> None:
        """Start nothing new. What is being sent is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._own_resolver is not None:
            self._own_resolver.close()

    async def _send_to(self, url: str, message: Message) -> None:
        scheme = visible(url.partition("://")[0].lower())[:40]
        loop = asyncio.get_running_loop()
        # In a thread: the library loads all its services when it is asked for the first time.
        service = await loop.run_in_executor(self._threads, _service, url, scheme)
        if not self._allow_private:
            for host in _hosts(service):
                await self._judge(host, scheme)
        title, body = message
        try:
            taken = await loop.run_in_executor(
                self._threads, lambda: service.notify(body=body, title=title)
            )
        except Exception as defect:
            # A service's own code: its words may hold the URL.
            raise SendFailed(f"{scheme}: {type(defect).__name__}") from None
        if not taken:
            raise SendFailed(f"{scheme}: the service did not take it")

    async def _judge(self, host: str, scheme: str) -> None:
        try:
            addresses = await self._resolve(host, 443)
        except OSError:
            raise SendFailed(f"{scheme}: its host cannot be found") from None
        if not all(map(is_public, addresses)):
            raise SendFailed(
                f"{scheme}: its host has a private address, and those are not called "
                "(HOLDSHORT_ALLOW_PRIVATE_WEBHOOKS)",
                permanent=True,
            )

    async def _message(self, delivery: Delivery) -> Message:
        try:
            body = json.loads(delivery.body)
            reason, data = str(body["type"]).removeprefix("intent."), body["data"]
            if reason == "digest":
                return _digest(data, delivery.id)
            str(data["title"])
        except (ValueError, KeyError, TypeError) as error:
            raise SendFailed("the body is not a notification", permanent=True) from error
        card = await self._desk.card(delivery.tenant, delivery.intent_id)
        if card is None:
            raise SendFailed("the intent is not there any more", permanent=True)
        link = await self._desk.link(delivery.tenant, delivery.recipient, delivery.intent_id)
        return _told(reason, card, data, link, delivery.id)


def _told(
    reason: str, card: Card, data: dict[str, Any], link: str | None, delivery_id: str
) -> Message:
    """Return what is said: the title shows on lock screens, so it says nothing of the matter."""
    title = f"{_TITLES.get(reason, 'News of a decision')} ({card.risk} risk)"
    lines = [card.what, f"Asked by {visible(card.agent)}."]
    if absent := data.get("on_behalf_of"):
        lines.append(f"You stand in for {visible(str(absent))}.")
    if card.open:
        lines += [line for line in (card.seats, card.next, card.if_nobody) if line]
        lines += ["", *_arguments(card)]
    else:
        lines.append(card.stands)
    if link is not None:
        lines += ["", f"Decide on the page: {link}" if card.open else f"See: {link}"]
    return title, "\n".join([*lines, "", f"Holdshort delivery {delivery_id}"])


def _arguments(card: Card) -> list[str]:
    text = json.dumps(card.arguments, ensure_ascii=False, indent=1)
    if len(text) > _LONGEST:
        return [f"The arguments have {len(text.encode())} bytes; they stand on the page."]
    shown = [visible(line) for line in text.splitlines()]
    return ["Arguments:", *shown, *(["Secrets are masked."] if card.masked else [])]


def _digest(data: dict[str, Any], delivery_id: str) -> Message:
    tasks, count = data["tasks"], int(data["count"])
    lines = [f"Asked by {visible(str(data['agent']))}, all at once:"]
    for task in tasks[:_MOST_LISTED]:
        lines.append(f"- {visible(masked_text(str(task['title']))[0])} ({task['risk']} risk)")
    if count > len(tasks[:_MOST_LISTED]):
        lines.append(f"and {count - len(tasks[:_MOST_LISTED])} more")
    if data.get("url"):
        lines += ["", f"All of them: {data['url']}"]
    text = "\n".join([*lines, "", f"Holdshort delivery {delivery_id}"])
    return f"{count} decisions wait for you", text


def _service(url: str, scheme: str) -> Any:
    """Return apprise's object for a URL. Raises SendFailed that does not repeat the URL."""
    try:
        import apprise
    except ImportError:
        raise SendFailed(
            "apprise is not installed here: pip install 'holdshort[apprise]'", permanent=True
        ) from None
    # They would log URLs, which carry keys. What went wrong stands with the delivery.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    requests = logging.getLogger("urllib3.connectionpool")
    requests.setLevel(max(requests.level, logging.INFO))
    service = None if scheme in _LOCAL else apprise.Apprise.instantiate(url)
    if service is None:
        raise SendFailed(f"{scheme}: this is no address of a service", permanent=True)
    return service


def _hosts(service: Any) -> Sequence[str]:
    """Return the hosts that a URL makes us call, where it and not its service names them."""
    named = any("{host}" in template for template in getattr(service, "templates", ()))
    found = [service.host] if named and getattr(service, "mode", "") != "cloud" else []
    found.append(getattr(service, "smtp_host", None))
    return [str(host) for host in found if host]


def _mark(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
