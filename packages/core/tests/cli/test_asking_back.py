"""`holdshort tasks ask`: the reviewer asks, the agent answers, before anything is decided."""

from __future__ import annotations

import pytest

from holdshort import Client

from .conftest import Run
from .test_deciding import Send, result

pytestmark = pytest.mark.usefixtures("place")


def test_the_agent_is_asked_and_answers(ok: Run, send: Send) -> None:
    intent_id = send()
    done = ok("tasks", "ask", intent_id, "which invoice?")
    assert "The agent is asked" in done.out
    with Client() as client:
        (question,) = client.questions(intent_id)
        assert question["text"] == "which invoice?"
        assert "@" in question["by"]
        client.comment(intent_id, "4711")
        assert client.questions(intent_id) == []
    log = ok("intents", "log", intent_id, "--json").json
    assert [event["event_type"] for event in log[-2:]] == ["intent.asked_agent", "intent.commented"]
    assert log[-1]["details"]["answers"] == [question["by"]]
    assert result(ok, intent_id) is None
