"""Crews that are suspended and gone on with, wherever they need a person."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from crewai import Agent, Crew, Process, Task
from crewai.core.providers.human_input import set_provider
from crewai.tools import tool
from pydantic import BaseModel

from holdshort import Client, Reviewer
from holdshort.adapters import Gate, Suspended, open_run
from holdshort_crewai import CrewApp, CrewFailed, HumanReview, HumanTool, gate_tools

from .scripted import Scripted, call, once
from .test_tools import answering

DONE: list[Any] = []
TO_ANA = Gate(to="ana@acme.com")
REVIEW = Gate(task="review", to="ana@acme.com")


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()


@tool("pay")
def pay(to: str, amount: int) -> str:
    """Pay an amount to somebody."""
    DONE.append(("pay", to, amount))
    return f"paid {amount} to {to}"


@tool("look")
def look(what: str) -> str:
    """Look something up."""
    DONE.append(("look", what))
    return f"saw {what}"


class Heard(BaseModel):
    """What the models of a crew were given, in all the processes of a test."""

    seen: list[Any] = []

    def model(self, say: Any, **fields: Any) -> Scripted:
        return Scripted(model="scripted", say=say, seen=self.seen, api_key="sk-secret", **fields)


def _agent(model: Any, *tools: Any, role: str = "clerk", **fields: Any) -> Agent:
    return Agent(role=role, goal="g", backstory="b", llm=model, tools=list(tools), **fields)


def _task(agent: Agent, description: str = "Do it.", **fields: Any) -> Task:
    return Task(description=description, expected_output="a report", agent=agent, **fields)


def _one(heard: Heard, say: Any, *tools: Any, **task: Any) -> Callable[[], Crew]:
    def build() -> Crew:
        agent = _agent(heard.model(say), *tools)
        return Crew(agents=[agent], tasks=[_task(agent, **task)])

    return build


def _called_back(output: Any) -> None:
    DONE.append(("done", output.raw))


def test_finished_tasks_are_not_done_again(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()

    def build() -> Crew:
        def finds(turns: int, messages: Any) -> Any:
            return [call("look", what="tea")] if turns == 0 else "tea is a plant"

        one = _agent(heard.model(finds), look, role="researcher")
        two = _agent(heard.model(once(call("pay", to="bob", amount=5))), pay, role="clerk")
        tasks = [
            _task(one, "Research {topic}.", callback=_called_back),
            _task(two, "Pay for {topic}."),
        ]
        return Crew(agents=[one, two], tasks=tasks)

    app = CrewApp(build, client, name="crew", gates={"pay": TO_ANA})
    waits = app.run({"topic": "tea"}, run_id="t")
    assert isinstance(waits, Suspended)
    asked_models = len(heard.seen)
    ana.approve(waits.intent_ids[0])
    assert work(app) == 1
    output = app.run(run_id="t")
    assert output.raw == "all done"
    assert [one.raw for one in output.tasks_output] == ["tea is a plant", "all done"]
    assert DONE == [("look", "tea"), ("done", "tea is a plant"), ("pay", "bob", 5)]
    # Only the turn after the payment was new: what had been said was not asked of a model again.
    assert len(heard.seen) == asked_models + 1
    assert "Pay for tea." in str(heard.seen[-1])


def test_no_secret_of_a_model_is_stored(client: Client) -> None:
    app = CrewApp(
        _one(Heard(), once(call("pay", to="bob", amount=5)), pay),
        client,
        name="crew",
        gates={"pay": TO_ANA},
    )
    app.run(run_id="t")
    with open_run(client, "t", app="crew") as run:
        assert "sk-secret" not in str(run.state)
        assert run.state["turns"]


def test_an_answer_is_reviewed_in_rounds(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()

    def says(turns: int, messages: Any) -> str:
        return "a short draft" if "shorter" in str(messages) else "a long draft"

    app = CrewApp(
        _one(heard, says, human_input=True, name="write"), client, name="crew", review=REVIEW
    )
    (first,) = app.run(run_id="t").intent_ids
    shown = client.get_intent(first)
    assert (shown["tool"], shown["arguments"]) == ("review.write", {"output": "a long draft"})
    ana.submit(first, "changes_requested", comment="shorter, please")
    assert work(app) == 1
    (second,) = app.run(run_id="t").intent_ids
    assert client.get_intent(second)["arguments"] == {"output": "a short draft"}
    ana.approve(second, arguments={"output": "the draft as Ana has it"})
    assert work(app) == 1
    assert app.run(run_id="t").raw == "the draft as Ana has it"
    assert len(heard.seen) == 2


def test_a_refused_answer_goes_nowhere(client: Client, ana: Reviewer, work: Any) -> None:
    app = CrewApp(
        _one(Heard(), lambda *_: "a draft", human_input=True), client, name="crew", review=REVIEW
    )
    (asked,) = app.run(run_id="t").intent_ids
    ana.reject(asked, comment="not our business")
    work(app)
    with pytest.raises(CrewFailed, match="not our business"):
        app.run(run_id="t")


def test_an_unanswered_review_is_no_yes(client: Client, work: Any) -> None:
    gate = Gate(task="review", to="ana@acme.com", deadline=0.1)
    app = CrewApp(
        _one(Heard(), lambda *_: "a draft", human_input=True), client, name="crew", review=gate
    )
    (asked,) = app.run(run_id="t").intent_ids
    client.wait_for(asked, timeout=20)
    work(app)
    with pytest.raises(CrewFailed, match="in time"):
        app.run(run_id="t")


def test_a_question_of_the_model(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()
    human = HumanTool(client, to="ana@acme.com")
    app = CrewApp(_one(heard, once(call("ask_human", question="Which?")), human), client, name="c")
    (asked,) = app.run(run_id="t").intent_ids
    ana.submit(asked, "provided", comment="the blue one")
    work(app)
    assert "the blue one" in str(heard.seen[-1])
    assert len(client.list_intents()) == 1


def test_in_react_as_well(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()

    def says(turns: int, messages: Any) -> str:
        if turns == 0:
            return 'Thought: pay\nAction: pay\nAction Input: {"to": "bob", "amount": 5}'
        return "Thought: I now know the final answer\nFinal Answer: all done"

    def build() -> Crew:
        agent = _agent(heard.model(says, native=False), pay)
        return Crew(agents=[agent], tasks=[_task(agent)])

    app = CrewApp(build, client, name="crew", gates={"pay": TO_ANA})
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked, arguments={"to": "bob", "amount": 2})
    work(app)
    assert DONE == [("pay", "bob", 2)]
    assert app.run(run_id="t").raw == "all done"


def test_a_hierarchical_crew(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()
    delegate = call("delegate_work_to_coworker", task="Pay bob.", context="c", coworker="clerk")

    def build() -> Crew:
        clerk = _agent(heard.model(once(call("pay", to="bob", amount=5))), pay)
        return Crew(
            agents=[clerk],
            tasks=[Task(description="See to it.", expected_output="a report")],
            process=Process.hierarchical,
            manager_llm=heard.model(once(delegate)),
        )

    app = CrewApp(build, client, name="crew", gates={"pay": TO_ANA})
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked)
    work(app)
    assert DONE == [("pay", "bob", 5)]
    assert app.run(run_id="t").raw == "all done"
    assert len(heard.seen) == 4


def test_in_an_async_task_people_are_waited_for(client: Client, ana: Reviewer) -> None:
    """A crew that is unwound there would hang for ever."""
    heard = Heard()
    app = CrewApp(
        _one(heard, once(call("pay", to="bob", amount=5)), pay, async_execution=True),
        client,
        name="crew",
        gates={"pay": TO_ANA},
        timeout=30,
    )
    with answering(client, ana.approve):
        assert app.run(run_id="t").raw == "all done"
    assert DONE == [("pay", "bob", 5)]


def test_in_an_async_task_they_are_not_waited_for_long(client: Client) -> None:
    heard = Heard()
    app = CrewApp(
        _one(heard, once(call("pay", to="bob", amount=5)), pay, async_execution=True),
        client,
        name="crew",
        gates={"pay": TO_ANA},
        timeout=0.1,
    )
    assert app.run(run_id="t").raw == "all done"
    assert DONE == []
    assert "in time" in str(heard.seen[-1])


def test_a_model_that_fails_does_not_pay_twice(client: Client, ana: Reviewer, work: Any) -> None:
    """CrewAI begins the task again, and the model asks for the same payment."""
    heard, failures = Heard(), [OSError("the model is away")]

    def says(turns: int, messages: Any) -> Any:
        if turns == 0:
            return [call("pay", to="bob", amount=5)]
        if failures:
            raise failures.pop()
        return "all done"

    app = CrewApp(_one(heard, says, pay), client, name="crew", gates={"pay": TO_ANA})
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked)
    work(app)
    assert app.run(run_id="t").raw == "all done"
    assert DONE == [("pay", "bob", 5)]
    assert len(client.list_intents()) == 1


def test_a_model_that_stays_away_is_asked_again(client: Client, ana: Reviewer) -> None:
    away = [True]

    def says(turns: int, messages: Any) -> Any:
        if turns == 0:
            return [call("pay", to="bob", amount=5)]
        if away:
            raise OSError("the model is away")
        return "all done"

    app = CrewApp(_one(Heard(), says, pay), client, name="crew", gates={"pay": TO_ANA})
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked)
    with pytest.raises(Exception, match="the model is away"):
        app.resume_crew("t")
    away.clear()
    assert app.resume_crew("t").raw == "all done"
    assert DONE == [("pay", "bob", 5)]


def test_waiting_in_process(client: Client, ana: Reviewer) -> None:
    app = CrewApp(
        _one(Heard(), once(call("pay", to="bob", amount=5)), pay),
        client,
        name="crew",
        gates={"pay": TO_ANA},
    )
    with answering(client, ana.approve):
        assert app.run(run_id="t", mode="wait", timeout=30).raw == "all done"
    assert DONE == [("pay", "bob", 5)]
    assert isinstance(app.run(run_id="u", mode="wait", timeout=0.1), Suspended)


def test_gates_set_where_the_crew_is_built(client: Client, ana: Reviewer, work: Any) -> None:
    build = _one(Heard(), once(call("pay", to="bob", amount=5)), pay)
    app = CrewApp(lambda: gate_tools(build(), {"pay": TO_ANA}, client), client, name="crew")
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked)
    work(app)
    assert DONE == [("pay", "bob", 5)]


def test_a_crew_in_a_tool_of_a_crew(client: Client, ana: Reviewer, work: Any) -> None:
    heard = Heard()
    inner = _one(heard, once(call("pay", to="bob", amount=5)), pay)

    @tool("hand_over")
    def hand_over(task: str) -> str:
        """Hand a task to another crew."""
        crew = gate_tools(inner(), {"pay": TO_ANA}, client)
        return str(crew.kickoff().raw)

    build = _one(heard, once(call("hand_over", task="pay")), hand_over, name="outer")
    app = CrewApp(build, client, name="crew")
    (asked,) = app.run(run_id="t").intent_ids
    ana.approve(asked)
    work(app)
    assert DONE == [("pay", "bob", 5)]
    assert app.run(run_id="t").raw == "all done"
    assert len(client.list_intents()) == 1


def test_the_review_by_itself_waits(client: Client, ana: Reviewer) -> None:
    """Also in a plain thread, to which CrewAI hands no provider: it is set there."""
    results: list[Any] = []
    crew = _one(Heard(), lambda *_: "a draft", human_input=True)()

    def run() -> None:
        set_provider(HumanReview(client, gate=REVIEW, timeout=30))
        results.append(crew.kickoff().raw)

    with answering(client, ana.approve) as asked:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(60)
    assert results == ["a draft"]
    assert len(asked) == 1


def test_training_asks_nobody_in_holdshort(client: Client) -> None:
    """A trainer sits at the console."""
    typed: list[str] = []

    def console(self: Any, crew: Any) -> str:
        typed.append("asked")
        return "better"

    class Here(HumanReview):
        _prompt_input = console

    class Training:
        ask_for_human_input = True
        crew = None
        messages: ClassVar[list[Any]] = []

        def _is_training_mode(self) -> bool:
            return True

        def _handle_crew_training_output(self, *_: Any) -> None: ...

        def _format_feedback_message(self, text: str) -> dict[str, str]:
            return {"role": "user", "content": text}

        def _invoke_loop(self) -> str:
            return "a better draft"

    assert Here(client).handle_feedback("a draft", Training()) == "a better draft"
    assert typed == ["asked"]
    assert client.list_intents() == []
