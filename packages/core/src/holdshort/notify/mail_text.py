"""What a mail about a task says: all that is asked, as text and as HTML. Pure.

Nothing that an agent wrote becomes a link or an address to write to: mail programs make links of
what looks like one, so such text is written `https[://]example[.]com`, and the mail says so.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from holdshort.localtime import zone
from holdshort.notify import said
from holdshort.notify.card import Card
from holdshort.notify.reader import Reader
from holdshort.notify.replies import MARK
from holdshort.visible import visible

#: The largest HTML part (bytes): Gmail cuts what is larger. What does not fit stands on the page
#: alone, and the mail says how many bytes that is.
LARGEST = 100_000
#: The longest subject (characters).
_LONGEST_SUBJECT = 180

_SCHEME = re.compile(r"(?<!\bagent)://")
#: A dot in front of a letter may be one of a domain; one in front of a digit is a number's.
_DOT = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_])")
_AT = re.compile(r"(?<=\S)@(?=\S)")

_HEADS = {
    "asked": "A decision is asked of you.",
    "reminded": "A reminder: this still waits for a decision.",
    "escalated": "This was escalated to you: nobody has decided it so far.",
    "mentioned": "Somebody mentioned you in a comment on this.",
    "answered": "The agent answered a question on this.",
    "limit_exceeded": "An agent has passed one of its limits with this. It was let through.",
}


@dataclass(frozen=True)
class Written:
    """A mail without its addresses."""

    subject: str
    text: str
    html: str


def written(
    reason: str,
    card: Card,
    reader: Reader,
    *,
    link: str | None,
    timezone: str | None,
    replies: bool,
) -> Written:
    """Return the mail that tells somebody of a task.

    Args:
        reason: why it is sent: asked, reminded, escalated, mentioned, answered.
        link: the recipient's own link to the card, if there is one.
        timezone: where the recipient lives.
        replies: whether what they reply is read.
    """
    arguments = json.dumps(card.arguments, indent=2, ensure_ascii=False)
    more = json.dumps(card.more, indent=2, ensure_ascii=False) if card.more else ""
    words = [*card.words, *([("more", more)] if more else [])]
    values: dict[str, Any] = {
        "head": _HEADS.get(reason, "There is news of this."),
        "what": plain(card.what),
        "kind": card.step.task.task_type.replace("_", " "),
        "agent": plain(card.agent),
        "owner": card.owner and visible(card.owner),
        "risk": card.risk,
        "deadline": None if card.deadline_at is None else _when(card.deadline_at, timezone),
        "next": plain(card.next),
        "if_nobody": card.if_nobody,
        "seats": plain(card.seats),
        "stands": None if card.open else plain(card.stands),
        "for_whom": _for_whom(reader, timezone) if card.open else None,
        "outcomes": [visible(label) for _, label, _ in card.outcomes],
        "arguments": [plain(line) for line in arguments.split("\n")],
        "words": [(name, _lines(text)) for name, text in words],
        "masked": card.masked,
        "left_out": 0,
        "link": link,
        "intent": card.intent.id,
        "replies": replies,
        "mark": MARK,
    }
    html = _rendered("task.html", values)
    if len(html.encode()) > LARGEST:
        texts = [arguments, *(text for _, text in words)]
        size = sum(len(one.encode(errors="surrogatepass")) for one in texts)
        values |= {"arguments": [], "words": [], "left_out": size}
        html = _rendered("task.html", values)
    return Written(subject_of(card), _rendered("task.txt", values), html)


def written_digest(data: dict[str, Any]) -> Written:
    """Return the mail that stands for many tasks of one agent, from the body of a digest."""
    agent, count = str(data["agent"]), int(data["count"])
    tasks = [
        {
            "title": plain(str(one["title"])) or "(no title)",
            "risk": str(one["risk"]),
            "deadline": _when_said(one["deadline_at"]),
            "url": one.get("url"),
        }
        for one in data["tasks"]
    ]
    values = {
        "agent": plain(agent),
        "count": count,
        "more": count - len(tasks),
        "tasks": tasks,
        "link": data.get("url"),
    }
    subject = _cut(f"{count} decisions are asked of you, by {visible(agent)}")
    html, text = _rendered("digest.html", values), _rendered("digest.txt", values)
    return Written(subject, text, html)


def subject_of(card: Card) -> str:
    """Return the subject of every mail about an intent, so that they are one conversation.

    It says what is to be run and who asks. No argument and no word of the agent stands in it:
    subjects are shown on locked screens (attacks 41 and 46).
    """
    intent = card.intent
    where = f" in {visible(intent.environment)}" if intent.environment else ""
    kind = card.step.task.task_type.replace("_", " ")
    return _cut(f"{kind.capitalize()}: {visible(intent.tool)}{where}, asked by {card.agent}")


def written_code(code: str, *, link: str | None, minutes: int) -> Written:
    """Return the mail with which somebody signs in."""
    values = {"code": code, "link": link, "minutes": minutes}
    # Not the code: it would stand on the locked screen of whoever's phone it is.
    subject = "Your code to sign in to Holdshort"
    return Written(subject, _rendered("code.txt", values), _rendered("code.html", values))


def plain(text: str) -> str:
    r"""Return one line of somebody else's text: all of it can be seen, nothing of it is a link.

    >>> plain("see https://evil.example/a or mail x@y.io: 4.50")
    'see https[://]evil[.]example/a or mail x[@]y[.]io: 4.50'
    """
    return _AT.sub("[@]", _DOT.sub(_bracketed, _SCHEME.sub("[://]", visible(text))))


def _bracketed(match: re.Match[str]) -> str:
    return f"[{match.group()}]"


def _for_whom(reader: Reader, timezone: str | None) -> str | None:
    """Return in whose place the reader answers; None where it is in nobody's."""
    if reader.on_behalf_of is None:
        return None
    until = None if reader.away_until is None else _when(reader.away_until, timezone)
    return plain(said.for_whom(reader.on_behalf_of, until))


def _lines(text: str) -> list[str]:
    return [plain(line) for line in text.split("\n")]


def _cut(text: str) -> str:
    seen = visible(text)
    return seen if len(seen) <= _LONGEST_SUBJECT else f"{seen[: _LONGEST_SUBJECT - 1]}…"


def _when(at: int, timezone: str | None) -> str:
    utc = datetime.fromtimestamp(at / 1000, UTC)
    said = f"{utc:%A %Y-%m-%d %H:%M} UTC"
    try:
        where = zone(timezone or "UTC")
    except ValueError:
        return said
    local = utc.astimezone(where)
    return said if where.key == "UTC" else f"{local:%A %Y-%m-%d %H:%M} ({where.key}); {said}"


def _when_said(iso: str | None) -> str | None:
    return None if iso is None else f"{iso[:10]} {iso[11:16]} UTC"


def _rendered(name: str, values: dict[str, Any]) -> str:
    return _templates().get_template(name).render(values)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("holdshort.notify"),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
