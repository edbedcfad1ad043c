"""A Slack on a loopback address: its Web API with its rules, and people who press buttons."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..loopback import Handler, Serving
from . import rules

TEAM, SECRET, TOKEN, APP_TOKEN = "T0ACME", "a-signing-secret", "xoxb-a-bot-token", "xapp-a-token"


@dataclass
class Said:
    """A message as it stands, with everything that was ever done to it."""

    channel: str
    ts: str
    body: dict[str, Any]
    updates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def now(self) -> dict[str, Any]:
        return self.updates[-1] if self.updates else self.body

    @property
    def shown(self) -> str:
        return rules.shown(self.now["blocks"])

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """The buttons that it has now, by what stands on them."""
        return {
            one["text"]["text"]: one
            for block in self.now["blocks"]
            if block["type"] == "actions"
            for one in block["elements"]
        }


class Refusal(Exception):
    """Answer with `ok: false` and this."""


class FakeSlack(Serving):
    """Keeps what it is told. `fail` makes the next calls of a method go wrong."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.messages: list[Said] = []
        self.whispers: list[tuple[str, str]] = []
        """(member, text) of what only one person sees."""
        self.views: list[dict[str, Any]] = []
        self.members: dict[str, dict[str, Any]] = {}
        self.archived: set[str] = set()
        self.triggers: dict[str, bool] = {}
        self.before: dict[str, Callable[[], None]] = {}
        """What happens while a call of a method is under way, once."""
        self.token = TOKEN
        self.socket_url = ""
        self._fails: dict[str, list[Callable[[Handler], bool]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._responses: dict[str, str] = {}
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = False
        super().__init__(server)
        self.url = f"http://127.0.0.1:{self.port}/api/"

    def join(self, user: str, **marks: Any) -> str:
        """Let somebody be a member of the workspace."""
        self.members[user] = {"id": user, "team_id": TEAM, "name": "ana", **marks}
        return user

    def fail(self, method: str, error: str = "", *, status: int = 200, **headers: str) -> None:
        """Let the next call of a method fail."""

        def answer(handler: Handler) -> bool:
            body = json.dumps({"ok": False, "error": error}) if error else "<html>not now</html>"
            _send(handler, status, body, headers)
            return True

        self._fails.setdefault(method, []).append(answer)

    def hang(self) -> None:
        """Do not answer before `over` is set."""
        self.over.wait(20)

    def said_to(self, user: str) -> list[Said]:
        """What stands in somebody's conversation with us, threads left out."""
        return [
            one for one in self.messages
            if one.channel == channel_of(user) and "thread_ts" not in one.body
        ]  # fmt: skip

    def replies(self, card: Said) -> list[Said]:
        return [one for one in self.messages if one.body.get("thread_ts") == card.ts]

    def whispered(self, user: str) -> list[str]:
        return [text for who, text in self.whispers if who == user]

    # What somebody does in Slack, as the payload that comes of it.

    def press(self, card: Said, label: str, user: str, /, **more: Any) -> dict[str, Any]:
        """Return the payload of pressing a button."""
        number = next(self._numbers)
        found = card.buttons[label]
        self._responses[str(number)] = user
        action = {k: found[k] for k in ("action_id", "value", "type") if k in found}
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "username": "ana", "name": "ana", "team_id": TEAM},
            "api_app_id": "A1",
            "container": {"type": "message", "message_ts": card.ts, "channel_id": card.channel},
            "channel": {"id": card.channel, "name": "directmessage"},
            "message": {"ts": card.ts, "blocks": card.now["blocks"]},
            "trigger_id": self.trigger(),
            "response_url": f"http://127.0.0.1:{self.port}/response/{number}",
            "actions": [{**action, "action_ts": f"{number}.0"}],
            **more,
        }

    def submit(self, view: dict[str, Any], user: str, /, **values: Any) -> dict[str, Any]:
        """Return the payload of sending a dialog, with controls filled in by their block's id."""
        state = {
            name: {"v": value if isinstance(value, dict) else {"value": value}}
            for name, value in values.items()
        }
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "username": "ana", "name": "ana", "team_id": TEAM},
            "trigger_id": self.trigger(),
            "view": {**view, "id": f"V{next(self._numbers)}", "state": {"values": state}},
        }

    def trigger(self) -> str:
        found = f"{next(self._numbers)}.1.trigger"
        self.triggers[found] = True
        return found

    # The Web API.

    def answer(self, handler: Handler) -> None:
        raw = handler.body().decode()
        if handler.path.startswith("/response/"):
            user = self._responses[handler.path.rpartition("/")[2]]
            body = json.loads(raw)
            rules.message(body["blocks"])
            assert body["response_type"] == "ephemeral"
            self.whispers.append((user, rules.shown(body["blocks"])))
            _send(handler, 200, "ok", {})
            return
        method = handler.path.removeprefix("/api/")
        is_json = raw.startswith("{")
        body = json.loads(raw) if is_json else dict(parse_qsl(raw, keep_blank_values=True))
        if during := self.before.pop(method, None):
            during()
        with self._lock:
            self.calls.append((method, body))
            fails = self._fails.get(method)
            if fails and fails.pop(0)(handler):
                return
            try:
                found = {"ok": True, **self._method(method, body, handler)}
            except Refusal as refusal:
                found = {"ok": False, "error": str(refusal)}
            except rules.Broken as broken:
                found = {
                    "ok": False,
                    "error": "invalid_blocks" if method.startswith("chat") else "invalid_arguments",
                    "response_metadata": {"messages": [str(broken)]},
                }
        _send(handler, 200, json.dumps(found), {})

    def _method(self, method: str, body: dict[str, Any], handler: Handler) -> dict[str, Any]:
        token = handler.headers.get("authorization", "").removeprefix("Bearer ")
        if method == "apps.connections.open":
            if token != APP_TOKEN:
                raise Refusal("invalid_auth")
            return {"url": self.socket_url}
        if token != self.token:
            raise Refusal("token_revoked" if token == TOKEN else "invalid_auth")
        if method == "auth.test":
            return {"team_id": TEAM, "user_id": "UBOT", "bot_id": "B1"}
        if method == "users.info":
            if body["user"] not in self.members:
                raise Refusal("user_not_found")
            return {"user": self.members[body["user"]]}
        if method == "conversations.open":
            if body["users"] not in self.members:
                raise Refusal("user_not_found")
            return {"channel": {"id": channel_of(body["users"])}}
        if method == "views.open":
            if not self.triggers.get(body["trigger_id"]):
                raise Refusal("exchanged_trigger_id")
            self.triggers[body["trigger_id"]] = False
            found = body["view"]
            rules.view(json.loads(found) if isinstance(found, str) else found)
            self.views.append(json.loads(found) if isinstance(found, str) else found)
            return {"view": {"id": "V1"}}
        return self._chat(method, body)

    def _chat(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        channel = body["channel"]
        if channel not in {channel_of(user) for user in self.members}:
            raise Refusal("channel_not_found")
        if channel in self.archived:
            raise Refusal("is_archived")
        blocks = body["blocks"]
        body["blocks"] = json.loads(blocks) if isinstance(blocks, str) else blocks
        rules.message(body["blocks"])
        if method == "chat.postMessage":
            said = Said(channel, f"1800000000.{next(self._numbers):06}", body)
            self.messages.append(said)
            return {"ts": said.ts, "channel": channel}
        if method == "chat.update":
            for one in self.messages:
                if (one.channel, one.ts) == (channel, body["ts"]):
                    one.updates.append(body)
                    return {"ts": one.ts, "channel": channel}
            raise Refusal("message_not_found")
        if method == "chat.postEphemeral":
            self.whispers.append((body["user"], rules.shown(body["blocks"])))
            return {"message_ts": "1.1"}
        raise Refusal("unknown_method")


def channel_of(user: str) -> str:
    return f"D{user[1:]}"


def signed(
    payload: dict[str, Any], at: float, *, secret: str = SECRET
) -> tuple[bytes, dict[str, str]]:
    """Return a payload as Slack posts it: the body, and the headers that go with it.

    Args:
        at: when it is sent, in seconds UTC.
    """
    body = urlencode({"payload": json.dumps(payload)}).encode()
    base = b"v0:%d:%s" % (int(at), body)
    mark = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return body, {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": str(int(at)),
        "x-slack-signature": mark,
    }


def _send(handler: Handler, status: int, body: str, headers: dict[str, str]) -> None:
    json_ = {"content-type": "application/json; charset=utf-8"}
    handler.answer(status, json_ | headers, body.encode())


def _handler(slack: FakeSlack) -> type[Handler]:
    class Asked(Handler):
        def do_POST(self) -> None:
            slack.answer(self)

    return Asked
