"""How people are reached, who is away, who is on call, what holds for everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .conftest import ADMIN, Run

BEN = "ben@acme.com"


@pytest.mark.usefixtures("place")
def test_how_a_person_is_reached(ok: Run, run: Run) -> None:
    ok("people", "add", BEN, "--name", "Ben", "--role", "cfo")
    ok(
        "people", "set", BEN, "--channel", "slack", "--channel", "email", "--tell", "first",
        "--timezone", "Europe/Lisbon", "--quiet", "22:00-07:00", "--quiet-day", "mon",
        "--service", "ntfy://127.0.0.1/SECRET", "--slack", "U0BEN",
    )  # fmt: skip
    ok("people", "set", BEN, "--email", "ben@home.example", "--clear", "timezone")
    # Adding a role says nothing of how he is reached.
    ok("people", "add", BEN, "--name", "Ben", "--role", "cfo", "--role", "admin")
    listed = ok("people", "list", "--json")
    assert "SECRET" not in listed.out
    (person,) = [one for one in listed.json if one["name"] == BEN]
    assert person == {
        "name": BEN,
        "title": "Ben",
        "roles": ["cfo", "admin"],
        "active": True,
        "email": "ben@home.example",
        "slack": "U0BEN",
        "urls": 1,
        "channels": ["slack", "email"],
        "tell": "first",
        "timezone": None,
        "quiet": {"from": "22:00", "until": "07:00", "days": ["mon"]},
    }
    assert run("people", "set", BEN, "--timezone", "Mars/Olympus").code != 0
    assert "is no time zone" in run("people", "set", BEN, "--timezone", "Mars/Olympus").err
    assert "is no time of day" in run("people", "set", BEN, "--quiet", "25:00-07:00").err
    assert run("people", "set", BEN, "--clear", "roles").code == 2


@pytest.mark.usefixtures("place")
def test_who_is_away_and_back(ok: Run, run: Run) -> None:
    today = datetime.now(UTC).date()
    dates = ("--from", str(today), "--until", str(today + timedelta(days=3)))
    made = ok("people", "away", ADMIN, *dates, "--deputy", BEN, "--note", "skiing", "--json").json
    assert (made["person"], made["deputy"], made["note"]) == (ADMIN, BEN, "skiing")
    assert BEN in ok("people", "absences").out
    ok("people", "back", made["absence_id"])
    assert ok("people", "absences").out == "Nobody is away.\n"
    assert "(not_found)" in run("people", "back", made["absence_id"]).err
    refused = run("people", "away", ADMIN, *dates, "--deputy", ADMIN)
    assert "nobody stands in for themselves" in refused.err
    long = run("people", "away", ADMIN, "--from", str(today), "--until", "2999-01-01")
    assert "400 days at most" in long.err


@pytest.mark.usefixtures("place")
def test_rotas(ok: Run, run: Run) -> None:
    ok(
        "rotas", "set", "ops", ADMIN, BEN, "--starts", "2026-11-16", "--timezone", "Europe/Lisbon",
        "--override", f"2026-12-24/2026-12-26/{BEN}",
    )  # fmt: skip
    assert "ops" in ok("rotas", "show").out
    assert ok("rotas", "who", "oncall:ops", "--at", "2026-11-17").out.startswith(ADMIN)
    assert ok("rotas", "who", "ops", "--at", "2026-11-23T09:00", "--json").json["on_call"] == BEN
    assert ok("rotas", "who", "ops", "--at", "2026-12-24", "--json").json["on_call"] == BEN
    assert run("rotas", "set", "x", BEN, "--starts", "2026-11-16", "--override", "soon").code == 2
    assert run("rotas", "who", "none").code == 1
    ok("rotas", "remove", "ops")
    assert "No rotas yet" in ok("rotas", "show").out


@pytest.mark.usefixtures("place")
def test_settings(ok: Run, run: Run) -> None:
    office = '{"timezone": "Europe/Lisbon", "from": "09:00", "until": "17:30"}'
    ok("settings", "set", "--calendar", "office", office, "--no-deputies", "--channel", "console")
    now = ok("settings", "show", "--json").json
    assert now["calendars"]["office"]["days"] == ["mon", "tue", "wed", "thu", "fri"]
    assert (now["allow_deputies"], now["channels"]) == (False, ["console"])
    assert now["default_reviewers"]
    ok("policies", "set", "intent.slow.*", "calendar=office")
    taken = run("settings", "set", "--remove-calendar", "office")
    assert "change the policy first" in taken.err
    unknown = run("policies", "set", "intent.x.*", "calendar=night")
    assert "there is none of this name" in unknown.err
    ok("policies", "remove", "intent.slow.*")
    ok("settings", "set", "--remove-calendar", "office", "--channel", "default", "--deputies")
    assert "(what this server has)" in ok("settings", "show").out
    empty = '{"timezone": "UTC", "days": []}'
    assert run("settings", "set", "--calendar", "none", empty).code == 1
    backwards = '{"timezone": "UTC", "from": "17:00", "until": "09:00"}'
    assert "later on the day" in run("settings", "set", "--calendar", "x", backwards).err
