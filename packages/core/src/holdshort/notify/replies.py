"""What a reply by mail says: pure. It is words and nothing else: no reply decides anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import default as POLICY

#: Stands above what a mail of ours says; what people write below it is not read.
MARK = "---- Write above this line; what stands below is not read ----"
#: The largest mail that is looked at (bytes).
LARGEST = 10 * 1024 * 1024
#: The longest comment (characters).
LONGEST = 10_000

_TOKEN = re.compile(r"[a-z2-7]{32}")
_AUTOMATIC = re.compile(r"^(auto|bulk|list|junk)", re.IGNORECASE)
_ORIGINAL = re.compile(r"^[-_\s]{2,}[^-_]{1,40}[-_]{2,}\s*$|^_{20,}\s*$")
_OUTLOOK = re.compile(r"^\*?(From|Von|De|Da|Van|Från|Fra):\*?\s.+@", re.IGNORECASE)
_DATE = re.compile(r"\d\d?[.:/-]\d\d|\b\d{4}\b")
_DMARC = re.compile(r"\s*dmarc(?:\s*/\s*\d+)?\s*=\s*(\w+)(.*)", re.IGNORECASE | re.DOTALL)
_FROM = re.compile(r"\bheader\.from\s*=\s*(\S+)", re.IGNORECASE)
_SENT_FROM = re.compile(r"^(Sent from my |Get Outlook for |Von meinem |Envoyé de mon )", re.I)

#: Longer lines are somebody's own words, whatever they look like (characters).
_LONGEST_MARK = 200


class Ignored(Exception):
    """This mail is no comment; the text says why, for the log."""


@dataclass(frozen=True)
class Reply:
    """What a mail says, and who says so. That they are who they say is for the caller to check."""

    token: str
    """What the mail that it answers gave its recipient to answer with."""
    sender: str
    """The one address in From."""
    text: str
    message_id: str


def reply_in(raw: bytes, *, mailbox: str | None = None, vouched_by: str | None = None) -> Reply:
    """Return the comment in a mail as it came in. Raises Ignored for every other mail.

    Args:
        mailbox: the address that replies go to, without the token (`decide@acme.com`); None takes
            any.
        vouched_by: the name of the mail server whose `Authentication-Results` are believed; then a
            mail counts only where it says that DMARC passed.
    """
    if len(raw) > LARGEST:
        raise Ignored(f"it is larger than {LARGEST} bytes")
    message = message_from_bytes(raw, policy=POLICY)
    try:
        _require_person(message)
        sender = _sender(message)
        token = _token(message, mailbox)
        if vouched_by is not None:
            _require_vouched(message, vouched_by, sender)
        text = own_words(_text(message))
        message_id = str(message.get("Message-ID", ""))[:500]
    except Ignored:
        raise
    except Exception as error:
        # The parser of the standard library raises many things for what is no mail.
        raise Ignored(f"it cannot be read as a mail ({type(error).__name__})") from error
    if not text:
        raise Ignored("there are no words of its own in it")
    if len(text) > LONGEST:
        raise Ignored(f"it has {len(text)} characters; a comment has at most {LONGEST}")
    return Reply(token, sender, text, message_id)


def own_words(text: str) -> str:
    """Return what somebody wrote themselves: without quotes, our own mail, and the signature.

    >>> own_words("Why nine?\\n\\nOn Monday, Holdshort wrote:\\n> approve\\n")
    'Why nine?'
    """
    kept: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith(">"):
            _drop_introduction(kept)
            continue
        if _ends(line):
            break
        if _SENT_FROM.match(line):
            continue
        kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _ends(line: str) -> bool:
    """Whether what stands below a line is not the writer's own."""
    if len(line) > _LONGEST_MARK:
        return False
    found = MARK in line or _ORIGINAL.match(line) or _OUTLOOK.match(line)
    return bool(found) or line.rstrip() == "--"


