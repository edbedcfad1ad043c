"""CrewAI flows and crews that wait for people durably."""

from holdshort_crewai.crews import CrewApp, CrewFailed
from holdshort_crewai.feedback import DurableFeedback, configure
from holdshort_crewai.flows import FlowApp, FlowFailed
from holdshort_crewai.human import HumanReview, HumanTool
from holdshort_crewai.persistence import HoldshortPersistence
from holdshort_crewai.tools import gate_tools

__all__ = [
    "CrewApp",
    "CrewFailed",
    "DurableFeedback",
    "FlowApp",
    "FlowFailed",
    "HoldshortPersistence",
    "HumanReview",
    "HumanTool",
    "configure",
    "gate_tools",
]
