"""The check of the log from a page, and the copies to take out."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import sqlite3
import time

import pytest

from holdshort import audit
from holdshort.inbox.admin import checking

from ...server.house import House
from ..conftest import Browser
from .conftest import words

pytestmark = pytest.mark.anyio


async def checked(admin: Browser, intent: str = "") -> str:
    """Begin a check, wait for its end, and return what the page says then."""
    begun = await admin.post("/admin/audit", {"intent": intent})
    assert (begun.status_code, begun.headers["location"]) == (303, "/admin/audit")
    ends = time.monotonic() + 20
    while (await admin.get("/admin/audit/state")).json()["running"]:
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)
    return str((await admin.get("/admin/audit")).text)


async def test_a_sound_log(admin: Browser, house: House) -> None:
    for _ in range(3):
        await house.decide(await house.ask())
    page = await checked(admin)
    exported = (await admin.get("/admin/audit/holdshort-audit.jsonl")).text
    found = audit.verify(exported.splitlines())
    assert found.broken is None
    assert f"Sound: {found.events} events of 3 intents." in page
    assert found.root in page
    through_the_api = await house.call("GET", "/v1/audit/export", house.admin)
    assert audit.verify(through_the_api.text.splitlines()) == found


async def test_one_intent(admin: Browser, house: House) -> None:
    asked = await house.ask()
    await house.ask()
    page = await checked(admin, asked.upper())
    assert "of 1 intents." in page
    assert f"the log of intent {asked}" in words(page)
    missing = await admin.post("/admin/audit", {"intent": "01234567-0000-7000-8000-000000000000"})
    assert missing.status_code == 404


async def test_a_log_that_was_changed(admin: Browser, house: House) -> None:
    asked = await house.ask()
    await house.decide(asked)
    with sqlite3.connect(house.database.removeprefix("sqlite:///")) as database:
        database.execute("DROP TRIGGER events_are_never_changed")
        database.execute("UPDATE events SET line = replace(line, 'ana@', 'eve@')")
    database.close()
    page = await checked(admin)
    assert "The log does not hold together." in page
    assert re.search(r"event \d+: its content was changed", words(page))
    assert asked in page


async def test_a_log_whose_end_was_cut(admin: Browser, house: House) -> None:
    asked = await house.ask()
    await house.decide(asked)
    with sqlite3.connect(house.database.removeprefix("sqlite:///")) as database:
        database.execute("DROP TRIGGER events_are_never_deleted")
        database.execute("DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)")
    database.close()
    assert "its record says" in words(await checked(admin))


async def test_one_check_at_a_time_and_it_can_be_stopped(
    admin: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.ask()
    read = checking.export.lines

    def slow(*args: object) -> object:
        for line in read(*args):  # type: ignore[arg-type]
            time.sleep(0.2)
            yield line

    monkeypatch.setattr(checking.export, "lines", slow)
    await admin.post("/admin/audit", {})
    assert "A check runs" in (await admin.get("/admin/audit")).text
    assert (await admin.post("/admin/audit", {})).status_code == 409
    await admin.post("/admin/audit/stop")
    ends = time.monotonic() + 20
    while (state := (await admin.get("/admin/audit/state")).json())["running"]:
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)
    assert "was stopped" in state["text"]


async def test_no_cell_of_the_table_is_a_formula(admin: Browser, house: House) -> None:
    """Attack 66."""
    hostile = [
        '=HYPERLINK("http://evil.example","look")', "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1",
        "  =1", "\uff1d1", 'a","=1', "\n=cmd|' /C calc'!A0",
    ]  # fmt: skip
    asked = await house.ask()
    for text in hostile:
        path = "/v1/intents/{intent_id}/comments"
        await house.ok("POST", path, house.ana, {"text": text}, intent_id=asked)
    reply = await admin.get("/admin/audit/holdshort-audit.csv")
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.search(r'attachment; filename="[\w.-]+"', reply.headers["content-disposition"])
    rows = list(csv.reader(io.StringIO(reply.text, newline="")))
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        for cell in row:
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert sum("HYPERLINK" in cell for row in rows for cell in row) == 1


async def test_what_administrators_did_is_on_the_page(admin: Browser, house: House) -> None:
    for number in range(51):
        body = {"members": ["ana@acme.com"]}
        await house.ok("PUT", "/v1/teams/{name}", house.admin, body, name=f"team{number}")
    person = {"name": "<b>\u202eBo</b>"}
    await house.ok("PUT", "/v1/people/{name}", house.admin, person, name="bo@acme.com")
    newest = (await admin.get("/admin/audit")).text
    assert "person set: bo@acme.com by service:admin (api)" in words(newest)
    assert "<b>\u202e" not in newest
    assert "\\u202eBo" in newest
    assert "team0 " not in words(newest)
    earlier = newest.partition("/admin/audit?before=")[2].partition("#")[0]
    older = words((await admin.get(f"/admin/audit?before={earlier}")).text)
    assert "team set: team0 by service:admin" in older
    assert "team set: team2 " not in older
    # What nobody could mean is the first page.
    assert "bo@acme.com" in (await admin.get("/admin/audit?before=x")).text
