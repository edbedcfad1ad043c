"""Files on a card: kept by their hash, given back to be saved, and only to who may look."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from ..server.house import ANA, BO, House, database_in, opened
from .conftest import Browser, browser
from .test_deciding import form, risk, settled

pytestmark = pytest.mark.anyio

PDF = b"%PDF-1.7 <script>alert(1)</script>"
HASH = hashlib.sha256(PDF).hexdigest()


def file(data: bytes = PDF, name: str = "receipt.pdf", field: str = "evidence_file") -> Any:
    return (field, (name, data, "text/html"))


async def send(ana: Browser, asked: str, *files: Any, **fields: Any) -> Any:
    more = {} if files else {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    return await ana.post(f"/inbox/{asked}/decide", form(**fields), files=list(files), **more)


async def test_evidence_is_kept_and_given_back(house: House, ana: Browser) -> None:
    asked = await house.ask(human_task={"evidence_required": True})
    sent = await send(ana, asked, file(), file(b"two", "note.txt"))
    assert sent.status_code == 303, re.findall(r'class="problem"[^>]*>([^<]*)', sent.text)
    result = await settled(house, asked)
    assert result["evidence"] == [
        {"name": "receipt.pdf", "sha256": HASH},
        {"name": "note.txt", "sha256": hashlib.sha256(b"two").hexdigest()},
    ]
    page = (await ana.get(f"/inbox/{asked}")).text
    assert f'href="/inbox/{asked}/files/{HASH}"' in page
    assert f"{len(PDF)} bytes" in page
    got = await ana.get(f"/inbox/{asked}/files/{HASH}")
    assert got.content == PDF
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith('attachment; filename="receipt.pdf"')
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (await house.events(asked)).count("intent.file_added") == 2


async def test_the_agent_gets_it_and_another_agent_does_not(house: House, ana: Browser) -> None:
    asked = await house.ask()
    await send(ana, asked, file())
    path = "/v1/intents/{intent_id}/files/{sha256}"
    found = await house.ok("GET", path, house.agent, intent_id=asked, sha256=HASH)
    assert base64.b64decode(found["data"]) == PDF
    assert found["file"]["name"] == "receipt.pdf"
    assert (await house.look(asked))["files"] == [found["file"]]
    other = await house.key("agent", "agent://acme/x/other")
    await house.refused(404, "GET", path, other, intent_id=asked, sha256=HASH)
    await house.refused(404, "GET", path, house.agent, intent_id=asked, sha256="0" * 64)


async def test_what_has_arrived_need_not_be_chosen_again(house: House, ana: Browser) -> None:
    await risk(house, "high")
    asked = await house.ask(human_task={"evidence_required": True})
    shown = await send(ana, asked, file())
    assert shown.status_code == 422
    assert f'name="kept" value="{HASH}"' in shown.text
    figure = re.search(r'class="figure">([^<]*)<', shown.text)
    assert figure is not None
    again = await ana.post(f"/inbox/{asked}/decide", form(kept=HASH, typed=figure[1]))
    assert again.status_code == 303
    assert (await settled(house, asked))["evidence"] == [{"name": "receipt.pdf", "sha256": HASH}]


async def test_a_hash_is_no_key_to_a_file(house: House, ana: Browser) -> None:
    """Who names the hash of another card's file gets nothing by it."""
    theirs = await house.ask(to=BO)
    bo = browser(house)
    await bo.sign_in(house, BO)
    await send(bo, theirs, file())
    mine = await house.ask(human_task={"evidence_required": True})
    assert (await ana.get(f"/inbox/{theirs}/files/{HASH}")).status_code == 404
    assert (await ana.get(f"/inbox/{mine}/files/{HASH}")).status_code == 404
    sent = await ana.post(f"/inbox/{mine}/decide", form(kept=HASH))
    assert sent.status_code == 422, "it is no evidence either"
    named = form(evidence_name="x", evidence_place=HASH)
    assert (await ana.post(f"/inbox/{mine}/decide", named)).status_code == 303
    assert (await ana.get(f"/inbox/{mine}/files/{HASH}")).status_code == 404


