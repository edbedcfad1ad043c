"""Secrets in what is shown outside: masked in every channel that leaves the server.

The digest is over the real value, and the page shows it to whoever is signed in; an e-mail, a chat
message or a lock screen never does (attack 47 of the adversarial list).
"""

from __future__ import annotations

import re
from typing import Any

_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|credential|authorization|cookie"
    r"|^(cvv|cvc|pin|iban)$",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"  # JSON Web Token
    r"|\b(?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{12,}"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[pousr]|github_pat|glpat|xox[abeoprs]|hs_(?:agent|person|service)|whsec)[-_]"
    r"[A-Za-z0-9_-]{10,}"
    r"|\bAIza[\w-]{30,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|(?i:\bbearer\s+)[\w.~+/-]{16,}=*",
    re.DOTALL,
)
#: What the agent's side leaves in the place of a value (`adapters/secrets.py`), to the letter: what
#: only begins like it is a text of the agent's, and is shown.
_MARK = re.compile(r"holdshort:masked:[0-9a-f]{32}")
_CARD = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.])")


def is_mark(value: Any) -> bool:
    """Whether a value is what the agent's side has left in the place of a secret."""
    return isinstance(value, str) and _MARK.fullmatch(value) is not None


def masked(value: Any) -> tuple[Any, bool]:
    """Return a JSON value with what looks like a secret replaced, and whether anything was.

    >>> masked({"to": "ana", "api_key": "k-123"})
    ({'to': 'ana', 'api_key': '•••• masked (5 bytes)'}, True)
    """
    if isinstance(value, dict):
        pairs = {name: _member(str(name), child) for name, child in value.items()}
        return {n: child for n, (child, _) in pairs.items()}, any(f for _, f in pairs.values())
    if isinstance(value, list):
        items = [masked(child) for child in value]
        return [child for child, _ in items], any(found for _, found in items)
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
        return _dots(str(value)), True
    return value, False


def masked_text(text: str) -> tuple[str, bool]:
    """The same for a text: the rest of it stays."""
    found = False

    def hide(match: re.Match[str]) -> str:
        nonlocal found
        found = True
        return _dots(match.group())

    def hide_card(match: re.Match[str]) -> str:
        return hide(match) if _is_card(match.group()) else match.group()

    return _CARD.sub(hide_card, _KNOWN.sub(hide, text)), found


def _member(name: str, value: Any) -> tuple[Any, bool]:
    return _hidden(value) if _NAMES.search(name) else masked(value)


def _hidden(value: Any) -> tuple[Any, bool]:
    """Return the value of a name that says it is secret, with all that is in it hidden. Whether
    something is empty, true or false is not."""
    if isinstance(value, dict):
        pairs = {name: _hidden(child) for name, child in value.items()}
        return {n: child for n, (child, _) in pairs.items()}, any(f for _, f in pairs.values())
    if isinstance(value, list):
        items = [_hidden(child) for child in value]
        return [child for child, _ in items], any(found for _, found in items)
    # What the agent's side has masked already shows nothing; its mark says so better.
    if value is None or isinstance(value, bool) or value == "" or is_mark(value):
        return value, False
    return _dots(str(value)), True


def _dots(text: str) -> str:
    return f"•••• masked ({len(text.encode(errors='surrogatepass'))} bytes)"


def _is_card(text: str) -> bool:
    """Whether these digits are a payment card's number: 13 to 19 that pass Luhn's test."""
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0
