"""Ids as people type them: in full, or as much of one end as tells it apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer

from holdshort.cli.session import Session

_FULL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART = re.compile(r"[0-9a-f-]{4,}")
#: As many intents are looked through for a part of an id, newest first.
_LOOK_AT = 500


def find_task(session: Session, text: str) -> str:
    """Return the id of the open task that this stands for."""
    return _find(session, text, "tasks")


def find_intent(session: Session, text: str) -> str:
    """Return the id of the intent that this stands for."""
    return _find(session, text, "intents")


def _find(session: Session, text: str, what: str) -> str:
    given = text.strip().lower()
    if _FULL.fullmatch(given):
        return given
    if not _PART.fullmatch(given):
        raise typer.BadParameter(f"{text!r} is no id: give it in full, or its last four or more")
    # Ids begin with the time, so those of one day look alike at the front and differ at the end.
    matches = [one for one in _ids(session, what) if one.endswith(given) or one.startswith(given)]
    if len(matches) == 1:
        return matches[0]
    where = "open tasks" if what == "tasks" else f"the newest {_LOOK_AT} intents"
    if not matches:
        raise typer.BadParameter(
            f"none of your {where} has an id that begins or ends with {text!r}"
        )
    raise typer.BadParameter(
        f"{text!r} fits {len(matches)} of your {where}: {', '.join(matches[:5])}"
        + (", …" if len(matches) > 5 else "")
    )


def _ids(session: Session, what: str) -> Iterator[str]:
    cursor = None
    while True:
        page = session.call("GET", f"/v1/{what}", limit=_LOOK_AT, cursor=cursor)
        yield from (one["intent_id"] for one in page[what])
        cursor = page["next_cursor"]
        if cursor is None or what == "intents":
            return
