"""Who may ask, and what is answered."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar

from gallery import (
    START_NS,
    TOKEN,
    Gallery,
    KnownPostmark,
    ObedientPlant,
    a_gallery,
    a_log,
    a_policy,
    a_step,
    mark_entry,
    step_entry,
)
from tocsin.core.notices import NoticeContext, plan
from tocsin.page.page import Page
from tocsin.page.policy import PagePolicy
from tocsin.page.server import CannotListen

JSON = {"Content-Type": "application/json"}
ORDER = json.dumps({"asset": "p1", "channel": "flow", "kind": "shift"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page of one file and a script."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Plant</title>")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "app.js").write_text("export const a = 1;\n" * 100)
    return tmp_path


async def asked(
    gallery: Gallery, path: str, headers: Mapping[str, str] | None = None, **options: Any
) -> tuple[ClientResponse, str]:
    options = {"allow_redirects": False} | options
    async with gallery.client.get(gallery.at(path), headers=headers, **options) as answer:
        return answer, await answer.text()


async def ordered(
    gallery: Gallery, body: str = ORDER, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    where = gallery.at("/api/breakages")
    async with gallery.client.post(where, data=body, headers={**JSON, **(headers or {})}) as answer:
        return answer.status, await answer.json()


async def test_the_page_its_files_and_plotly_are_served_and_nothing_else(folder: Path) -> None:
    async with a_log() as log, a_gallery(log, a_policy(folder=folder)) as gallery:
        index, text = await asked(gallery, "/")
        assert (index.status, index.content_type, "Plant" in text) == (200, "text/html", True)
        script, _ = await asked(gallery, "/static/parts/app.js")
        assert (script.content_type, script.headers["Content-Encoding"]) == (
            "text/javascript",
            "gzip",
        )
        _, text = await asked(gallery, "/static/plotly.min.js")
        assert text.startswith("/**\n* plotly.js")
        for path in ("/static/none.js", "/static/../guard.py", "/static/%2e%2e/guard.py", "/x"):
            missing, text = await asked(gallery, path)
            assert (missing.status, missing.content_type) == (404, "text/html")


async def test_a_file_that_did_not_change_is_not_sent_again(folder: Path) -> None:
    async with a_log() as log, a_gallery(log, a_policy(folder=folder)) as gallery:
        first, _ = await asked(gallery, "/static/parts/app.js")
        known = {"If-None-Match": first.headers["ETag"]}
        again, text = await asked(gallery, "/static/parts/app.js", known)
        assert (again.status, text) == (304, "")
        plain, text = await asked(gallery, "/static/parts/app.js", {"Accept-Encoding": "identity"})
        assert ("Content-Encoding" in plain.headers, text[:12]) == (False, "export const")


async def test_every_answer_tells_the_browser_to_be_strict(folder: Path) -> None:
    async with a_log() as log, a_gallery(log, a_policy(folder=folder)) as gallery:
        for path in ("/", "/static/parts/app.js", "/api/told/x", "/nothing", "/healthz"):
            answer, _ = await asked(gallery, path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self';" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "aiohttp" not in answer.headers["Server"]
        told, _ = await asked(gallery, "/api/told/x")
        assert told.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:80", "127.9.9.9"])
async def test_without_a_token_the_page_answers_to_names_of_this_machine(host: str) -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        answer, _ = await asked(gallery, "/api/told/x", {"Host": host})
        assert answer.status == 404


@pytest.mark.parametrize("host", ["plant.example", "127.0.0.1.example", "localhost.evil", "[", ""])
async def test_without_a_token_another_name_is_refused(host: str) -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        answer, text = await asked(gallery, "/api/live", {"Host": host})
        assert answer.status == 403
        assert "localhost" in json.loads(text)["error"]
        health, text = await asked(gallery, "/healthz", {"Host": host})
        assert (health.status, text) == (200, "ok")


async def test_a_token_opens_the_page_once_and_a_cookie_does_from_then_on(folder: Path) -> None:
    policy = a_policy(token=TOKEN, folder=folder)
    async with a_log() as log, a_gallery(log, policy) as gallery:
        jar = CookieJar(unsafe=True)
        async with ClientSession(cookie_jar=jar) as client:
            way = gallery.at(f"/?token={TOKEN}")
            async with client.get(way, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/")
                cookie = answer.headers["Set-Cookie"]
                assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
                assert "Secure" not in cookie
                assert TOKEN not in cookie
                assert answer.headers["Cache-Control"] == "no-store"
            async with client.get(gallery.at("/")) as answer:
                assert (answer.status, "Plant" in await answer.text()) == (200, True)


async def test_behind_a_proxy_with_tls_the_cookie_keeps_to_it() -> None:
    async with a_log() as log, a_gallery(log, a_policy(token=TOKEN)) as gallery:
        headers = {"X-Forwarded-Proto": "https", "Host": "plant.example"}
        answer, _ = await asked(gallery, f"/?token={TOKEN}", headers)
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Cookie": f"tocsin_page={TOKEN}"},
        {"Cookie": "tocsin_page="},
        {"Cookie": "tocsin_page=\u00e9"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/plotly.min.js", "/api/live", "/api/told/x"])
async def test_without_the_token_nothing_is_shown(path: str, headers: dict[str, str]) -> None:
    async with a_log() as log, a_gallery(log, a_policy(token=TOKEN)) as gallery:
        answer, text = await asked(gallery, path, headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "token" in text
        assert TOKEN not in text


async def test_a_wrong_token_is_said_to_be_wrong_and_asked_for_again() -> None:
    async with a_log() as log, a_gallery(log, a_policy(token=TOKEN)) as gallery:
        answer, text = await asked(gallery, "/?token=<b>", {"Accept": "text/html"})
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert "That is not the token." in text
        assert '<form method="get" action="/">' in text
        assert "<b>" not in text


async def test_a_token_for_programs_stands_in_a_header() -> None:
    async with a_log() as log, a_gallery(log, a_policy(token=TOKEN)) as gallery:
        answer, _ = await asked(gallery, "/api/told/x", {"Authorization": f"bearer {TOKEN}"})
        assert answer.status == 404


async def test_whether_the_page_is_there_can_be_asked_without_a_token() -> None:
    async with a_log() as log, a_gallery(log, a_policy(token=TOKEN)) as gallery:
        answer, text = await asked(gallery, "/healthz")
        assert (answer.status, text) == (200, "ok")


async def test_a_visitor_can_break_something() -> None:
    plant = ObedientPlant()
    async with a_log() as log, a_gallery(log, plant=plant) as gallery:
        status, found = await ordered(gallery)
        assert status == 201
        assert found == {
            "id": "b1",
            "asset": "p1",
            "channel": "flow",
            "kind": "shift",
            "by": "visitor",
            "start_ms": START_NS // 1_000_000,
            "end_ms": START_NS // 1_000_000 + 60_000,
            "fate": "running",
            "alert": None,
            "delay_s": None,
            "named": None,
        }
        await ordered(gallery)
        picture = await gallery.picture(lambda each: each["breakages"])
        assert [each["id"] for each in picture["breakages"]] == ["b2", "b1"]


async def test_what_cannot_be_broken_is_refused_with_a_sentence() -> None:
    plant = ObedientPlant()
    async with a_log() as log, a_gallery(log, plant=plant) as gallery:
        unknown = json.dumps({"asset": "p9", "channel": "flow", "kind": "shift"})
        sentence = "Nothing was broken: there is no asset p9."
        assert await ordered(gallery, unknown) == (400, {"error": sentence})
        for body in ("", "{", "[]", '{"asset": 1, "channel": "flow", "kind": "shift"}'):
            status, found = await ordered(gallery, body)
            assert (status, found["error"][:17]) == (400, "Say what to break")
        plant.busy = "p1 is broken already."
        assert await ordered(gallery) == (409, {"error": "p1 is broken already."})
        assert (await ordered(gallery, " " * 20_000))[0] == 413
        assert plant.broken == []


async def test_where_there_is_no_plant_nothing_can_be_broken() -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        status, found = await ordered(gallery)
        assert (status, "nothing can be broken" in found["error"]) == (404, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{url}"}, 201),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://plant.example"}, 201),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{url}"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_only_the_page_itself_and_programs_may_break_something(
    headers: dict[str, str], status: int
) -> None:
    plant = ObedientPlant()
    async with a_log() as log, a_gallery(log, plant=plant) as gallery:
        url = gallery.page.url.rstrip("/")
        sent = {name: value.replace("{url}", url) for name, value in headers.items()}
        found, content = await ordered(gallery, headers=sent)
        assert (found, len(plant.broken)) == (status, int(status == 201))
        assert status == 201 or content["error"]


async def test_a_method_that_is_not_known_is_answered_with_those_that_are() -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        answer, text = await asked(gallery, "/api/breakages")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert json.loads(text)["error"]


async def test_a_webhook_is_shown_with_the_body_that_was_sent() -> None:
    step, postmark = a_step("a"), KnownPostmark()
    context = NoticeContext("http://plant.example", "http://plant.example/d/asset")
    policy = a_policy(receivers={"shift": True}, context=context)
    (notice,) = plan([step], {}, "shift", context)
    postmark.held[notice.id] = False
    async with a_log() as log, a_gallery(log, policy, postmark=postmark) as gallery:
        await log.append([step_entry(step), mark_entry(step)])
        found = await gallery.picture(
            lambda each: each["alerts"] and each["alerts"][0]["told"][0]["at_ms"]
        )
        (told,) = found["alerts"][0]["told"]
        assert (told["webhook_id"], told["outcome"]) == (notice.id, "delivered")
        assert (told["signed"], told["verified"]) == (True, False)
        _, text = await asked(gallery, f"/api/told/{notice.id}")
        assert json.loads(text) == {
            "webhook_id": notice.id,
            "receiver": "shift",
            "signed": True,
            "verified": False,
            "outcome": "delivered",
            "body": json.loads(notice.body),
        }


async def test_a_webhook_that_is_not_known_is_said_not_to_be() -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        answer, text = await asked(gallery, "/api/told/msg_nothing")
        assert (answer.status, "no such webhook" in json.loads(text)["error"]) == (404, True)


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        port = int(gallery.page.url.rstrip("/").rpartition(":")[2])
        second = Page(log, gallery.registry, [], PagePolicy(port=port), lambda: START_NS)
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port}: .* choose another page.port"):
            await second.__aenter__()
        third = Page(
            log, gallery.registry, [], PagePolicy(port=port, any_port=True), lambda: START_NS
        )
        async with third, ClientSession() as client:
            assert third.url != gallery.page.url
            async with client.get(f"{third.url}healthz") as answer:
                assert answer.status == 200


async def test_an_address_of_another_machine_is_told_with_what_to_do() -> None:
    async with a_log() as log, a_gallery(log) as gallery:
        policy = PagePolicy("203.0.113.1", 8765, token=TOKEN)
        page = Page(log, gallery.registry, [], policy, lambda: START_NS)
        with pytest.raises(CannotListen, match=r"choose another page.host or page\.port"):
            await page.__aenter__()


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.7", "plant.example"])  # noqa: S104
def test_beyond_this_machine_a_page_wants_a_token(host: str) -> None:
    with pytest.raises(ValueError, match=r"page\.host.*page\.token_file"):
        PagePolicy(host)
    assert TOKEN not in repr(PagePolicy(host, token=TOKEN))


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"page\.token is too short") as failure:
        PagePolicy(token="changeme")  # noqa: S106 - that is the mistake
    assert "changeme" not in str(failure.value)
