from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort import audit
from holdshort.models import Intent

from .office import Office

Lines = list[str]


def exported(office: Office) -> Lines:
    """What `GET /v1/audit/export` answers."""
    lines = []
    heads = {}
    for intent_id, log in office.logs.items():
        intent = office.intents[intent_id]
        lines += [json.dumps({"hash": event.hash, "event": event.line}) for event in log]
        lines.append(json.dumps({"intent_id": intent_id, "seq": intent.seq, "head": intent.head}))
        heads[intent_id] = intent.head
    root = {"root": audit.root_of(heads), "intents": len(heads), "at": "2027-01-15T08:00:00.000Z"}
    return [*lines, json.dumps(root)]


def three_lives() -> tuple[Lines, list[Intent]]:
    office = Office()
    office.approved()
    office.file(title="Zahlung über 5 €")
    office.decide("ana", "rejected", comment='no "way" \\ \u202e')
    office.file()
    office.tick(300)
    return exported(office), list(office.intents.values())


WHOLE, INTENTS = three_lives()
EVENTS = [line for line in WHOLE if '"event"' in line]
FIRST = INTENTS[0].seq
"""Lines 1 to FIRST are the first intent's events; the line after them is its head."""


def entry(line: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(line)
    return found


def rehashed(line: str, **changes: object) -> str:
    """The entry with a changed event and a hash that fits it."""
    event = json.loads(entry(line)["event"]) | changes
    text = audit.encode(event)
    return json.dumps({"hash": audit.hash_of(text), "event": text})


def rewritten(lines: Lines, at: int) -> Lines:
    """Everything of the first intent forged from this line on, with a head and a root that fit."""
    done = lines[: at - 1]
    prev = json.loads(entry(lines[at - 1])["event"])["prev"]
    for line in lines[at - 1 : FIRST]:
        done.append(rehashed(line, prev=prev, actor="person:forged@acme.com"))
        prev = entry(done[-1])["hash"]
    done.append(json.dumps({"intent_id": INTENTS[0].id, "seq": FIRST, "head": prev}))
    heads = {intent.id: intent.head for intent in INTENTS} | {INTENTS[0].id: prev}
    return [*done, *lines[FIRST + 1 : -1], json.dumps({"root": audit.root_of(heads)})]


def test_a_whole_export_holds() -> None:
    found = audit.verify(WHOLE)
    assert found.broken is None
    assert (found.intents, found.events) == (3, len(EVENTS))
    assert found.root == entry(WHOLE[-1])["root"]
    assert found.root == audit.root_of({intent.id: intent.head for intent in INTENTS})


def test_empty_lines_and_the_order_of_intents_do_not_matter() -> None:
    assert audit.verify(["", *[f"{line}\n" for line in WHOLE], "  "]).broken is None
    blocks = [WHOLE[: FIRST + 1], WHOLE[FIRST + 1 : -1]]
    assert audit.verify([*blocks[1], *blocks[0], WHOLE[-1]]).broken is None


def test_an_empty_log_holds_and_an_empty_file_does_not() -> None:
    nothing = json.dumps({"root": audit.root_of({})})
    assert audit.verify([nothing]).broken is None
    assert audit.verify([]).broken is not None


def test_the_chain_is_tied_to_its_tenant_and_intent() -> None:
    assert audit.genesis("a", "b") != audit.genesis("b", "a")
    assert json.loads(entry(WHOLE[0])["event"])["prev"] == audit.genesis("acme", INTENTS[0].id)


def test_the_root_does_not_depend_on_the_order() -> None:
    heads = {intent.id: intent.head for intent in INTENTS}
    assert audit.root_of(heads) == audit.root_of(dict(reversed(heads.items())))
    assert audit.root_of(heads) != audit.root_of(heads | {INTENTS[0].id: "0" * 64})


TAMPERED: dict[str, tuple[Callable[[Lines], Lines], int, str]] = {
    "an event's content": (
        lambda x: [x[0].replace("intent.created", "intent.Created"), *x[1:]],
        1,
        "changed",
    ),
    "an event's hash": (
        lambda x: [*x[:2], json.dumps(entry(x[2]) | {"hash": "0" * 64}), *x[3:]],
        3,
        "changed",
    ),
    "an event and its hash": (
        lambda x: [*x[:2], rehashed(x[2], actor="x"), *x[3:]],
        4,
        "not follow from the event before",
    ),
    "the first event is gone": (lambda x: x[1:], 1, "event 1 is missing"),
    "a middle event is gone": (lambda x: [*x[:2], *x[3:]], 3, "event 3 is missing"),
    "an intent's last event is gone": (
        lambda x: [*x[: FIRST - 1], *x[FIRST:]],
        len(WHOLE) - 1,
        f"the log has {FIRST - 1} events, its record says {FIRST}",
    ),
    "a middle event is gone, the others renumbered": (
        lambda x: [*x[:2], *[rehashed(e, seq=n) for n, e in enumerate(x[3:FIRST], 3)], *x[FIRST:]],
        3,
        "not follow",
    ),
    "two events changed places": (lambda x: [*x[:2], x[3], x[2], *x[4:]], 3, "out of order"),
    "an event is there twice": (lambda x: [*x[:3], x[2], *x[3:]], 4, "out of order"),
    "another intent's event": (lambda x: [*x[:2], x[FIRST + 3], *x[3:]], 3, "event 1 is missing"),
    "a whole intent is gone": (lambda x: x[FIRST + 1 :], len(WHOLE) - FIRST - 1, "root"),
    "all intents are gone": (lambda x: x[-1:], 1, "root"),
    "an intent's head is gone": (lambda x: [*x[:FIRST], *x[FIRST + 1 :]], len(WHOLE) - 1, "says 0"),
    "an intent's events are gone": (lambda x: x[FIRST:], len(WHOLE) - FIRST, "the log has 0"),
    "a forged head": (
        lambda x: [*x[:FIRST], json.dumps(entry(x[FIRST]) | {"head": "0" * 64}), *x[FIRST + 1 :]],
        len(WHOLE),
        "its record says",
    ),
    "a second head for one intent": (
        lambda x: [json.dumps(entry(x[FIRST]) | {"head": "0" * 64}), *x],
        FIRST + 2,
        "twice",
    ),
    "a head for an intent without events": (
        lambda x: [json.dumps({"intent_id": "0", "seq": 0, "head": ""}), *x],
        1,
        "no entry",
    ),
    "an event after the end": (
        lambda x: [
            *x[:FIRST],
            rehashed(x[FIRST - 1], seq=FIRST + 1, prev=INTENTS[0].head),
            *x[FIRST:],
        ],
        len(WHOLE) + 1,
        f"the log has {FIRST + 1} events",
    ),
    "cut in the middle": (lambda x: x[: len(x) // 2], len(WHOLE) // 2, ""),
    "the last line is gone": (lambda x: x[:-1], len(WHOLE) - 1, "cut off"),
    "cut in the middle of the last line": (
        lambda x: [*x[:-1], x[-1][:20]],
        len(WHOLE),
        "no entry",
    ),
    "another root": (
        lambda x: [*x[:-1], json.dumps({"root": "0" * 64})],
        len(WHOLE),
        "root does not match",
    ),
    "another root before the right one": (
        lambda x: [*x[:-1], json.dumps({"root": "0" * 64}), x[-1]],
        len(WHOLE) + 1,
        "after the last line",
    ),
    "something after the last line": (
        lambda x: [*x, x[0]],
        len(WHOLE) + 1,
        "after the last line",
    ),
    "another tenant's name": (
        lambda x: [rehashed(x[0], tenant="other"), *x[1:]],
        1,
        "not follow from the event before",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_found_and_placed(what: str) -> None:
    change, line, why = TAMPERED[what]
    lines = change(WHOLE)
    assert lines != WHOLE
    broken = audit.verify(lines).broken
    assert broken is not None
    assert why in broken.why
    assert broken.line == line


def test_a_log_forged_as_a_whole_holds_but_has_another_root() -> None:
    """Who can write every row can make a log that holds together; the root noted before cannot
    be had by it."""
    found = audit.verify(rewritten(WHOLE, 3))
    assert found.broken is None
    assert found.root != audit.verify(WHOLE).root


TEXT = "\n".join(WHOLE)


@given(
    st.integers(0, len(TEXT) - 1),
    st.characters(codec="utf-8") | st.sampled_from('0123456789abcdef"\\{}:, '),
    st.sampled_from(["replace", "insert", "delete"]),
)
def test_one_character_changed_is_found_or_means_the_same(at: int, char: str, how: str) -> None:
    new = "" if how == "delete" else char
    text = TEXT[:at] + new + TEXT[at + (how != "insert") :]
    lines = text.split("\n")
    if audit.verify(lines).broken is None:
        # What stands beside the hashes (the export's own time and count) is no evidence.
        kept = [_evidence(json.loads(line)) for line in lines if line.strip()]
        assert kept == [_evidence(json.loads(line)) for line in WHOLE]


def _evidence(one: dict[str, object]) -> dict[str, object]:
    return {
        name: one[name]
        for name in ("hash", "event", "intent_id", "seq", "head", "root")
        if name in one
    }


@given(st.integers(0, len(WHOLE)), st.integers(1, len(WHOLE)))
def test_any_lines_left_out_are_missed(start: int, count: int) -> None:
    lines = [*WHOLE[:start], *WHOLE[start + count :]]
    assert len(lines) == len(WHOLE) or audit.verify(lines).broken is not None


@given(st.permutations(range(len(WHOLE))))
def test_a_shuffled_export_is_found_out_or_tells_the_same(order: list[int]) -> None:
    found = audit.verify([WHOLE[at] for at in order])
    assert found.broken is not None or found == audit.verify(WHOLE)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hash", "event", "intent_id", "seq", "head", "root", "prev"]),
            inner | inner.map(json.dumps),
            max_size=5,
        )
    ),
)
inside = st.fixed_dictionaries({name: odd for name in ("tenant", "intent_id", "seq", "prev")})


@given(
    st.lists(
        st.text()
        | odd.map(json.dumps)
        | st.builds(lambda i, h: json.dumps({"hash": h, "event": json.dumps(i)}), inside, odd)
        | st.sampled_from(WHOLE),
        max_size=6,
    )
)
def test_no_file_makes_the_check_fall_over(lines: list[str]) -> None:
    assert audit.verify(lines).broken is not None or lines == WHOLE


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        "5",
        "null",
        '"event"',
        '["event", "hash"]',
        '{"event": "{}", "hash": ""}',
        '{"event": "5", "hash": ""}',
        '{"event": {}, "hash": ""}',
        json.dumps({"hash": "", "event": '{"tenant":"a","intent_id":[],"seq":1,"prev":""}'}),
        '{"intent_id": [], "seq": 1, "head": ""}',
        '{"intent_id": 5, "seq": 1, "head": ""}',
        '{"root": 5}',
        '{"event": "\\ud800", "hash": ""}',
    ],
)
def test_a_line_that_is_no_entry_is_named(line: str) -> None:
    broken = audit.verify([WHOLE[0], line, *WHOLE[1:]]).broken
    assert broken is not None
    assert broken.line == 2
    assert broken.why == "this line is no entry of an export"
