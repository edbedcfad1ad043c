"""Signing in with an OpenID provider: a real one, and all the ways in which one can lie."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from holdshort.clock import FakeClock

from ..server.house import ANA, BO, House, database_in, opened
from .conftest import Browser
from .devices import browser_at
from .openid import CLIENT, SECRET, OpenId, new_key, provider, signed_with, unsigned

pytestmark = pytest.mark.anyio

PUBLIC = "https://holdshort.acme.com"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def openid(clock: FakeClock) -> Any:
    with provider(clock.now) as found:
        yield found


def settings(openid: OpenId) -> dict[str, Any]:
    return {
        "public_url": PUBLIC,
        "oidc_issuer": openid.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": "Acme ID",
    }


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock, openid: OpenId) -> AsyncIterator[House]:
    async with opened(database_in(tmp_path), clock, **settings(openid)) as house:
        for person in (ANA, BO):
            await house.ok("PUT", "/v1/people/{name}", house.admin, {}, name=person)
        yield house


async def send(guest: Browser, after: str = "/inbox") -> str:
    """Go to the provider; return with what it sends the browser back."""
    sent = await guest.get(f"/sign-in/oidc?next={after}")
    assert sent.status_code == 303, sent.text
    async with httpx.AsyncClient() as there:
        back = (await there.get(sent.headers["location"])).headers["location"]
    assert back.startswith(f"{PUBLIC}/sign-in/oidc/back?")
    return str(back)


async def sign_in(house: House, guest: Browser | None = None) -> Any:
    guest = guest or browser_at(house, PUBLIC)
    return await guest.get(await send(guest))


async def refused(house: House, said: str, status: int = 403) -> None:
    done = await sign_in(house)
    assert done.status_code == status, done.text
    assert said in done.text
    assert "holdshort_session" not in done.headers.get("set-cookie", "")


async def test_whoever_the_provider_knows_signs_in(house: House, openid: OpenId) -> None:
    guest = browser_at(house, PUBLIC)
    assert "Sign in with Acme ID" in (await guest.get("/sign-in?next=/account")).text
    done = await guest.get(await send(guest, "/account"))
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    page = (await guest.get("/account")).text
    assert ANA in page
    assert "by Acme ID" in page
    assert "; secure" in done.headers["set-cookie"].lower()
    assert openid.ways == ["basic"]


async def test_what_the_provider_is_asked(house: House, openid: OpenId) -> None:
    sent = await browser_at(house, PUBLIC).get("/sign-in/oidc")
    place = urlsplit(sent.headers["location"])
    asked = {name: one[0] for name, one in parse_qs(place.query).items()}
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"{openid.url}/authorize"
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"{PUBLIC}/sign-in/oidc/back"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    cookie = sent.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "; secure" in cookie
    assert SECRET not in str(sent.headers)


@pytest.mark.parametrize(
    ("ways", "used"), [(["client_secret_post"], "post"), (["client_secret_basic"], "basic")]
)
async def test_the_secret_is_sent_as_the_provider_wants_it(
    house: House, openid: OpenId, ways: list[str], used: str
) -> None:
    openid.discovery = {"token_endpoint_auth_methods_supported": ways}
    assert (await sign_in(house)).status_code == 303
    assert openid.ways == [used]


async def test_a_client_without_a_secret(tmp_path: Path, clock: FakeClock, openid: OpenId) -> None:
    said = settings(openid) | {"oidc_client_secret": None}
    async with opened(database_in(tmp_path), clock, **said) as house:
        await house.ok("PUT", "/v1/people/{name}", house.admin, {}, name=ANA)
        assert (await sign_in(house)).status_code == 303
    assert openid.ways == ["none"]


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"nonce": "another"}, "cannot be believed"),
        ({"nonce": None}, "cannot be believed"),
        ({"aud": "somebody-else"}, "cannot be believed"),
        ({"aud": None}, "cannot be believed"),
        ({"aud": [CLIENT, "other"]}, "made for somebody else"),
        ({"aud": [CLIENT, "other"], "azp": "other"}, "made for somebody else"),
        ({"azp": "other"}, "made for somebody else"),
        ({"iss": "https://evil.example"}, "cannot be believed"),
        ({"iss": None}, "cannot be believed"),
        ({"exp": 1_799_999_000}, "cannot be believed"),
        ({"exp": None}, "cannot be believed"),
        ({"exp": "never"}, "cannot be believed"),
        ({"iat": 1_800_009_999}, "cannot be believed"),
        ({"nbf": 1_800_009_999}, "cannot be believed"),
        ({"sub": None}, "cannot be believed"),
        ({"sub": 7}, "cannot be believed"),
        ({"sub": ""}, "cannot be believed"),
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": None}, "has not verified"),
        ({"email_verified": "false"}, "has not verified"),
        ({"email_verified": 1}, "has not verified"),
        ({"email": 7}, "does not tell your e-mail"),
        ({"email": "eve@acme.com"}, "nobody here is eve@acme.com"),
        ({"email": "team:admins"}, "nobody here is team:admins"),
        ({"email": "<script>alert(1)</script>"}, "nobody here is &lt;script&gt;"),
    ],
    ids=str,
)
async def test_what_is_not_so_signs_nobody_in(
    house: House, openid: OpenId, lies: dict[str, Any], said: str
) -> None:
    openid.lies = lies
    await refused(house, said)
    openid.lies = {}
    assert (await sign_in(house)).status_code == 303


async def test_several_audiences_of_which_we_are_the_one_it_is_for(
    house: House, openid: OpenId
) -> None:
    openid.lies = {"aud": [CLIENT, "other"], "azp": CLIENT}
    assert (await sign_in(house)).status_code == 303


def forgeries(openid: OpenId) -> dict[str, Callable[[dict[str, Any]], str]]:
    public = openid.key.as_pem(private=False)
    thief, real = new_key(str(openid.key.kid), "thief"), openid.signed

    def by(key: Any, claims: dict[str, Any]) -> str:
        mine, openid.key = openid.key, key
        try:
            return real(claims)
        finally:
            openid.key = mine

    def bent(claims: dict[str, Any]) -> str:
        head, body, seal = real(claims).split(".")
        return ".".join([head, body[:-4] + "AAAA", seal])

    return {
        "none": unsigned,
        "the public key as a secret": signed_with(public, str(openid.key.kid)),
        "our own secret": signed_with(SECRET.encode(), str(openid.key.kid)),
        "another key of that name": lambda claims: by(thief, claims),
        "a key that is unknown": lambda claims: by(new_key("nobody's"), claims),
        "a body that was changed": bent,
        "no token": lambda claims: "",
        "no seal": lambda claims: real(claims).rpartition(".")[0] + ".",
    }


@pytest.mark.parametrize(
    "how",
    [
        "none",
        "the public key as a secret",
        "our own secret",
        "another key of that name",
        "a key that is unknown",
        "a body that was changed",
        "no token",
        "no seal",
    ],
)
async def test_a_token_that_the_provider_has_not_signed(
    house: House, openid: OpenId, how: str
) -> None:
    openid.sign = forgeries(openid)[how]
    await refused(house, "cannot be believed")


async def test_the_provider_may_have_a_new_key(
    house: House, openid: OpenId, clock: FakeClock
) -> None:
    assert (await sign_in(house)).status_code == 303
    openid.key = new_key("two")
    openid.keys = [openid.key]
    clock.advance(11)
    assert (await sign_in(house)).status_code == 303
    assert openid.fetched == ["discovery", "keys", "keys"]
    openid.key = new_key("never published")
    for _ in range(3):
        await refused(house, "cannot be believed")
    assert openid.fetched.count("keys") == 2, "whoever lies does not make us ask again and again"


async def test_a_key_for_something_else_signs_nothing(house: House, openid: OpenId) -> None:
    openid.keys = [new_key("one", use="enc")]
    await refused(house, "cannot be believed")


async def test_a_state_counts_once(house: House) -> None:
    guest = browser_at(house, PUBLIC)
    back = await send(guest)
    cookie = guest.http.cookies["holdshort_begun"]
    assert (await guest.get(back)).status_code == 303
    again = browser_at(house, PUBLIC)
    again.http.cookies.set("holdshort_begun", cookie)
    done = await again.get(back)
    assert done.status_code == 403
    assert "finished once already" in done.text


async def test_a_code_counts_once(house: House) -> None:
    guest = browser_at(house, PUBLIC)
    used = parse_qs(urlsplit(await send(guest)).query)["code"][0]
    assert (await sign_in(house, guest)).status_code == 303
    first = await send(guest)
    fresh = first.replace(parse_qs(urlsplit(first).query)["code"][0], used)
    done = await guest.get(fresh)
    assert done.status_code == 403
    assert "does not take its own code" in done.text


async def test_what_somebody_else_has_begun_signs_nobody_in(house: House) -> None:
    """Login CSRF: a link that would sign you in as its sender; mixed-up states of two people."""
    thief, victim = browser_at(house, PUBLIC), browser_at(house, PUBLIC)
    theirs = await send(thief)
    assert (await victim.get(theirs)).status_code == 403
    mine, other = await send(thief), await send(victim)
    state = parse_qs(urlsplit(other).query)["state"][0]
    mixed = mine.replace(parse_qs(urlsplit(mine).query)["state"][0], state)
    assert (await thief.get(mixed)).status_code == 403
    for forged in ("", "x", "A" * 43):
        done = await victim.get(f"/sign-in/oidc/back?code=x&state={forged}")
        assert done.status_code == 403
        assert "begin again" in done.text


async def test_another_persons_code_is_of_no_use(house: House, openid: OpenId) -> None:
    """PKCE and nonce: a code that was caught belongs to the browser that asked for it."""
    victim, thief = browser_at(house, PUBLIC), browser_at(house, PUBLIC)
    caught = parse_qs(urlsplit(await send(victim)).query)["code"][0]
    mine = await send(thief)
    mixed = mine.replace(parse_qs(urlsplit(mine).query)["code"][0], caught)
    assert (await thief.get(mixed)).status_code == 403


async def test_it_is_finished_in_time(house: House, clock: FakeClock) -> None:
    guest = browser_at(house, PUBLIC)
    back = await send(guest)
    clock.advance(5 * 60 + 1)
    assert (await guest.get(back)).status_code == 403


async def test_the_answer_of_another_provider(house: House) -> None:
    guest = browser_at(house, PUBLIC)
    done = await guest.get(f"{await send(guest)}&iss=https%3A%2F%2Fevil.example")
    assert "another provider than was asked" in done.text


async def test_what_the_provider_says_is_shown(house: House, openid: OpenId) -> None:
    openid.refuses = {"error": "access_denied", "error_description": "Not <you>\u202e, Ana"}
    done = await sign_in(house)
    assert done.status_code == 403
    assert "it says: Not &lt;you&gt;" in done.text
    assert "\u202e" not in done.text
    openid.refuses = {"error": "login_required"}
    await refused(house, "it says: login_required")


async def test_a_provider_that_is_down(house: House, openid: OpenId) -> None:
    openid.discovery = {"token_endpoint": "http://127.0.0.1:1/token"}
    await refused(house, "does not answer", 503)
    openid.discovery = {"jwks_uri": "http://127.0.0.1:1/keys"}
    house.clock.advance(3601)
    await refused(house, "does not answer", 503)


async def test_a_provider_that_is_not_there(tmp_path: Path, clock: FakeClock) -> None:
    said = {"oidc_issuer": "http://127.0.0.1:1", "oidc_client_id": CLIENT}
    async with opened(database_in(tmp_path), clock, **said) as house:
        done = await browser_at(house).get("/sign-in/oidc")
        assert done.status_code == 503
        assert "does not answer" in done.text
        assert "Or your own key" in done.text, "there are other ways in"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"token_endpoint": "http://evil.example/token"}, "must be reached by https"),
        ({"jwks_uri": "http://evil.example/keys"}, "must be reached by https"),
        ({"userinfo_endpoint": "http://evil.example/me"}, "must be reached by https"),
    ],
)
async def test_a_provider_that_is_not_what_it_says(
    house: House, openid: OpenId, lie: dict[str, Any], said: str
) -> None:
    openid.discovery = lie
    done = await browser_at(house, PUBLIC).get("/sign-in/oidc")
    assert done.status_code == 503
    assert said in done.text


@pytest.mark.parametrize("issuer", ["http://id.acme.com", "ftp://x", "id.acme.com", "https:///x"])
async def test_a_provider_in_the_clear_is_no_setting(tmp_path: Path, issuer: str) -> None:
    with pytest.raises(ValueError, match="oidc_issuer"):
        House(database_in(tmp_path), oidc_issuer=issuer)


async def test_nobody_is_made_by_signing_in(house: House, openid: OpenId) -> None:
    openid.mail = "new@acme.com"
    await refused(house, "nobody here is new@acme.com; an administrator adds people")
    people = (await house.ok("GET", "/v1/people", house.admin))["items"]
    assert [one["name"] for one in people] == [ANA, BO]


async def test_who_has_left_does_not_sign_in(house: House) -> None:
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    await refused(house, "was deactivated here")


async def test_an_address_is_the_same_in_capitals(house: House, openid: OpenId) -> None:
    openid.mail = "Ana@ACME.com"
    guest = browser_at(house, PUBLIC)
    assert (await sign_in(house, guest)).status_code == 303
    assert ANA in (await guest.get("/account")).text


async def test_an_address_that_was_given_to_somebody_else_is_no_way_in(
    house: House, openid: OpenId
) -> None:
    assert (await sign_in(house)).status_code == 303
    openid.subject = "subject-2"
    await refused(house, f"{ANA} has signed in with another account there before")
    openid.mail = BO
    assert (await sign_in(house)).status_code == 303, "who was refused is pinned to nobody"
    openid.subject = "subject-1"
    await refused(house, f"your account there is that of {ANA} here")
    openid.mail = ANA
    assert (await sign_in(house)).status_code == 303
    await house.ok("DELETE", "/v1/people/{name}/sign-in", house.admin, name=ANA)
    await house.ok("DELETE", "/v1/people/{name}/sign-in", house.admin, name=BO)
    openid.subject = "subject-2"
    assert (await sign_in(house)).status_code == 303, "an administrator has said that it is theirs"


async def test_an_address_that_only_userinfo_tells(house: House, openid: OpenId) -> None:
    openid.lies = {"email": None, "email_verified": None}
    openid.more = {"sub": "subject-1", "email": ANA, "email_verified": True}
    assert (await sign_in(house)).status_code == 303
    openid.more = {"sub": "subject-2", "email": BO, "email_verified": True}
    await refused(house, "two people at once")
    openid.more = {"sub": "subject-1"}
    await refused(house, "does not tell your e-mail")


async def test_at_another_address_one_begins_at_the_one_that_is_known(house: House) -> None:
    sent = await browser_at(house, "http://10.0.0.5:8100").get("/sign-in/oidc?next=/account")
    assert sent.headers["location"] == f"{PUBLIC}/sign-in/oidc?next=/account"
    assert "set-cookie" not in sent.headers


async def test_afterwards_nobody_is_sent_elsewhere(house: House) -> None:
    """Attack 64."""
    for after in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
        guest = browser_at(house, PUBLIC)
        assert (await guest.get(await send(guest, after))).headers["location"] == "/inbox"


async def test_the_session_of_before_is_not_taken_over(house: House) -> None:
    guest = browser_at(house, PUBLIC)
    guest.http.cookies.set("holdshort_session", "planted")
    await sign_in(house, guest)
    assert guest.http.cookies.get("holdshort_session", domain="holdshort.acme.com") != "planted"


async def test_without_a_provider_there_is_none(tmp_path: Path) -> None:
    async with opened(database_in(tmp_path)) as house:
        guest = browser_at(house)
        assert "/sign-in/oidc" not in (await guest.get("/sign-in")).text
        done = await guest.get("/sign-in/oidc")
        assert done.status_code == 404
        assert "no provider is set up here" in done.text


def test_the_secret_shows_nowhere(tmp_path: Path) -> None:
    house = House(database_in(tmp_path), oidc_client_secret=SECRET)
    assert SECRET not in repr(house.holdshort.settings)
