"""LangGraph and LangChain agents that wait for people durably.

`LangGraphApp` runs a graph whose threads any worker resumes; `ApprovalMiddleware` gates the tools
of a `create_agent`; `wrap_checkpointer` makes the interrupts of graphs run in other ways into
intents.
"""

from holdshort.adapters import Gate, Gates, RunBusy, Suspended, answer_of, refusal
from holdshort_langgraph.app import LangGraphApp
from holdshort_langgraph.asking import aask, arequest_approval, ask, request_approval
from holdshort_langgraph.checkpointer import wrap_checkpointer
from holdshort_langgraph.graphs import approval_node, human_tool, requires_approval
from holdshort_langgraph.hitl import HumanInTheLoopMiddleware
from holdshort_langgraph.middleware import ApprovalMiddleware
from holdshort_langgraph.reconciling import areconcile, reconcile

__all__ = [
    "ApprovalMiddleware",
    "Gate",
    "Gates",
    "HumanInTheLoopMiddleware",
    "LangGraphApp",
    "RunBusy",
    "Suspended",
    "aask",
    "answer_of",
    "approval_node",
    "areconcile",
    "arequest_approval",
    "ask",
    "human_tool",
    "reconcile",
    "refusal",
    "request_approval",
    "requires_approval",
    "wrap_checkpointer",
]
