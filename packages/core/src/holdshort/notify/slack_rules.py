"""What can be answered in Slack, and what its buttons are about: pure.

A button that decides stands only beside an action that is there whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from holdshort.notify.card import Card
from holdshort.notify.slack_parts import json_lines, text_lines
from holdshort.visible import visible

#: The most characters of one text, by Slack's documentation, and so the most that is shown whole.
LONGEST = 3000
#: More lines than this are not looked through in a chat.
MOST_LINES = 80
#: The longest arguments that are changed in a dialog (characters of JSON): what was changed has to
#: fit into what a dialog carries along.
EDITABLE = 2000

OPEN, ANSWER, MORE, EDIT, UNDO = "hs:open", "hs:answer", "hs:more", "hs:edit", "hs:undo"


@dataclass(frozen=True)
class Ref:
    """What a button is about: the step and the digest that stood beside it, and its answer."""

    tenant: str
    intent_id: str
    step: int
    digest: str
    outcome: str | None = None

    def dump(self) -> str:
        """Return it as a button carries it. `Ref.load` reads it back."""
        return json.dumps([self.tenant, self.intent_id, self.step, self.digest, self.outcome])

    @classmethod
    def load(cls, text: str) -> Ref:
        """Raises ValueError for what no button of ours carries."""
        found = json.loads(text)
        if not isinstance(found, list) or len(found) != 5:
            raise ValueError("not a reference")
        tenant, intent_id, step, digest, outcome = found
        texts = (tenant, intent_id, digest, "" if outcome is None else outcome)
        if not all(isinstance(one, str) for one in texts) or type(step) is not int or step < 0:
            raise ValueError("not a reference")
        return cls(tenant, intent_id, step, digest, outcome)


def ref(card: Card, outcome: str | None = None) -> Ref:
    """Return what a button on this card is about."""
    intent = card.intent
    return Ref(card.tenant, intent.id, intent.step, intent.digest, outcome)


def why_not_here(card: Card) -> str | None:
    """Why this cannot be answered in Slack: it is not there whole. None where it is."""
    if card.masked:
        return "Something in it is secret and masked here. The whole stands in the inbox."
    values = [card.arguments, *([card.more] if card.more else [])]
    shown = [json_lines(one) for one in values]
    words = [text_lines(text) for _, text in card.words]
    fits = (
        sum(map(len, shown)) <= LONGEST
        and sum(text.count("\n") + 1 for text in shown) <= MOST_LINES
        and sum(map(len, words)) <= LONGEST
        and sum(text.count("\n") + 1 for text in words) <= MOST_LINES
        and len(card.what) <= LONGEST
    )
    size = sum(map(_size, values))
    return None if fits else f"It is too long to stand here whole ({size} bytes of JSON)."


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))


def is_tap(card: Card) -> bool:
    """Whether an answer is one press; otherwise a dialog asks for what it needs."""
    task = card.step.task
    needs_comment = task.required_comment or card.step.policy.require_comment
    return task.task_type == "approval" and task.form_schema is None and not needs_comment


def may_answer(card: Card, positive: bool | None) -> bool:
    """Whether an answer of this sign is taken from Slack at all."""
    if why_not_here(card) is not None:
        return False
    evidence = card.step.task.evidence_required
    return not positive or (card.risk != "high" and not evidence)


def may_edit(card: Card) -> bool:
    """Whether the arguments can be changed from Slack."""
    return (
        card.step.policy.allow_edit
        and card.intent.step == 0
        and isinstance(card.arguments, dict)
        and len(editable(card.arguments)) <= EDITABLE
        and any(positive and may_answer(card, True) for _, _, positive in card.outcomes)
    )


def editable(arguments: Any) -> str:
    """Return arguments as they are edited: JSON in which every character shows."""
    text = json.dumps(arguments, indent=2, ensure_ascii=False)
    plain = all(visible(line) == line for line in text.split("\n"))
    return text if plain else json.dumps(arguments, indent=2)