async def test_who_is_not_asked_leaves_no_file(house: House) -> None:
    key = await house.key("agent", "agent://acme/x/owned", owner=ANA)
    asked = await house.ask(key, to=[ANA, BO])
    ana = browser(house)
    await ana.sign_in(house)
    sent = await send(ana, asked, file())
    assert sent.status_code == 403
    assert house.store.file("default", HASH) is None
    cy = browser(house)
    await cy.sign_in(house, "cy@acme.com")
    assert (await send(cy, asked, file())).status_code == 404
    assert house.store.file("default", HASH) is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\in\u202egpj.exe", "in_gpj.exe"),
        ('a"; filename="b.html', "a%22;_filename=%22b.html"),
        (".htaccess", "htaccess"),
        ("x\r\nSet-Cookie: a=b", "x%0D%0ASet-Cookie_a=b"),
        ("<img src=x>.svg", "img_src=x_.svg"),
        ("ü" * 300 + ".pdf", "ü" * 116 + ".pdf"),
        ("...", "file"),
    ],
)
async def test_names_are_made_safe(house: House, ana: Browser, name: str, kept: str) -> None:
    asked = await house.ask()
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'Content-Disposition: form-data; name="evidence_file"; filename="{quoted}"'
    body = (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{ana.csrf}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="outcome"\r\n\r\napproved\r\n'
        f'--b\r\nContent-Disposition: form-data; name="held"\r\n\r\n1\r\n'
        f"--b\r\n{head}\r\n\r\ndata\r\n--b--\r\n"
    )
    sent = await ana.http.post(
        f"/inbox/{asked}/decide",
        content=body.encode(),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert sent.status_code == 303
    (found,) = house.store.intent("default", asked).files
    assert found.name == kept
    got = await ana.get(f"/inbox/{asked}/files/{found.sha256}")
    assert "set-cookie" not in got.headers
    assert got.headers["content-disposition"].startswith("attachment; ")


async def test_too_much_is_refused(tmp_path: Path) -> None:
    """Attack 67: a form can neither fill the memory nor the disk."""
    async with opened(database_in(tmp_path), max_upload=1000) as house:
        ana = browser(house)
        await ana.sign_in(house)
        asked = await house.ask()
        big = await send(ana, asked, file(b"x" * 1001))
        assert (big.status_code, "a file may have 1000" in big.text) == (413, True)
        many = await send(ana, asked, *[file(b"%d" % n, f"{n}.txt") for n in range(11)])
        assert (many.status_code, "Too many files" in many.text) == (422, True)
        huge = await send(ana, asked, file(b"x" * 3_000_000))
        assert huge.status_code == 413
        fields = await ana.post(
            f"/inbox/{asked}/decide", {f"f{n}": "x" for n in range(2001)}, files=[file(b"x")]
        )
        assert (fields.status_code, "Too many fields" in fields.text) == (422, True)
        broken = await ana.http.post(
            f"/inbox/{asked}/decide",
            content=b"--b\r\nnonsense",
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        assert broken.status_code in (403, 422)
        assert house.store.intent("default", asked).files == ()


async def test_a_form_of_another_site_is_not_read(house: House, ana: Browser) -> None:
    asked = await house.ask()
    path = f"/inbox/{asked}/decide"
    foreign = await ana.post(path, form(), files=[file()], headers={"origin": "http://evil"})
    assert foreign.status_code == 403
    stale = await ana.http.post(path, data={**form(), "csrf": "0" * 32}, files=[file()])
    assert stale.status_code == 403
    assert house.store.intent("default", asked).files == ()


FILES = {
    "type": "object",
    "required": ["contract"],
    "properties": {
        "contract": {"type": "object", "format": "file", "title": "Contract"},
        "scan": {"type": "string", "contentMediaType": "image/png"},
        "more": {"type": "array", "items": {"format": "file"}},
    },
}


async def test_a_form_takes_files(house: House, ana: Browser) -> None:
    asked = await house.ask(task="form", human_task={"form_schema": FILES})
    assert (await ana.get(f"/inbox/{asked}")).text.count('type="file"') == 4
    sent = await send(
        ana, asked,
        file(field="d/contract"), file(b"png", "s.png", "d/scan"),
        file(b"1", "1.txt", "d/more"), file(b"2", "2.txt", "d/more"),
        outcome="submitted",
    )  # fmt: skip
    assert sent.status_code == 303, re.findall(r'class="problem"[^>]*>([^<]*)', sent.text)
    data = (await settled(house, asked))["data"]
    assert data["contract"] == {"name": "receipt.pdf", "sha256": HASH, "size": len(PDF)}
    assert data["scan"] == hashlib.sha256(b"png").hexdigest()
    assert [one["name"] for one in data["more"]] == ["1.txt", "2.txt"]


async def test_a_file_of_a_form_has_to_have_arrived(house: House, ana: Browser) -> None:
    asked = await house.ask(task="form", human_task={"form_schema": FILES})
    for given in ({}, {"d/contract": HASH}, {"d/contract": '{"name": "x"}'}):
        sent = await ana.post(f"/inbox/{asked}/decide", form("submitted", **given))
        assert sent.status_code == 422
    stray = await send(ana, asked, file(field="d/other"), outcome="submitted")
    assert stray.status_code == 422
    assert house.store.intent("default", asked).files == (), "nobody asked for that file"
