"""One HTML file out of content, styles and scripts: it needs nothing else, and asks for nothing."""

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np

_STYLES = ("tokens.css", "layout.css", "parts.css", "charts.css")
_SCRIPTS = (  # each after those that it uses
    "format.js",
    "dom.js",
    "colours.js",
    "chapter.js",
    "rule.js",
    "axis.js",
    "plot.js",
    "summary.js",
    "signals.js",
    "lanes.js",
    "timeline.js",
    "limit.js",
    "incidents.js",
    "tail.js",
    "latent.js",
    "app.js",
)
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)
_NOT_IN_JSON = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def make_page(title: str, content: Mapping[str, Any]) -> str:
    """Return the whole file.

    Args:
        title: of the browser's tab.
        content: what there is to be shown: plain values and arrays. NaN becomes null.
    """
    plotly = _as_script(_read("plotly", "package_data/plotly.min.js"))
    script = _as_script(join_scripts())
    style = "\n".join(_own(name) for name in _STYLES)
    parts = {
        "policy": _policy([plotly, script], style),
        "title": html.escape(title),
        "style": style,
        "plotly": plotly,
        "content": write_json(content),
        "script": script,
    }
    # in one go: what is put in is not looked at again
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _own("report.html"))


def write_json(content: Mapping[str, Any]) -> str:
    """Return content as JSON that may stand in a script element, whatever its texts say."""
    text = msgspec.json.encode(content, enc_hook=_plain).decode()
    for sign, escaped in _NOT_IN_JSON.items():
        text = text.replace(sign, escaped)
    return text


def join_scripts() -> str:
    """Return our modules as one: with their imports gone, each sees what the others export."""
    joined = "\n".join(_own(name) for name in _SCRIPTS)
    return _EXPORT.sub("", _IMPORT.sub("", joined))


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise NotImplementedError(type(value))


def _own(name: str) -> str:
    return _read("tocsin.tools.backtest.report", f"static/{name}")


def _read(package: str, path: str) -> str:
    return files(package).joinpath(path).read_text(encoding="utf-8")


def _as_script(source: str) -> str:
    """Return a script that cannot end, or change, the element that it stands in."""
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(scripts: list[str], style: str) -> str:
    """Return a Content-Security-Policy that lets these scripts run, and nothing be fetched.

    plotly.js sets a style attribute on the pictures of heat maps; attributes cannot be listed.
    """
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        "style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
