"""`AdapterContract`: all scenarios, as one class."""

from __future__ import annotations

from holdshort.testing.adapter.argument_scenarios import ArgumentScenarios
from holdshort.testing.adapter.change_scenarios import ChangeScenarios
from holdshort.testing.adapter.crash_scenarios import CrashScenarios
from holdshort.testing.adapter.decision_scenarios import DecisionScenarios
from holdshort.testing.adapter.forgery_scenarios import ForgeryScenarios
from holdshort.testing.adapter.once_scenarios import OnceScenarios
from holdshort.testing.adapter.parallel_scenarios import ParallelScenarios
from holdshort.testing.adapter.question_scenarios import QuestionScenarios
from holdshort.testing.adapter.way_scenarios import WayScenarios


class AdapterContract(
    DecisionScenarios,
    QuestionScenarios,
    ParallelScenarios,
    OnceScenarios,
    CrashScenarios,
    ChangeScenarios,
    ForgeryScenarios,
    ArgumentScenarios,
    WayScenarios,
):
    """What every adapter promises. Subclass it in the adapter's tests:

    >>> class TestContract(AdapterContract):
    ...     bench = Path(__file__).with_name("bench.py")

    Each scenario plays with the framework's real runtime, a scripted model and a real server, and
    counts how often each tool ran, with which arguments. Where an adapter cannot play one, it says
    so with the reason in `declined`; `capabilities()` makes a table of it.
    """
