"""The page of one's devices, and who may do what there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ..notify.push_service import Phone
from ..notify.receiver import HttpReceiver, reply
from ..server.house import ANA, House, database_in, opened
from .conftest import Browser, browser

pytestmark = pytest.mark.anyio
CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(
        database_in(tmp_path), push_contact="mailto:ops@acme.com", allow_private_webhooks=True
    ) as house:
        yield house


@pytest.fixture
def service() -> Iterator[HttpReceiver]:
    with HttpReceiver(reply(201)) as service:
        yield service


@pytest.fixture
async def bo(house: House) -> Browser:
    found = browser(house)
    await found.sign_in(house, "bo@acme.com")
    return found


async def ids(house: House, person: str = ANA) -> list[str]:
    found = await house.engine.read(house.store.devices, "default", "push", person)
    return [one.id for one in found]


async def add(ana: Browser, phone: Phone, **more: str) -> None:
    done = await ana.post("/devices", phone.form() | more, headers={"user-agent": CHROME})
    assert (done.status_code, done.headers["location"]) == (303, "/devices")


async def test_a_device_is_added_listed_and_told(
    house: House, ana: Browser, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(ana, phone)
    page = (await ana.get("/devices")).text
    assert "<strong>Chrome on Android</strong>" in page
    assert phone.endpoint not in page
    assert phone.form()["auth"] not in page
    await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["push"]})
    asked = await house.ask()
    await house.holdshort.tick()
    assert [one["path"] for one in phone.messages()] == [f"/inbox/{asked}"]
    assert "last message taken at" in (await ana.get("/devices")).text


async def test_added_again_it_stays_one(house: House, ana: Browser, service: HttpReceiver) -> None:
    phone = Phone(service)
    await add(ana, phone)
    (device,) = await ids(house)
    await ana.post(f"/devices/{device}", {"name": "My  phone ", "show": "1"})
    await add(ana, phone)
    assert await ids(house) == [device]
    page = (await ana.get("/devices")).text
    assert "<strong>My phone</strong>" in page
    assert 'name="show" value="1" checked' in page


async def test_a_test_says_what_the_service_said(
    house: House, ana: Browser, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(ana, phone)
    (device,) = await ids(house)
    page = await ana.post(f"/devices/{device}/test")
    assert page.status_code == 200
    assert "has taken a message for Chrome on Android" in page.text
    (message,) = phone.messages()
    assert (message["tag"], message["path"]) == ("test", "/devices")
    assert (await ana.get(f"/devices/{device}/test")).headers["location"] == "/devices"


async def test_a_test_that_fails_says_why(house: House, ana: Browser) -> None:
    with HttpReceiver(reply(403, b"<b>wrong key</b>")) as service:
        await add(ana, Phone(service))
        (device,) = await ids(house)
        page = await ana.post(f"/devices/{device}/test")
    assert page.status_code == 502
    assert "answered 403: &lt;b&gt;wrong key" in page.text
    assert "Failed at" in (await ana.get("/devices")).text


async def test_a_device_that_is_gone_leaves_the_list(house: House, ana: Browser) -> None:
    with HttpReceiver(reply(410)) as service:
        await add(ana, Phone(service))
        (device,) = await ids(house)
        page = await ana.post(f"/devices/{device}/test")
    assert "the device is gone" in page.text
    assert "You have none yet" in page.text


async def test_a_removed_device_is_told_nothing(
    house: House, ana: Browser, service: HttpReceiver
) -> None:
    await add(ana, Phone(service))
    (device,) = await ids(house)
    assert (await ana.post(f"/devices/{device}/revoke")).status_code == 303
    assert await ids(house) == []
    assert (await ana.post(f"/devices/{device}/test")).status_code == 404
    assert service.requests == []


async def test_nobody_touches_the_devices_of_others(
    house: House, ana: Browser, bo: Browser, service: HttpReceiver
) -> None:
    await add(ana, Phone(service))
    (device,) = await ids(house)
    for path in (f"/devices/{device}", f"/devices/{device}/test", f"/devices/{device}/revoke"):
        assert (await bo.post(path, {"name": "mine"})).status_code == 404
    assert await ids(house) == [device]
    assert service.requests == []


async def test_who_only_knows_the_address_takes_no_device_over(
    house: House, ana: Browser, bo: Browser, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(ana, phone)
    others = Phone(service).form() | {"endpoint": phone.endpoint}
    assert (await bo.post("/devices", others)).status_code == 409
    assert len(await ids(house)) == 1


async def test_a_browser_belongs_to_who_added_it_last(
    house: House, ana: Browser, bo: Browser, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(ana, phone)
    (device,) = await ids(house)
    await ana.post(f"/devices/{device}", {"name": "Ana's", "show": "1"})
    await add(bo, phone)
    assert await ids(house) == []
    assert await ids(house, "bo@acme.com") == [device]
    page = (await bo.get("/devices")).text
    assert "Ana" not in page
    assert 'value="1" checked' not in page, "what it shows is asked anew"


async def test_a_form_from_elsewhere_adds_nothing(
    house: House, ana: Browser, service: HttpReceiver
) -> None:
    form = Phone(service).form()
    assert (await ana.http.post("/devices", data=form)).status_code == 403
    assert (
        await ana.post("/devices", form, headers={"origin": "https://evil.example"})
    ).status_code == 403
    assert (await browser(house).post("/devices", form)).status_code == 401
    assert await ids(house) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", ""),
        ("endpoint", "no address"),
        ("endpoint", "ftp://push.example/x"),
        ("endpoint", "https://user:word@push.example/x"),
        ("endpoint", "https://push.example/" + "x" * 2048),
        ("endpoint", "https://[::1/x"),
        ("p256dh", "AAAA"),
        ("p256dh", "?" * 87),
        ("auth", "AAAA"),
        ("auth", ""),
    ],
)
async def test_what_is_no_device_is_refused(
    house: House, ana: Browser, service: HttpReceiver, name: str, value: str
) -> None:
    refused = await ana.post("/devices", Phone(service).form() | {name: value})
    assert refused.status_code == 422
    assert await ids(house) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://push.example/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
    ],
)
async def test_54_a_device_inside_our_network_is_refused(
    tmp_path: Path, service: HttpReceiver, url: str
) -> None:
    async with opened(database_in(tmp_path), push_contact="mailto:ops@acme.com") as house:
        ana = browser(house)
        await ana.sign_in(house)
        refused = await ana.post("/devices", Phone(service).form() | {"endpoint": url})
        assert refused.status_code == 422
        assert await ids(house) == []


async def test_a_point_that_is_on_no_curve_harms_nobody(
    house: House, ana: Browser, service: HttpReceiver
) -> None:
    form = Phone(service).form() | {"p256dh": "BA" + "A" * 85}
    await ana.post("/devices", form)
    for device in await ids(house):
        page = await ana.post(f"/devices/{device}/test")
        assert page.status_code == 502
        assert "address or keys are broken" in page.text
    assert service.requests == []


async def test_there_are_twenty_at_most(house: House, ana: Browser, service: HttpReceiver) -> None:
    for number in range(20):
        await add(ana, Phone(service, f"phone{number}"))
    refused = await ana.post("/devices", Phone(service, "one more").form())
    assert refused.status_code == 409
    assert len(await ids(house)) == 20


async def test_signing_out_everywhere_removes_every_device(
    house: House, ana: Browser, bo: Browser, service: HttpReceiver
) -> None:
    await add(ana, Phone(service))
    await add(bo, Phone(service, "bos"))
    await ana.post("/sign-out", {"everywhere": ""})
    assert len(await ids(house)) == 1
    await ana.sign_in(house)
    await ana.post("/sign-out", {"everywhere": "1"})
    assert await ids(house) == []
    assert len(await ids(house, "bo@acme.com")) == 1


async def test_quiet_hours_are_kept_and_nothing_else_changes(house: House, ana: Browser) -> None:
    person = {"name": "Ana", "roles": ["cfo"], "tell": "first", "channels": ["push"]}
    await house.ok("PUT", "/v1/people/{name}", house.admin, person, name=ANA)
    form = {"from": "22:00", "until": "07:00", "timezone": "Europe/Lisbon"}
    assert (await ana.post("/devices/quiet", form)).status_code == 303
    (item,) = (await house.ok("GET", "/v1/people", house.admin))["items"]
    assert item["quiet"]["from"] == "22:00"
    assert item["timezone"] == "Europe/Lisbon"
    kept = {name: item[name] for name in person if name != "name"}
    assert kept == {"roles": ["cfo"], "tell": "first", "channels": ["push"]}
    page = (await ana.get("/devices")).text
    assert 'value="22:00"' in page
    await ana.post("/devices/quiet", {"from": "", "until": "", "timezone": ""})
    (item,) = (await house.ok("GET", "/v1/people", house.admin))["items"]
    assert (item["quiet"], item["timezone"]) == (None, None)


async def test_23_saying_when_to_be_quiet_brings_nobody_back(house: House, ana: Browser) -> None:
    """Deactivated at the very moment at which their form arrives."""
    form = {"from": "22:00", "until": "07:00", "timezone": "Europe/Lisbon"}

    async def deactivate() -> None:
        await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)

    async def post() -> None:
        await ana.post("/devices/quiet", form)

    posts = [post() for _ in range(6)]
    await asyncio.gather(*posts[:3], deactivate(), *posts[3:])
    found = (await house.ok("GET", "/v1/people", house.admin))["items"]
    assert next(one for one in found if one["name"] == ANA)["active"] is False


@pytest.mark.parametrize(
    "form",
    [
        {"from": "22:00"},
        {"from": "25:00", "until": "07:00"},
        {"from": "07:00", "until": "07:00"},
        {"timezone": "Atlantis"},
    ],
)
async def test_quiet_hours_that_are_none_are_refused(ana: Browser, form: dict[str, str]) -> None:
    page = await ana.post("/devices/quiet", form)
    assert page.status_code == 422
    assert 'role="alert"' in page.text


async def test_a_server_without_push_says_so(tmp_path: Path, service: HttpReceiver) -> None:
    async with opened(database_in(tmp_path)) as house:
        ana = browser(house)
        await ana.sign_in(house)
        assert "HOLDSHORT_PUSH_CONTACT" in (await ana.get("/devices")).text
        assert (await ana.post("/devices", Phone(service).form())).status_code == 404
