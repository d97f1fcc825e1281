"""The file itself: whole, closed, and safe whatever names say."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

import tocsin.page
import tocsin.tools.backtest.report
from tocsin.tools.backtest.report.page import join_scripts, make_page, write_json

STATIC = Path(tocsin.tools.backtest.report.__file__).with_name("static")
HOSTILE = "</script><script>alert(1)</script><!-- {{script}} & \u2028"


class Elements(HTMLParser):
    """Collects scripts, styles, metas and what leads out of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self.policy = ""
        self.outward: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._open = f"{tag} {known.get('type') or ''}".strip()
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"] or ""
        self.outward += [known[name] or "" for name in ("src", "href") if name in known]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.append((self._open, data))

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def read(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    return found


def test_what_names_say_stays_data() -> None:
    found = read(make_page(HOSTILE, {"name": HOSTILE, "values": np.array([1.0, np.nan])}))
    (content,) = found.of("script application/json")
    assert json.loads(content) == {"name": HOSTILE, "values": [1.0, None]}
    assert "".join(found.of("title")) == HOSTILE
    kinds = [kind for kind, _ in found.texts if kind.startswith("script")]
    assert kinds == ["script", "script application/json", "script module"]


def test_json_has_no_sign_that_html_reads() -> None:
    assert not set("<>&") & set(write_json({"a": HOSTILE}))


def test_the_policy_lets_only_these_scripts_and_styles_in() -> None:
    found = read(make_page("a", {}))
    inside = [*found.of("script"), *found.of("script module"), *found.of("style")]
    for text in inside:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in found.policy
    assert found.policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in found.policy
    assert "unsafe-inline" not in found.policy.replace("style-src-attr 'unsafe-inline'", "")
    assert "http" not in found.policy


def test_nothing_leads_out_of_the_file() -> None:
    found = read(make_page("a", {}))
    assert [each for each in found.outward if not each.startswith(("#", "data:"))] == []
    own = [path.read_text() for path in STATIC.iterdir()]
    assert not any(re.search(r"https?://|url\(|@import|\bfetch\(", text) for text in own)


def test_all_modules_are_in_the_script_and_need_no_other() -> None:
    script = join_scripts()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    for path in STATIC.glob("*.js"):
        assert path.read_text().splitlines()[0] in script, path.name


def test_the_report_has_the_colours_of_the_live_page() -> None:
    live = Path(tocsin.page.__file__).with_name("static")
    for name in ("tokens.css", "charts.css"):
        assert (STATIC / name).read_text() == (live / name).read_text()


def test_nothing_is_written_into_the_page_but_text() -> None:
    for path in STATIC.glob("*.js"):
        assert not re.search(r"(inner|outer)HTML\s*=|insertAdjacentHTML|eval\(", path.read_text())
