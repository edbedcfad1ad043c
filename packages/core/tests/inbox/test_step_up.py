"""A yes of high risk is given with a passkey, for exactly what is shown (attack 24)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ..server.house import ANA, BO, House, database_in, opened
from .authenticator import Authenticator
from .conftest import Browser
from .devices import add, begin, person_at
from .test_deciding import PAY, form, risk, settled

pytestmark = pytest.mark.anyio

YES = {"typed": "450"}


@pytest.fixture
async def ana(house: House) -> Browser:
    """Ana, signed in, where what is asked is of high risk."""
    await risk(house, "high")
    return await person_at(house)


@pytest.fixture
async def phone(ana: Browser) -> Authenticator:
    device = Authenticator()
    assert (await add(ana, device)).status_code == 303
    return device


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which every yes of high risk needs a passkey."""
    database = database_in(tmp_path)
    async with opened(database, require_passkey_for_high_risk=True) as house:
        await risk(house, "high")
        yield house


async def shown(
    house: House, who: Browser, device: Authenticator, asked: str, **more: Any
) -> dict[str, Any]:
    """Show the passkey for a yes; return the form that goes with it."""
    digest = (await house.look(asked))["digest"]
    sent = form(digest=digest, typed="450") | more
    asked_for = await begin(who, f"/inbox/{asked}/step-up", **sent)
    return sent | {"proof": device.show(asked_for["prove"])}


async def decided(who: Browser, asked: str, sent: dict[str, Any]) -> int:
    return int((await who.post(f"/inbox/{asked}/decide", sent)).status_code)


async def events(house: House, asked: str) -> dict[str, dict[str, Any]]:
    path = "/v1/intents/{intent_id}/events"
    found = await house.ok("GET", path, house.admin, intent_id=asked)
    return {one["event_type"]: one.get("details", {}) for one in found["events"]}