def _drop_introduction(kept: list[str]) -> None:
    """Take “On Monday, somebody wrote:”, of one or two lines, away from above a quote."""
    last = len(kept)
    while last and not kept[last - 1]:
        last -= 1
    if not last or not kept[last - 1].endswith(":"):
        return
    first = last - 1
    if first and kept[first - 1] and (kept[first].startswith("<") or not _DATE.search(kept[first])):
        first -= 1
    # It names a time or an address; somebody's own last line before a quote seldom does.
    if _DATE.search(" ".join(kept[first:last])) or "@" in kept[last - 1]:
        del kept[first:]


def _require_person(message: EmailMessage) -> None:
    """Raise Ignored for what a machine sends by itself: out of office, bounces, lists."""
    automatic = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    if automatic != "no":
        raise Ignored(f"it was sent by itself (Auto-Submitted: {automatic[:40]})")
    if _AUTOMATIC.match(str(message.get("Precedence", ""))):
        raise Ignored("it was sent by itself (Precedence)")
    for name in ("X-Autoreply", "X-Autorespond", "List-Id"):
        if name in message:
            raise Ignored(f"it was sent by itself ({name})")
    if str(message.get("Return-Path", "")).strip() == "<>":
        raise Ignored("it was sent by itself (a bounce)")
    if message.get_content_type() == "multipart/report":
        raise Ignored("it is a report of a mail server")


def _sender(message: EmailMessage) -> str:
    headers = message.get_all("From", [])
    found = [one for header in headers for one in header.addresses]
    if len(headers) != 1 or len(found) != 1 or not found[0].domain:
        raise Ignored("it does not say by one address who wrote it")
    return str(found[0].addr_spec)


def _token(message: EmailMessage, mailbox: str | None) -> str:
    wanted = None if mailbox is None else mailbox.casefold().rpartition("@")
    tokens = set()
    for one in _addressed(message):
        user, plus, token = one.username.casefold().rpartition("+")
        at_ours = wanted is None or (user, one.domain.casefold()) == (wanted[0], wanted[2])
        if plus and at_ours and _TOKEN.fullmatch(token):
            tokens.add(token)
    if len(tokens) != 1:
        raise Ignored("it answers none of our mails" if not tokens else "it answers several mails")
    return tokens.pop()


def _addressed(message: EmailMessage) -> Sequence[Address]:
    names = ("Delivered-To", "X-Original-To", "To", "Cc")
    found: list[Address] = []
    for name in names:
        for header in message.get_all(name, []):
            if isinstance(header, AddressHeader):
                found += header.addresses
            else:
                user, _, domain = str(header).strip().strip("<>").rpartition("@")
                if user and domain.isascii():
                    found.append(Address(username=user, domain=domain))
    return found


def _require_vouched(message: EmailMessage, host: str, sender: str) -> None:
    """Raise Ignored unless our own mail server says that the sender's domain vouches for it.

    Only the topmost header counts: what stands below came with the mail. And only its own words
    count: what it quotes and what it says in comments may come from the sender.
    """
    said = str(next(iter(message.get_all("Authentication-Results", [])), ""))
    name = said.partition(";")[0].split()[:1]
    if [one.casefold() for one in name] != [host.casefold()]:
        raise Ignored(f"{host} does not say who sent it")
    found = [one for part in _bare(said).split(";")[1:] if (one := _DMARC.fullmatch(part))]
    if not found or any(one[1].casefold() != "pass" for one in found):
        raise Ignored("the domain of its sender does not vouch for it (DMARC)")
    # It was judged by the sender that the mail server read: that has to be the one read here.
    domain = sender.rpartition("@")[2].casefold()
    judged = {name.casefold() for one in found for name in _FROM.findall(one[2])}
    if judged - {domain}:
        raise Ignored("another domain than that of its sender vouches for it (DMARC)")


def _bare(text: str) -> str:
    """Return a header without what is quoted in it and without its comments (RFC 8601); nothing
    where one of them has no end."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char in "()" and not quoted:
            depth = max(0, depth + (1 if char == "(" else -1))
        elif not quoted and not depth:
            kept.append(char)
    return "" if quoted or depth else "".join(kept)


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    if part is None:
        raise Ignored("there is no plain text in it: HTML alone is not read")
    return str(part.get_content())
