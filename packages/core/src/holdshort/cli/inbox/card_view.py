"""One card at the terminal: shown in full, followed while it is shown, and answered."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from holdshort.cli.inbox import asking, deciding
from holdshort.cli.inbox.asking import Left
from holdshort.cli.inbox.places import GoTo
from holdshort.cli.inbox.screen import card_lines
from holdshort.cli.output import escape
from holdshort.client import flows
from holdshort.client.calls import Call, CouldNotReach
from holdshort.errors import HoldshortError

if TYPE_CHECKING:
    from holdshort.cli.inbox.desk import Desk

#: How often a card is looked at again while it is shown (seconds).
LOOK = 1.0
#: Lines of the screen that are not the card's.
_MARGIN = 3


class CardView:
    """A card, as far as it was shown."""

    def __init__(self, desk: Desk, intent_id: str) -> None:
        self._desk = desk
        self._session = desk.session
        self._terminal = desk.terminal
        self._id = intent_id
        self._card: dict[str, Any] = {}
        self._left: list[str] = []
        self._reached = True

    def run(self) -> NoReturn:
        """Show the card and do what the keys say. Raises GoTo and Quit."""
        try:
            self._begin()
        except HoldshortError as error:
            self._terminal.say(f"! {escape(error.message)}")
            raise GoTo(None) from None
        while True:
            key = self._terminal.key(LOOK)
            if key is None:
                self._look_again()
                continue
            try:
                self._press(key)
            except Left:
                self._terminal.say("Nothing was sent.")
                self._menu()

    def _begin(self) -> None:
        """Show the card from its top. Keys that were pressed before it was there do not count."""
        self._card = self._fetch()
        self._left = card_lines(self._card, self._terminal.width)
        self._read_on()

    def _fetch(self) -> dict[str, Any]:
        call = Call("GET", f"/v1/intents/{self._id}/card")
        found: dict[str, Any] = self._session.run(flows.call(call))["card"]
        return found

    def _read_on(self) -> None:
        room = self._terminal.height - _MARGIN
        piece, self._left = self._left[:room], self._left[room:]
        for line in piece:
            self._terminal.say(line)
        self._terminal.forget_typed()
        self._menu()

    def _menu(self) -> None:
        if self._left:
            self._terminal.say(f"[space: {len(self._left)} more lines · j next · k list · ? keys]")
        elif not self._card["open"] or self._card["why_not"]:
            self._terminal.say("[j next · k list · u undo · ? keys · q quit]")
        else:
            change = " · e change first" if self._card["can_edit"] else ""
            self._terminal.say(
                f"[a yes · r no{change} · j next · k list · u undo · ? keys · q quit]"
            )

    def _look_again(self) -> None:
        """Tell what happened elsewhere, as soon as it is known."""
        try:
            fresh = self._fetch_once()
        except (CouldNotReach, HoldshortError) as error:
            if self._reached:
                self._terminal.say(f"! What you see may be old: {escape(error)}")
            self._reached = False
            return
        if not self._reached:
            self._terminal.say("The server is there again.")
        self._reached = True
        before, self._card = self._card, fresh
        if fresh["version"] == before["version"]:
            return
        self._terminal.say(f"! {escape(fresh['stands'])}")
        if fresh["open"] and (fresh["digest"], fresh["step"]) != (before["digest"], before["step"]):
            self._terminal.say("! What is asked has changed: read it again.")
            self._left = card_lines(fresh, self._terminal.width)
            self._read_on()
        else:
            self._menu()

    def _fetch_once(self) -> dict[str, Any]:
        call = Call("GET", f"/v1/intents/{self._id}/card", timeout=5.0)
        found: dict[str, Any] = self._session.run(flows.call(call, retry_for=0))["card"]
        return found

    def _press(self, key: str) -> None:
        terminal, card = self._terminal, self._card
        if key in (" ", "\n") and self._left:
            self._read_on()
        elif key == "j":
            following = self._desk.following(self._id)
            if following is None:
                terminal.say("Nothing else waits for you.")
            raise GoTo(following)
        elif key == "k":
            raise GoTo(None)
        elif key in "aroe":
            self._may_answer()
            signs = {"a": True, "r": False, "o": None}
            if key == "e":
                self._change()
            else:
                outcome = self._asked(deciding.outcome_of, terminal, card, signs[key])
                self._answer(outcome, None)
        elif key == "d":
            self._delegate()
        elif key == "t":
            self._do("release" if card["claimed_by"] else "claim", None)
        elif key == "c":
            self._comment()
        elif key == "u" and card["open"] and card["held"]:
            self._desk.undo(self._id)
        else:
            self._desk.common(key)
            if key in "?u":
                self._menu()

    def _asked(self, ask: Any, *args: Any) -> Any:
        """Ask something; Ctrl-C goes back to the card, and nothing is sent."""
        try:
            return ask(*args)
        except KeyboardInterrupt:
            self._terminal.say()
            raise Left from None

    def _may_answer(self) -> None:
        if self._card["why_not"]:
            self._terminal.say(f"! {escape(self._card['why_not'])}")
            raise Left

    def _answer(self, outcome: dict[str, Any], arguments: dict[str, Any] | None) -> None:
        card = self._card
        if outcome["positive"] and self._left:
            self._terminal.say(f"Read on first: there are {len(self._left)} more lines (space).")
            raise Left
        body = self._asked(deciding.answer, self._terminal, card, outcome, arguments)
        if "evidence" in body:
            body["evidence"] = [self._attached(one) for one in body["evidence"]]
        self._send("decision", body)
        text = f"You answered “{escape(outcome['label'])}”: {escape(card['what'])}."
        self._desk.answered(self._id, text, card["undo_seconds"])

    def _change(self) -> None:
        draft = self._desk.drafts.get(self._id)
        found = self._asked(deciding.change, self._terminal, self._card, draft)
        self._desk.drafts[self._id] = found
        outcome = self._asked(deciding.outcome_of, self._terminal, self._card, True)
        self._answer(outcome, found)

    def _delegate(self) -> None:
        if not self._card["can_delegate"]:
            self._terminal.say("! Only who was asked directly can hand this on.")
            raise Left
        to = self._asked(self._terminal.line, "To whom (Enter for nobody): ")
        if not to:
            raise Left
        why = self._asked(self._terminal.line, "Why (Enter for no reason): ")
        self._do("delegate", {"to": to, "comment": why or None})

    def _comment(self) -> None:
        text = self._asked(self._terminal.line, "Say (Enter for nothing): ")
        if not text:
            raise Left
        question = "Is the agent to answer it?"
        ask = self._card["open"] and self._asked(asking.yes_or_no, self._terminal, question)
        self._do("comments", {"text": text, "ask": True if ask else None})

    def _attached(self, piece: dict[str, str]) -> dict[str, Any]:
        """Return a piece of evidence as it is sent: a file is put beside the intent first. Raises
        GoTo where it is not taken."""
        if "file" not in piece:
            return piece
        try:
            data = Path(piece["file"]).read_bytes()
            return self._session.run(flows.attach(self._id, piece["name"], data))
        except OSError as error:
            self._terminal.say(f"! {escape(piece['file'])} cannot be read: {error.strerror}")
        except HoldshortError as error:
            self._terminal.say(f"! {escape(error.message)}")
        raise GoTo(self._id)

    def _do(self, action: str, body: dict[str, Any] | None) -> NoReturn:
        """Send something that is no answer, and show the card as it is then."""
        self._send(action, body)
        self._terminal.say("Done.")
        raise GoTo(self._id)

    def _send(self, action: str, body: dict[str, Any] | None) -> None:
        """Send. What is refused is said, and the card shown as it stands now. Raises GoTo."""
        began = time.monotonic()
        try:
            self._session.run(flows.post(self._id, action, body))
            return
        except HoldshortError as error:
            self._terminal.say(f"! {escape(error.message)}")
        except KeyboardInterrupt:
            waited = time.monotonic() - began
            self._terminal.say(f"\n! Interrupted after {waited:.0f} s; it may have arrived.")
        raise GoTo(self._id)
