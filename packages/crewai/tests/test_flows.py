"""Reviews in flows: exact, never empty, never lost, behind one lease."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from crewai.flow.flow import Flow, and_, listen, or_, start
from crewai.flow.human_feedback import HumanFeedbackResult, human_feedback
from crewai.flow.persistence import persist
from pydantic import BaseModel

from holdshort import Client, Reviewer
from holdshort.adapters import RunBusy, Suspended
from holdshort.errors import ConfigurationError, InvalidRequest
from holdshort_crewai import DurableFeedback, FlowApp, FlowFailed, HoldshortPersistence

ASK = {"holdshort": {"to": "ana@acme.com"}}
LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    LOG.clear()


class Draft(BaseModel):
    id: str = ""
    topic: str = ""
    text: str = ""


class Publish(Flow[Draft]):
    @start()
    def begin(self) -> str:
        return self.state.topic

    @human_feedback(message="Publish?", emit=["approved", "needs revision"], metadata=ASK)
    @listen(or_("begin", "revise"))
    def draft(self) -> str:
        self.state.text = f"draft about {self.state.topic}"
        return self.state.text

    @listen("needs revision")
    def revise(self, result: HumanFeedbackResult) -> None:
        LOG.append(("revise", result.feedback))

    @listen("approved")
    def publish(self, result: HumanFeedbackResult) -> str:
        LOG.append(("publish", result.output, result.feedback))
        return f"published: {result.output}"


def test_a_flow_waits_and_goes_on_in_rounds(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"publish": Publish}, client)
    first = app.run("publish", {"topic": "tea"}, run_id="post-1")
    assert isinstance(first, Suspended)
    assert LOG == []
    (intent_id,) = first.intent_ids
    ana.submit(intent_id, "needs_revision", comment="shorter")
    assert work(app) == 1
    assert LOG == [("revise", "shorter")]
    # The same text is asked about again, and is another question.
    (second,) = app.run("publish", run_id="post-1").intent_ids
    assert second != intent_id
    ana.approve(second)
    assert work(app) == 1
    assert LOG[1:] == [("publish", "draft about tea", "approved")]
    assert app.run("publish", run_id="post-1") == "published: draft about tea"
    assert work(app) == 0


def test_what_the_reviewer_edited_reaches_the_listeners(
    client: Client, ana: Reviewer, work: Any
) -> None:
    app = FlowApp({"publish": Publish}, client)
    waits = app.run("publish", {"topic": "tea"})
    ana.approve(waits.intent_ids[0], arguments={"output": "better"}, comment="fixed a typo")
    work(app)
    assert LOG == [("publish", "better", "fixed a typo")]


def test_a_comment_is_not_an_outcome(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"publish": Publish}, client)
    waits = app.run("publish", {"topic": "tea"})
    ana.submit(waits.intent_ids[0], "needs_revision", comment="approved")
    work(app)
    assert LOG == [("revise", "approved")]


def test_a_flow_that_is_started_by_itself_is_durable_too(
    client: Client, ana: Reviewer, work: Any
) -> None:
    app = FlowApp({"anything": Publish}, client)
    pending = Publish().kickoff(inputs={"topic": "tea"})
    (intent_id,) = pending.callback_info["intents"]
    ana.approve(intent_id)
    assert work(app) == 1
    assert LOG == [("publish", "draft about tea", "approved")]


def test_started_again_while_it_waits_closes_what_was_asked(
    client: Client, ana: Reviewer, work: Any
) -> None:
    app = FlowApp({"publish": Publish}, client)
    old = Publish().kickoff(inputs={"topic": "tea", "id": "same"}).callback_info["intents"][0]
    new = Publish().kickoff(inputs={"topic": "ink", "id": "same"}).callback_info["intents"][0]
    assert client.get_intent(old)["status"] == "CANCELED"
    ana.approve(new)
    work(app)
    assert LOG == [("publish", "draft about ink", "approved")]


class Gone(Flow[Any]):
    @human_feedback(message="Publish?", emit=["approved", "rejected"], metadata=ASK)
    @start()
    def draft(self) -> str:
        return "draft"

    @listen("approved")
    def publish(self) -> str:
        LOG.append("try")
        if LOG.count("try") < 3:
            raise OSError("the press is away")
        return "published"


def test_a_failed_listener_can_be_resumed_again(client: Client, ana: Reviewer) -> None:
    app = FlowApp({"gone": Gone}, client)
    waits = app.run("gone", run_id="g")
    ana.approve(waits.intent_ids[0])
    for _ in range(2):
        with pytest.raises(OSError, match="press"):
            app.resume_flow("g")
    assert app.resume_flow("g") == "published"
    assert app.resume_flow("g") == "published"
    assert LOG == ["try"] * 3


SOON = {"holdshort": {"to": "ana@acme.com", "deadline": 0.1}}


class Quiet(Flow[Any]):
    """Nobody answers, and there is no outcome for that."""

    @human_feedback(message="Go?", emit=["go", "stop"], metadata=SOON)
    @start()
    def ask(self) -> str:
        return "x"

    @listen("go")
    def yes(self) -> None:
        LOG.append("go")

    @listen("stop")
    def no(self) -> None:
        LOG.append("stop")


class Defaults(Flow[Any]):
    @human_feedback(message="Go?", emit=["go", "later"], default_outcome="later", metadata=SOON)
    @start()
    def ask(self) -> str:
        return "x"

    @listen("go")
    def yes(self) -> None:
        LOG.append("go")

    @listen("later")
    def no(self, result: HumanFeedbackResult) -> None:
        LOG.append(("later", result.feedback))


class Hopes(Flow[Any]):
    """Its code would take silence for a yes."""

    @human_feedback(message="?", emit=["approved", "x"], default_outcome="approved", metadata=SOON)
    @start()
    def ask(self) -> str:
        return "x"

    @listen("approved")
    def yes(self) -> None:
        LOG.append("yes")


@pytest.mark.parametrize(
    ("flow", "expected"),
    [(Quiet, []), (Defaults, [("later", "nobody decided in time")]), (Hopes, [])],
)
def test_silence_is_never_the_first_choice(
    client: Client, work: Any, flow: type[Flow[Any]], expected: list[Any]
) -> None:
    app = FlowApp({"flow": flow}, client)
    waits = app.run("flow", run_id="f")
    client.wait_for(waits.intent_ids[0], timeout=20)
    work(app)
    assert expected == LOG
    if not expected:
        with pytest.raises(FlowFailed, match="nobody decided in time"):
            app.run("flow", run_id="f")


class Plain(Flow[Any]):
    @human_feedback(message="What do you think?", metadata=ASK)
    @start()
    def ask(self) -> dict[str, int]:
        return {"n": 1}

    @listen(ask)
    def then(self, result: HumanFeedbackResult) -> str:
        LOG.append((result.feedback, result.output))
        return result.feedback


def test_without_outcomes_the_words_are_passed_on(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"plain": Plain}, client)
    waits = app.run("plain", run_id="p")
    ana.submit(waits.intent_ids[0], "changes_requested", comment="more data")
    work(app)
    assert LOG == [("more data", {"n": 1})]


def test_without_outcomes_a_no_ends_the_flow(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"plain": Plain}, client)
    waits = app.run("plain", run_id="p")
    ana.reject(waits.intent_ids[0], comment="not now")
    work(app)
    assert LOG == []
    with pytest.raises(FlowFailed, match=r"rejected by ana@acme\.com.*not now"):
        app.run("plain", run_id="p")


class Parallel(Flow[Any]):
    @human_feedback(message="Text?", emit=["text_ok", "text_bad"], metadata=ASK)
    @start()
    def text(self) -> str:
        return "text"

    @human_feedback(message="Picture?", emit=["picture_ok", "picture_bad"], metadata=ASK)
    @start()
    def picture(self) -> str:
        time.sleep(0.2)  # so that the other has long been asked when this one is
        return "picture"

    @start()
    def price(self) -> int:
        LOG.append("price")
        return 5

    @listen(and_("text_ok", "picture_ok", price))
    def join(self) -> str:
        LOG.append("join")
        return "joined"

    @listen("text_ok")
    def typeset(self) -> None:
        LOG.append("typeset")


@pytest.mark.parametrize("first", [0, 1])
def test_parallel_reviews_are_both_asked_and_joined(
    client: Client, ana: Reviewer, work: Any, first: int
) -> None:
    app = FlowApp({"parallel": Parallel}, client)
    waits = app.run("parallel", run_id="p")
    assert len(waits.intent_ids) == 2
    assert LOG == ["price"]
    by_title = {client.get_intent(one)["title"]: one for one in waits.intent_ids}
    order = [("parallel: Text?", "text_ok"), ("parallel: Picture?", "picture_ok")]
    order = order[first:] + order[:first]
    ana.submit(by_title[order[0][0]], order[0][1])
    assert work(app) == 1
    assert "join" not in LOG
    ana.submit(by_title[order[1][0]], order[1][1])
    assert work(app) == 1
    assert LOG.count("join") == 1
    assert LOG.count("typeset") == 1
    assert LOG.count("price") == 1
    assert isinstance(app.run("parallel", run_id="p"), str | None)


def test_a_lone_branch_does_not_wait_for_the_other(
    client: Client, ana: Reviewer, work: Any
) -> None:
    app = FlowApp({"parallel": Parallel}, client)
    waits = app.run("parallel", run_id="p")
    titles = {client.get_intent(one)["title"]: one for one in waits.intent_ids}
    ana.submit(titles["parallel: Text?"], "text_ok")
    work(app)
    assert LOG == ["price", "typeset"]
    again = app.run("parallel", run_id="p")
    assert again.intent_ids == [titles["parallel: Picture?"]]


class Later(Flow[Any]):
    """Two reviews that are asked only behind another, and a join over all of it."""

    @start()
    def begin(self) -> None: ...

    @human_feedback(message="One?", emit=["one_ok"], metadata=ASK)
    @listen(begin)
    def one(self) -> int:
        return 1

    @human_feedback(message="Two?", emit=["two_ok"], metadata=ASK)
    @listen("one_ok")
    def two(self) -> int:
        return 2

    @human_feedback(message="Three?", emit=["three_ok"], metadata=ASK)
    @listen("one_ok")
    def three(self) -> int:
        return 3

    @listen(and_(begin, "two_ok", "three_ok"))
    def join(self) -> str:
        return " ".join(one.method_name for one in self.human_feedback_history)


def test_joins_and_history_live_through_several_pauses(
    client: Client, ana: Reviewer, work: Any
) -> None:
    app = FlowApp({"later": Later}, client)
    asked = 0
    while isinstance(waits := app.run("later", run_id="l"), Suspended):
        # CrewAI runs routers, and so reviews with outcomes, one after the other.
        (intent_id,) = waits.intent_ids
        task = client.get_intent(intent_id)["human_task"]
        ana.submit(intent_id, task["allowed_outcomes"][0])
        asked += 1
        assert work(app) == 1
    assert asked == 3
    assert waits.split() == ["one", "two", "three"]


class Halves(Flow[Any]):
    """One listener works, the other fails at first; both hear the outcome, one only the method."""

    @human_feedback(message="?", emit=["go"], metadata=ASK)
    @start()
    def ask(self) -> Draft:
        LOG.append("ask")
        return Draft(text="typed")

    @listen(ask)
    def by_name(self) -> None:
        LOG.append("by_name")

    @listen("go")
    def works(self, result: HumanFeedbackResult) -> None:
        LOG.append(("works", type(result.output).__name__))

    @listen("go")
    async def fails(self) -> str:
        while ("works", "Draft") not in LOG:
            await asyncio.sleep(0.01)
        LOG.append("fails")
        if LOG.count("fails") < 2:
            raise OSError("away")
        return "done"


def test_what_has_been_done_is_not_done_again(client: Client, ana: Reviewer) -> None:
    app = FlowApp({"halves": Halves}, client)
    waits = app.run("halves", run_id="h")
    ana.submit(waits.intent_ids[0], "go")
    with pytest.raises(OSError, match="away"):
        app.resume_flow("h")
    app.resume_flow("h")
    assert LOG == ["ask", "by_name", ("works", "Draft"), "fails", "fails"]


def test_two_resumes_at_once_run_the_listeners_once(client: Client, ana: Reviewer) -> None:
    LOG.append("try")
    LOG.append("try")  # the press is there
    app = FlowApp({"gone": Gone}, client)
    waits = app.run("gone", run_id="g")
    ana.approve(waits.intent_ids[0])
    ends: list[Any] = []

    def resume() -> None:
        try:
            ends.append(app.resume_flow("g"))
        except RunBusy:
            ends.append("busy")

    threads = [threading.Thread(target=resume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert LOG.count("try") == 3
    assert set(ends) <= {"published", "busy"}


class Odd(Flow[Any]):
    @human_feedback(message="?", metadata=ASK)
    @start()
    def ask(self) -> str:
        self.state["lock"] = object()
        return "x"


def test_a_state_that_cannot_be_kept_is_an_error_at_the_pause(client: Client) -> None:
    app = FlowApp({"odd": Odd}, client)
    with pytest.raises(InvalidRequest, match="state of the flow Odd cannot be kept"):
        app.run("odd")
    assert client.list_intents() == []


def test_waiting_in_process(client: Client, ana: Reviewer) -> None:
    app = FlowApp({"publish": Publish}, client)

    def answer() -> None:
        ends = time.monotonic() + 20
        while not (found := client.list_intents()):
            assert time.monotonic() < ends
            time.sleep(0.05)
        ana.approve(found[0]["intent_id"])

    thread = threading.Thread(target=answer)
    thread.start()
    result = app.run("publish", {"topic": "tea"}, mode="wait", timeout=30)
    thread.join(30)
    assert result == "published: draft about tea"
    waits = app.run("publish", {"topic": "ink"}, mode="wait", timeout=0.1)
    assert isinstance(waits, Suspended)


def test_on_an_event_loop(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"publish": Publish}, client)
    waits = asyncio.run(app.arun("publish", {"topic": "tea"}))
    ana.approve(waits.intent_ids[0])
    work(app)
    assert LOG == [("publish", "draft about tea", "approved")]


def test_a_flow_that_this_app_does_not_have_is_not_lost(
    client: Client, ana: Reviewer, work: Any
) -> None:
    waits = FlowApp({"publish": Publish}, client).run("publish", {"topic": "tea"}, run_id="p")
    ana.approve(waits.intent_ids[0])
    with pytest.raises(ConfigurationError, match="no flow named 'publish'"):
        FlowApp({"quiet": Quiet}, client).resume_flow("p")
    assert LOG == []


class Racing(Flow[Any]):
    """CrewAI lets the two race for the listener, and swallows what the loser raises."""

    @start()
    def begin(self) -> None: ...

    @human_feedback(message="Left?", metadata=ASK)
    @listen(begin)
    def left(self) -> str:
        return "left"

    @human_feedback(message="Right?", metadata=ASK)
    @listen(begin)
    def right(self) -> str:
        return "right"

    @listen(or_(left, right))
    def first(self, result: HumanFeedbackResult) -> str:
        LOG.append(result.output)
        return result.output


def test_reviews_that_race(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"racing": Racing}, client)
    both = app.run("racing", run_id="r").intent_ids
    assert len(both) == 2
    titles = {client.get_intent(one)["title"]: one for one in both}
    ana.approve(titles["racing: Right?"])
    work(app)
    assert LOG == ["right"]
    assert app.run("racing", run_id="r") == "right"
    # The other is not asked any more.
    assert client.get_intent(titles["racing: Left?"])["status"] == "CANCELED"


def test_the_same_flow_object_again(client: Client, ana: Reviewer, work: Any) -> None:
    app = FlowApp({"publish": Publish}, client)
    flow = Publish()
    flow.kickoff(inputs={"topic": "tea"})
    (intent_id,) = flow.kickoff(inputs={"topic": "ink"}).callback_info["intents"]
    ana.approve(intent_id)
    work(app)
    assert LOG == [("publish", "draft about ink", "approved")]


def test_a_provider_on_one_method_only(client: Client, ana: Reviewer, work: Any) -> None:
    class One(Flow[Any]):
        @human_feedback(message="?", metadata=ASK, provider=DurableFeedback(client))
        @start()
        def ask(self) -> str:
            return "x"

        @listen(ask)
        def then(self, result: HumanFeedbackResult) -> None:
            LOG.append(result.feedback)

    app = FlowApp({"one": One}, client)
    (intent_id,) = app.run("one").intent_ids
    ana.approve(intent_id, comment="good")
    work(app)
    assert LOG == ["good"]


class Kept(Flow[Draft]):
    @start()
    def begin(self) -> None:
        self.state.text = "kept"


def test_persisted_state_is_kept_in_holdshort(client: Client) -> None:
    kept = persist(HoldshortPersistence(client))(Kept)
    kept().kickoff(inputs={"id": "k"})
    found = HoldshortPersistence(client).load_state("k")
    assert found is not None
    assert found["text"] == "kept"
    assert HoldshortPersistence(client).load_state("nothing") is None


def test_an_answer_of_the_callers_own_is_refused(client: Client) -> None:
    app = FlowApp({"publish": Publish}, client)
    app.run("publish", {"topic": "tea"}, run_id="p")
    with pytest.raises(ConfigurationError, match="the decision that was made"):
        Publish.from_pending("p", HoldshortPersistence(client))


class Learns(Flow[Any]):
    @human_feedback(message="?", learn=True, metadata=ASK)
    @start()
    def ask(self) -> str:
        return "x"


def test_learning_would_rewrite_what_was_approved(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="learn=True"):
        FlowApp({"learns": Learns}, client).run("learns")
    assert client.list_intents() == []
