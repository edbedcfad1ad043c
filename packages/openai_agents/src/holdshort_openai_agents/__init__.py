"""OpenAI Agents SDK runs that wait for people durably.

>>> runner = IntentRunner(client, agents={"support": build_support}, gates=["refund"])
>>> await runner.run("support", "Refund order A")

The README tells what is covered.
"""

from holdshort_openai_agents.errors import RunFailed, StillWaiting, Unusable
from holdshort_openai_agents.gating import Gated, gate_agent
from holdshort_openai_agents.guardrail import human_guardrail
from holdshort_openai_agents.human import HumanTool, ask_human_tool
from holdshort_openai_agents.results import Finished
from holdshort_openai_agents.runner import IntentRunner, Stream

__all__ = [
    "Finished",
    "Gated",
    "HumanTool",
    "IntentRunner",
    "RunFailed",
    "StillWaiting",
    "Stream",
    "Unusable",
    "ask_human_tool",
    "gate_agent",
    "human_guardrail",
]
