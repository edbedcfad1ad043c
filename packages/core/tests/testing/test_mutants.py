"""The contract notices what is wrong: each mutant of the loop fails where it should."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

import pytest

from holdshort.testing.adapter import AdapterContract, live
from holdshort.testing.adapter.play import Lab, Play

#: By mutant: the scenarios that have to fail, and what they have to say.
NOTICED = {
    "ExecutesWithoutConsuming": {
        "approved": "'open' == 'done'",
        "killed_between_tool_and_model": "the tool was repeated",
        "resumed_twice_from_the_same_state": "the same approval, two executions",
    },
    "RunsAgainWhatWasLost": {"killed_in_the_tool_it_happened": "it was repeated"},
    "TriesAgainWhatFailed": {"tool_raises": "what failed was repeated"},
    "SwallowsTheReason": {
        "denied": "the reason did not reach the model",
        "parallel_one_denied": "only the refund",
        "timed_out": "in time",
        "canceled": "withdrawn",
    },
    "SwallowsTheEdit": {"edited": "the model was not told"},
    "TrustsItsOwnState": {
        "forged_state": "a forged state was believed",
        "forged_state_with_a_no": "a forged state was believed",
    },
    "TakesArgumentsFromItsState": {
        "tampered_arguments": "what was not approved was done",
        "edited": "'amount': 5",
        "way_sync": "'amount': 5",
    },
    "KnowsCallsByTheirIdAlone": {"call_id_used_again": "nobody was asked"},
    "AsksBeforeItSaves": {"killed_as_soon_as_it_has_asked": "the run of .* ends"},
    "TakesANoForAnAnswer": {"question_not_answered": "I cannot say"},
    "GuessesAtTools": {
        "tool_removed": "'refund'",
        "tool_renamed": "'pay_out'",
        "tool_with_other_parameters": "'cents'",
    },
}


@pytest.mark.parametrize("mutant", NOTICED)
def test_a_mutant_is_noticed(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOP_MUTANT", mutant)
    monkeypatch.setattr(live, "PATIENCE", 5.0)
    lab = Lab(Path(__file__).with_name("mutant_bench.py"), tmp_path)
    try:
        for scenario, said in NOTICED[mutant].items():
            folder = tmp_path / scenario
            folder.mkdir()
            play = Play(lab, folder, f"run-{uuid.uuid4().hex}")
            try:
                with pytest.raises(AssertionError, match=said):
                    getattr(AdapterContract(), f"test_{scenario}")(play)
            finally:
                play.close()
    finally:
        lab.close()


class Contract(AdapterContract):
    """A contract with declarations of its own; not collected, for its name."""


def test_capabilities_are_all_scenarios_and_what_is_declined() -> None:
    class Declining(Contract):
        declined: ClassVar = {"way_stream": "it does not stream"}

    table = Declining.capabilities()
    assert list(table) == Declining.scenarios()
    assert len(table) > 50
    assert table.pop("way_stream") == "it does not stream"
    assert set(table.values()) == {"covered"}


def test_an_unknown_name_is_not_declined() -> None:
    class Declining(Contract):
        declined: ClassVar = {"way_steam": "misspelt"}

    with pytest.raises(AssertionError, match="way_steam"):
        Declining.capabilities()


def test_a_reason_has_to_be_given() -> None:
    class Declining(Contract):
        declined: ClassVar = {"way_stream": " "}

    with pytest.raises(AssertionError, match="without a reason"):
        Declining.capabilities()


def test_a_scenario_cannot_be_replaced() -> None:
    class Replacing(Contract):
        def test_denied(self) -> None:  # type: ignore[override]
            pass

    with pytest.raises(AssertionError, match="denied"):
        Replacing.capabilities()
