import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from tocsin.adapters.answers import check_url, describe, plain, public_part, retry_after_s

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
KEY = ConnectionKey("canary", 443, True, True, None, None, None)  # noqa: FBT003


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:8086/", "http://h:8086"),
        ("https://hooks.example/services/canary?key=canary#canary", "https://hooks.example"),
        ("http://canary:canary@h/", "http://h"),
        ("http://[::1]:80/canary", "http://[::1]:80"),
    ],
)
def test_only_scheme_host_and_port_of_an_address_are_shown(url: str, shown: str) -> None:
    assert public_part(url) == shown


def test_an_address_of_plain_http_passes() -> None:
    check_url("x", "https://host:8443/path?query")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (TimeoutError(), "no answer within 5 s"),
        (aiohttp.ServerTimeoutError(), "no answer within 5 s"),
        (aiohttp.ServerDisconnectedError(), "closed without an answer"),
        (aiohttp.ClientOSError(104, "reset"), "closed without an answer"),
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), "cannot connect: refused"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("self")),
            "certificate is not trusted",
        ),
        (aiohttp.InvalidURL("http://canary"), "the request failed: InvalidURL"),
    ],
)
def test_every_failure_is_told_in_words_and_without_the_address(
    failure: BaseException, said: str
) -> None:
    told = describe(failure, 5)
    assert said in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "12"}, 12),
        ({"Retry-After": " 12 "}, 12),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "9" * 400}, 60),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT", "Date": DATE}, 9),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": DATE}, 1),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:09", "Date": DATE}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(
    headers: dict[str, str], wait_s: float | None
) -> None:
    assert retry_after_s(headers, 60) == wait_s


def test_a_servers_text_becomes_one_short_printable_line() -> None:
    assert plain(" a\r\nb\x1b[31m\u2028" + "x" * 1_000).startswith("a  b [31m")
    assert len(plain("x" * 1_000)) == 300
