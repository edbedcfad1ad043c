"""People who are named in a remark with an @: who is told, and why somebody is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdshort.models import Directory, Intent
from holdshort.policy.eligible import may_look

#: The most people that one remark tells.
MOST = 10
_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9][\w.+-]{0,63}(?:@[a-z0-9][a-z0-9.-]{1,189})?)", re.I)


@dataclass(frozen=True)
class Mentions:
    """Who is told of a remark, and who is named in it and is not told: (name, why)."""

    told: tuple[str, ...] = ()
    not_told: tuple[tuple[str, str], ...] = ()


def mentions_in(text: str, intent: Intent, directory: Directory, *, by: str) -> Mentions:
    """Return the people whom a remark names: `@bo@acme.com`, or `@bo` where there is one Bo.

    A mention gives nobody a right: only who may look at the intent already is told of it.

    Args:
        by: who wrote it; they are not told of themselves.
    """
    told: dict[str, None] = {}
    not_told: dict[str, str] = {}
    for name in dict.fromkeys(found.rstrip(".-").lower() for found in _MENTION.findall(text)):
        person, why = _named(name, intent, directory)
        if person is None:
            not_told[name] = why
        elif person != by and len(told) < MOST:
            told[person] = None
        elif person != by and person not in told:
            not_told[name] = f"one remark tells {MOST} people at most"
    return Mentions(tuple(told), tuple(list(not_told.items())[:MOST]))


def _named(name: str, intent: Intent, directory: Directory) -> tuple[str | None, str]:
    known = _people(intent, directory)
    found = [one for one in known if name in (one, one.partition("@")[0])]
    if name in found:
        found = [name]
    able = [one for one in found if may_look(one, intent, directory)]
    if len(able) == 1:
        return able[0], ""
    if len(able) > 1:
        return None, f"there are {len(able)} people of this name; write the whole address"
    # Whether somebody exists is not told apart from what they may see.
    return None, "nobody of this name may look at this"


def _people(intent: Intent, directory: Directory) -> set[str]:
    """Everybody whom a name could mean: the directory, its teams, and who is asked here."""
    asked = [one for step in intent.steps for one in (*step.reviewers, *step.assigned)]
    members = [one for team in directory.teams.values() for one in team]
    return {*directory.people, *members, *(one for one in asked if ":" not in one)}
