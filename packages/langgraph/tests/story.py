"""One payment by an agent, in an interpreter of its own, which may die before it has asked.

python story.py start|work FOLDER [nowhere|before|inside|after]
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.sqlite import SqliteSaver

from holdshort import Client, Worker
from holdshort_langgraph import ApprovalMiddleware, Gate, LangGraphApp

STEP, FOLDER, DIES = sys.argv[1], Path(sys.argv[2]), "die" in sys.argv


def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    with (FOLDER / "paid").open("a") as file:
        file.write(f"{to} {amount}\n")
    return f"paid {to} {amount}"


class Model(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self

    def _generate(self, messages: Any, *args: Any, **more: Any) -> ChatResult:
        if messages[-1].type == "human":
            if DIES:
                os.kill(os.getpid(), signal.SIGKILL)
            call = {"type": "tool_call", "id": "c", "name": "pay", "args": {"to": "b", "amount": 5}}
            said = AIMessage("", tool_calls=[call])
        else:
            said = AIMessage(f"heard: {messages[-1].content}")
        return ChatResult(generations=[ChatGeneration(message=said)])


@contextmanager
def agent() -> Any:
    gates = {"pay": Gate(to="ana@acme.com")}
    with SqliteSaver.from_conn_string(str(FOLDER / "threads.db")) as saver:
        yield create_agent(
            Model(), [pay], middleware=[ApprovalMiddleware(gates=gates)], checkpointer=saver
        )


with Client(f"sqlite:///{FOLDER}/holdshort.db", agent="bot") as client:
    app = LangGraphApp(agent, client, name="story", lease_seconds=1.0)
    if STEP == "start":
        print(app.invoke({"messages": [("user", "pay b 5")]}, "t1"))
    else:
        Worker(client, apps=[app], retry_after=0.1, lease_seconds=1.0).run(once=True)
