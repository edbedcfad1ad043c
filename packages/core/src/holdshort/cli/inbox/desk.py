"""The inbox at a terminal: the list, and what the keys mean that work everywhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NoReturn

from holdshort.cli.inbox.card_view import CardView
from holdshort.cli.inbox.places import GoTo, Quit
from holdshort.cli.inbox.screen import KEYS, list_lines
from holdshort.cli.inbox.terminal import Gone, Terminal
from holdshort.cli.output import escape
from holdshort.cli.session import Session
from holdshort.client import flows
from holdshort.errors import HoldshortError

#: How often the list is looked at again while it is shown (seconds).
LOOK_AT_LIST = 5.0
_MOST = 500


@dataclass(frozen=True)
class Given:
    """The last answer, for as long as it can be taken back."""

    intent_id: str
    text: str
    until: float
    """On the monotonic clock."""

    @property
    def seconds(self) -> int:
        return max(0, round(self.until - time.monotonic()))


class Desk:
    """One person's sitting at the terminal."""

    def __init__(self, session: Session, terminal: Terminal) -> None:
        self.session = session
        self.terminal = terminal
        self.drafts: dict[str, dict[str, Any]] = {}
        """Changes of arguments that were made and not sent, by intent."""
        self._search: list[str] = []
        self._given: Given | None = None

    def run(self) -> None:
        """Show the list, then cards, until the person quits. What was sent counts all the same."""
        place: str | None = None
        try:
            while True:
                try:
                    if place is None:
                        self._list()
                    CardView(self, place or "").run()
                except GoTo as to:
                    place = to.intent_id
        except (Quit, Gone, KeyboardInterrupt):
            self.terminal.say()
            if self._given is not None and self._given.seconds:
                self.terminal.say(
                    f"{self._given.text} It takes effect in {self._given.seconds} s, unless you "
                    "come back to its card and press u."
                )

    def answered(self, intent_id: str, text: str, seconds: float) -> NoReturn:
        """Remember an answer, say so, and go on to the next card."""
        self._given = Given(intent_id, text, time.monotonic() + seconds)
        self.drafts.pop(intent_id, None)
        self.terminal.say(text + (f" u takes it back for {seconds:g} s." if seconds else ""))
        raise GoTo(self.following(intent_id))

    def following(self, intent_id: str) -> str | None:
        """Return what comes after this one, of what nobody has answered yet."""
        ids = [one["intent_id"] for one in self._tasks() if not one["held"]]
        after = ids[ids.index(intent_id) + 1 :] if intent_id in ids else ids
        return after[0] if after else None

    def common(self, key: str) -> None:
        """Do what a key means everywhere; nothing for a key that means nothing here."""
        if key == "?":
            for name, text in KEYS:
                self.terminal.say(f"  {name:<6} {text}")
        elif key == "q":
            raise Quit
        elif key == "u":
            given, self._given = self._given, None
            if given is None:
                self.terminal.say("There is no answer of yours to take back.")
            else:
                self.undo(given.intent_id)
        elif key == "/":
            self._search = self.terminal.line("Search (Enter for all): ").lower().split()
            raise GoTo(None)

    def undo(self, intent_id: str) -> None:
        """Take an answer back, and show its card; say why where that cannot be done any more."""
        try:
            self.session.run(flows.post(intent_id, "undo"))
        except HoldshortError as error:
            self.terminal.say(f"! {escape(error.message)}")
            return
        self.terminal.say("It is taken back; nobody was told.")
        raise GoTo(intent_id)

    def _tasks(self) -> list[dict[str, Any]]:
        page = self.session.call("GET", "/v1/tasks", limit=_MOST)
        found = [one for one in page["tasks"] if self._fits(one)]
        return sorted(found, key=lambda one: (one["due_at"] or "9", one["intent_id"]))

    def _fits(self, task: dict[str, Any]) -> bool:
        text = f"{task['title']} {task['from_agent']} {task['intent_type']} {task['intent_id']}"
        return all(word in text.lower() for word in self._search)

    def _list(self) -> NoReturn:
        tasks = self._tasks()
        self._show(tasks)
        looked = time.monotonic()
        while True:
            key = self.terminal.key(1.0)
            if key is None:
                if time.monotonic() - looked > LOOK_AT_LIST:
                    fresh, looked = self._tasks(), time.monotonic()
                    if _stands(fresh) != _stands(tasks):
                        tasks = fresh
                        self._show(tasks)
            elif key in ("j", "\n") and tasks:
                first = next((one for one in tasks if not one["held"]), tasks[0])
                raise GoTo(first["intent_id"])
            elif key in "123456789" and int(key) <= len(tasks):
                raise GoTo(tasks[int(key) - 1]["intent_id"])
            else:
                self.common(key)

    def _show(self, tasks: list[dict[str, Any]]) -> None:
        say = self.terminal.say
        say("─" * self.terminal.width)
        about = f" with “{escape(' '.join(self._search))}”" if self._search else ""
        if not tasks:
            say(f"Nothing{about} waits for you here. It is looked at again; q quits.")
            return
        say(f"{len(tasks)}{' or more' if len(tasks) == _MOST else ''}{about} waiting for you:")
        for line in list_lines(tasks, self.terminal.width):
            say(line)
        say("[j first card · 1-9 that card · / search · u undo · ? keys · q quit]")


def _stands(tasks: list[dict[str, Any]]) -> list[Any]:
    """What of a list is worth showing it again for."""
    return [(one["intent_id"], one["held"], one["claimed_by"], one["step"]) for one in tasks]