async def test_a_yes_with_the_passkey_counts(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    asked = await house.ask(**PAY)
    page = (await ana.get(f"/inbox/{asked}")).text
    assert f'data-prove="/inbox/{asked}/step-up"' in page
    assert await decided(ana, asked, await shown(house, ana, phone, asked)) == 303
    result = await settled(house, asked)
    assert (result["outcome"], result["decided_by"]) == ("approved", f"person:{ANA}")
    found = await events(house, asked)
    assert found["intent.answer_held"]["strong"] is True
    assert found["intent.decided"]["strong"] is True


@pytest.mark.parametrize("proof", [None, "", "x", "{}"])
async def test_a_stolen_session_is_not_enough(
    house: House, ana: Browser, phone: Authenticator, proof: str | None
) -> None:
    asked = await house.ask(**PAY)
    sent = form(**YES) | ({} if proof is None else {"proof": proof})
    refused = await ana.post(f"/inbox/{asked}/decide", sent)
    assert refused.status_code == 422
    assert "passkey" in refused.text
    assert (await house.look(asked))["steps"][0]["held"] is None


async def test_a_proof_counts_once(house: House, ana: Browser, phone: Authenticator) -> None:
    asked = await house.ask(**PAY)
    sent = await shown(house, ana, phone, asked)
    assert await decided(ana, asked, sent) == 303
    await ana.post(f"/inbox/{asked}/undo")
    refused = await ana.post(f"/inbox/{asked}/decide", sent)
    assert refused.status_code == 422
    assert "confirmed once already" in refused.text
    assert (await house.look(asked))["steps"][0]["held"] is None


async def test_a_proof_is_for_one_intent(house: House, ana: Browser, phone: Authenticator) -> None:
    """Of two that look the same, too: what was asked is another."""
    first, second = await house.ask(**PAY), await house.ask(**PAY)
    sent = await shown(house, ana, phone, first)
    refused = await ana.post(f"/inbox/{second}/decide", sent)
    assert refused.status_code == 422
    assert "something else than this" in refused.text
    assert await decided(ana, first, sent) == 422, "and is used up by the try"


async def test_a_proof_is_for_one_digest(house: House, ana: Browser, phone: Authenticator) -> None:
    asked = await house.ask(**PAY)
    sent = await shown(house, ana, phone, asked)
    more = json.dumps({"amount": 450, "to": "THIEF", "note": "x"})
    assert await decided(ana, asked, sent | {"arguments": more}) == 422
    changed = await shown(house, ana, phone, asked, arguments=more)
    other = json.dumps({"amount": 450, "to": "OTHER", "note": "x"})
    assert await decided(ana, asked, changed | {"arguments": other}) == 422
    changed = await shown(house, ana, phone, asked, arguments=more)
    unchanged = {name: value for name, value in changed.items() if name != "arguments"}
    assert await decided(ana, asked, unchanged) == 422
    assert (await house.look(asked))["steps"][0]["held"] is None
    changed = await shown(house, ana, phone, asked, arguments=more)
    assert await decided(ana, asked, changed) == 303
    assert (await settled(house, asked))["arguments"]["to"] == "THIEF"


async def test_a_proof_is_for_one_step(house: House, ana: Browser, phone: Authenticator) -> None:
    asked = await house.ask(to=(), steps=[{"name": "one", "to": ANA}, {"to": ANA}], **PAY)
    first = await shown(house, ana, phone, asked)
    early = await shown(house, ana, phone, asked)
    assert await decided(ana, asked, first) == 303
    await settled(house, asked)
    assert (await house.look(asked))["step"] == 1
    assert await decided(ana, asked, early | {"step": "1"}) == 422
    second = await shown(house, ana, phone, asked, step="1")
    assert await decided(ana, asked, second) == 303
    assert (await settled(house, asked))["outcome"] == "approved"


async def test_a_proof_is_for_one_session(house: House, ana: Browser, phone: Authenticator) -> None:
    thief, asked = await person_at(house), await house.ask(**PAY)
    sent = await shown(house, ana, phone, asked)
    refused = await thief.post(f"/inbox/{asked}/decide", sent)
    assert refused.status_code == 422
    assert "something else than this" in refused.text


async def test_a_proof_is_for_one_person(house: House, ana: Browser, phone: Authenticator) -> None:
    bo, tablet = await person_at(house, person=BO), Authenticator()
    await add(bo, tablet)
    asked = await house.ask(**PAY, to=[ANA, BO])
    sent = await shown(house, ana, tablet, asked)
    refused = await ana.post(f"/inbox/{asked}/decide", sent)
    assert "no passkey of yours" in refused.text
    sent = await shown(house, ana, phone, asked)
    assert await decided(bo, asked, sent) == 422


async def test_a_proof_is_given_in_time(house: House, ana: Browser, phone: Authenticator) -> None:
    asked = await house.ask(**PAY)
    sent = await shown(house, ana, phone, asked)
    house.clock.advance(2 * 60 + 1)
    assert await decided(ana, asked, sent) == 422


async def test_a_proof_for_the_account_is_none_for_a_yes(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    asked = await house.ask(**PAY)
    proof = phone.show((await begin(ana))["prove"])
    assert await decided(ana, asked, form(**YES, proof=proof)) == 422
    guest = (await ana.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    assert await decided(ana, asked, form(**YES, proof=phone.show(guest))) == 422


async def test_what_is_not_what_was_seen_is_not_asked_for(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    asked = await house.ask(**PAY)
    sent = await ana.post(f"/inbox/{asked}/step-up", form(digest="0" * 64))
    assert sent.status_code == 409


async def test_the_figure_is_typed_as_well(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    asked = await house.ask(**PAY)
    sent = await shown(house, ana, phone, asked)
    assert await decided(ana, asked, sent | {"typed": "45"}) == 422
    assert await decided(ana, asked, sent) == 303, "the slip of a finger uses no passkey up"


async def test_a_no_and_a_lower_risk_need_none(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    asked = await house.ask(**PAY)
    assert await begin(ana, f"/inbox/{asked}/step-up", outcome="rejected") == {}
    assert await decided(ana, asked, form("rejected")) == 303
    await risk(house, "medium")
    asked = await house.ask(**PAY)
    assert await begin(ana, f"/inbox/{asked}/step-up", **form()) == {}
    assert await decided(ana, asked, form()) == 303


async def test_who_has_none_types_the_figure(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    assert "data-prove" not in (await ana.get(f"/inbox/{asked}")).text
    assert await decided(ana, asked, form(**YES)) == 303
    assert "strong" not in (await events(house, asked))["intent.answer_held"]


async def test_another_address_is_no_way_round(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    """Where the passkey does not work, the yes does not either."""
    thief = await person_at(house, "http://127.0.0.1:8100")
    asked = await house.ask(**PAY)
    page = (await thief.get(f"/inbox/{asked}")).text
    assert "passkeys work at http://localhost:8100" in page.lower()
    refused = await thief.post(f"/inbox/{asked}/decide", form(**YES))
    assert refused.status_code == 422


async def test_where_it_is_required_it_is_added_first(strict: House) -> None:
    ana, asked = await person_at(strict), await strict.ask(**PAY)
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "Add one on the page Account" in page
    assert await decided(ana, asked, form(**YES)) == 422
    assert (await strict.look(asked))["steps"][0]["held"] is None
    phone = Authenticator()
    await add(ana, phone)
    assert await decided(ana, asked, await shown(strict, ana, phone, asked)) == 303
    assert (await settled(strict, asked))["outcome"] == "approved"


async def test_where_it_is_required_no_other_door_is_open(strict: House) -> None:
    """A person's key, and what channels send with their name, cannot show a passkey."""
    asked = await strict.ask(**PAY)
    path = "/v1/intents/{intent_id}/decision"
    for more in ({}, {"undo_seconds": 5}, {"arguments": {"amount": 1}}):
        error = await strict.refused(
            403, "POST", path, strict.ana, {"outcome": "approved", **more}, intent_id=asked
        )
        assert error["details"]["rule"] == "passkey_for_high_risk"
        assert "in the inbox" in error["message"]
    await strict.decide(asked, "rejected")
    assert (await strict.look(asked))["result"]["outcome"] == "rejected"


async def test_nobody_says_of_themselves_that_they_showed_one(strict: House) -> None:
    asked = await strict.ask(**PAY)
    path = "/v1/intents/{intent_id}/decision"
    for body in ({"strong": True}, {"principal": {"strong": True}}):
        await strict.refused(
            422, "POST", path, strict.ana, {"outcome": "approved", **body}, intent_id=asked
        )
    ana = await person_at(strict)
    assert await decided(ana, asked, form(**YES, strong="true")) == 422


async def test_where_it_is_required_a_lower_risk_needs_none(strict: House) -> None:
    await risk(strict, "medium")
    asked = await strict.ask(**PAY)
    await strict.decide(asked)
    assert (await strict.look(asked))["result"]["outcome"] == "approved"
