"""A research crew that buys sources, and a flow that publishes what came of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# CrewAI reads these when it is imported: an example sends nothing anywhere by itself.
os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import Agent, Crew, Task
from crewai.flow.flow import Flow, listen, or_, start
from crewai.flow.human_feedback import HumanFeedbackResult, human_feedback
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool
from pydantic import BaseModel

from holdshort import Client
from holdshort.adapters import Gate
from holdshort_crewai import CrewApp, FlowApp

EDITOR = "ana@example.com"


@tool("search_archive")
def search_archive(topic: str) -> str:
    """Return what the archive has on a topic, and what it costs."""
    return f"'The {topic} trade', 40 pages, 90 euros"


@tool("buy_report")
def buy_report(title: str, price: int) -> str:
    """Buy a report from the archive."""
    with Path("purchases.csv").open("a", encoding="utf-8") as file:
        file.write(f"{title},{price}\n")
    return f"bought {title} for {price} euros: most of it is grown in three countries"


def research_crew() -> Crew:
    """The crew, as any application of CrewAI has it. Nothing in it knows of Holdshort."""
    model = os.environ.get("HOLDSHORT_EXAMPLE_MODEL") or Script(model="script")
    researcher = Agent(
        role="Researcher",
        goal="Find out what is worth knowing about {topic}",
        backstory="You look into the archive first, and buy what is worth its price.",
        tools=[search_archive, buy_report],
        llm=model,
    )
    writer = Agent(role="Writer", goal="Write plainly", backstory="You are brief.", llm=model)
    find = Task(
        description="Research {topic}: search the archive, and buy the best report.",
        expected_output="three facts",
        agent=researcher,
    )
    write = Task(
        description="Write one paragraph about {topic}.",
        expected_output="one paragraph",
        agent=writer,
        context=[find],
    )
    return Crew(agents=[researcher, writer], tasks=[find, write])


class Article(BaseModel):
    """What the flow works on."""

    id: str = ""
    text: str = ""
    notes: str = ""


class Publishing(Flow[Article]):
    """Asks the editor, again after each revision, and publishes what she agreed to."""

    @start()
    def begin(self) -> None:
        """The draft comes with the inputs."""

    @human_feedback(
        message="Publish this article?",
        emit=["publish", "revise", "drop"],
        default_outcome="drop",
        metadata={"holdshort": {"to": EDITOR, "deadline": "2d"}},
    )
    @listen(or_(begin, "revised"))
    def draft(self) -> str:
        return f"{self.state.text} {self.state.notes}".strip()

    @listen("revise")
    def revised(self, result: HumanFeedbackResult) -> None:
        self.state.notes = f"({result.feedback})"

    @listen("publish")
    def published(self, result: HumanFeedbackResult) -> str:
        Path("article.md").write_text(f"{result.output}\n", encoding="utf-8")
        return f"published: {result.output}"

    @listen("drop")
    def dropped(self, result: HumanFeedbackResult) -> str:
        return f"not published: {result.feedback}"


def crews(client: Client) -> CrewApp:
    """What starts the crew here, and goes on with it anywhere."""
    gate = Gate(to=EDITOR, title="Buy a report", deadline="8h")
    return CrewApp(research_crew, client, name="research", gates={"buy_*": gate})


def flows(client: Client) -> FlowApp:
    """What starts the flow here, and goes on with it anywhere."""
    return FlowApp({"publishing": Publishing}, client, name="publishing")


class Script(BaseLLM):
    """Stands in for a real model, so that the example runs offline."""

    def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        said = "\n".join(str(message["content"]) for message in messages)
        if "Write one paragraph" in said:
            return "Most of the world's tea is grown in three countries."
        if "pages" not in said:
            return [_call("search_archive", topic="tea")]
        if "bought" not in said and "not executed" not in said:
            return [_call("buy_report", title="The tea trade", price=90)]
        return "Tea: three countries grow most of it."

    def supports_function_calling(self) -> bool:
        return True


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call-{name}", "type": "function", "function": function}
