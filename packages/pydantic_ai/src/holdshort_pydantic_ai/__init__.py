"""Pydantic AI agents that wait for people durably, and run what was approved once."""

from holdshort.adapters import Gate, Gates, Suspended
from holdshort_pydantic_ai.agent import DurableAgent
from holdshort_pydantic_ai.capability import HumanApprovals
from holdshort_pydantic_ai.delegate import delegate
from holdshort_pydantic_ai.drift import ToolChanged
from holdshort_pydantic_ai.human import Human, ask_human
from holdshort_pydantic_ai.outcomes import Done, RunFailed, RunPaused

__all__ = [
    "Done",
    "DurableAgent",
    "Gate",
    "Gates",
    "Human",
    "HumanApprovals",
    "RunFailed",
    "RunPaused",
    "Suspended",
    "ToolChanged",
    "ask_human",
    "delegate",
]
