"""The commands that make secrets, so that no installation has one that everybody knows."""

import base64
import os
import secrets as randomness
import string
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from tocsin.adapters.influx_tokens import Action, InfluxTokens
from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    fail,
    print_facts,
    print_json,
    run_async,
    settings_from,
)
from tocsin.settings import Settings
from tocsin.wiring.ports import influx_policy

_LETTERS = string.ascii_letters + string.digits
_LENGTH = 43
"""Letters and digits that are as hard to guess as 256 bits."""

_MODE = 0o440
"""Owner and group may read; nobody writes, and for others it is not there."""

Files = Annotated[list[Path] | None, typer.Argument(help="Where each secret is kept.")]
Webhooks = Annotated[
    list[Path] | None,
    typer.Option("--webhook", help="Where a webhook's secret is kept; may be given several times."),
]
Reader = Annotated[Path | None, typer.Option("--read", help="Where the token that reads is kept.")]
Writer = Annotated[
    Path | None, typer.Option("--write", help="Where the token that writes is kept.")
]


def secrets(files: Files = None, webhook: Webhooks = None, as_json: Json = False) -> None:
    """Make secrets, each in a file of its own. A file that is there already stays as it is.

    They are letters and digits, and never shown. Those of webhooks are whsec_ and base64.

    Example: tocsin secrets secrets/page-token --webhook secrets/webhook
    """
    if not files and not webhook:
        fail("where? name a file for each secret", Exit.USAGE)
    made = dict(_keep(files or [], webhook=False)) | dict(_keep(webhook or [], webhook=True))
    _tell(made, as_json=as_json)


def tokens(
    read: Reader = None, write: Writer = None, config: Config = None, as_json: Json = False
) -> None:
    """Make tokens for InfluxDB 2 that may only read, or only write, the bucket of the settings.

    influx.token must be one that may make tokens, such as the one of InfluxDB's set-up; after that
    nobody needs it here. A token that is there and that InfluxDB knows stays as it is.

    Example: tocsin tokens --write secrets/sink-token --read secrets/grafana-token
    """
    wanted: dict[Action, Path] = {}
    if read:
        wanted["read"] = read
    if write:
        wanted["write"] = write
    if not wanted:
        fail("which? give --read FILE, --write FILE or both", Exit.USAGE)
    settings = settings_from(config)
    if not settings.influx.url:
        fail("influx.url: there is no InfluxDB in the settings", Exit.CONFIG)
    _tell(run_async(_make_tokens(settings, wanted)), as_json=as_json)


async def _make_tokens(settings: Settings, wanted: dict[Action, Path]) -> dict[str, str]:
    """Return what became of each file; a token is made where there is none, or a stale one."""
    found: dict[str, str] = {}
    async with InfluxTokens(influx_policy(settings.influx)) as office:
        for action, path in wanted.items():
            known = _read(path)
            if known and await office.opens(known):
                found[str(path)] = "present"
                continue
            token = await office.make(action, f"tocsin: may {action} {settings.influx.bucket}")
            _write(path, token)
            found[str(path)] = "made"
    return found


def _keep(paths: Iterable[Path], *, webhook: bool) -> Iterable[tuple[str, str]]:
    for path in paths:
        there = bool(_read(path))
        if not there:
            _write(path, _webhook_secret() if webhook else _secret())
        yield str(path), "present" if there else "made"


def _secret() -> str:
    return "".join(randomness.choice(_LETTERS) for _ in range(_LENGTH))


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(randomness.token_bytes(32)).decode()


def _read(path: Path) -> str:
    """Return what a file holds, nothing if it is not there, or end with a clear message."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        fail(f"cannot read {path}: {getattr(error, 'strerror', 'it is no text')}")


def _write(path: Path, secret: str) -> None:
    """Put a whole file in its place, or none; end with a clear message if that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(secret + "\n")
            file.flush()
            os.fchmod(number, _MODE)
            os.fsync(number)
        Path(name).replace(path)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")


def _tell(found: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json({"files": found})
    else:
        print_facts(found)
