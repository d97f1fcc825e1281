"""The commands that look: check, doctor, version."""

import platform
from dataclasses import asdict
from importlib.metadata import version as installed

import typer
from rich.table import Table
from rich.text import Text

from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    console,
    fail,
    print_facts,
    print_json,
    run_async,
    seek_settings,
    settings_from,
    warn,
)
from tocsin.settings import ConfigError, Settings
from tocsin.settings.doubts import doubts
from tocsin.wiring import ROLES, check_settings


def check(config: Config = None, as_json: Json = False) -> None:
    """Say whether the settings are valid, without looking at any server.

    Every mistake has a line of its own; exit code 78 if there is one. What is valid but probably
    not meant is told as a warning, which is no failure.

    Example: tocsin check --config plant.toml
    """
    try:
        found = seek_settings(config)
        check_settings(found.settings, [*ROLES, "page"])
    except ConfigError as error:
        if as_json:
            print_json({"valid": False, "mistakes": str(error).splitlines()})
            raise typer.Exit(Exit.CONFIG) from None
        fail(str(error), Exit.CONFIG)
    facts, warnings = _facts(found.settings), doubts(found)
    if as_json:
        print_json({"valid": True, **facts, "warnings": warnings})
        return
    for warning in warnings:
        warn(warning)
    console.print("The settings are valid.")
    print_facts({name: _words(value) for name, value in facts.items()})


def _facts(settings: Settings) -> dict[str, str | list[str]]:
    return {
        "log": settings.kafka.bootstrap_servers or f"embedded in {settings.data_dir}",
        "store": settings.influx.url or f"embedded in {settings.data_dir}",
        "profiles": [profile.name for profile in settings.profiles],
        "receivers": [receiver.name for receiver in settings.receivers],
    }


def _words(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Look at everything that Tocsin needs: log, topics, readings, models, store, receivers.

    Exit code 3 if something is wrong; every complaint says what to do.

    Example: tocsin doctor --config plant.toml
    """
    from tocsin.doctor import examine  # noqa: PLC0415 - no other command needs it

    found = run_async(examine(settings_from(config)))
    if as_json:
        print_json({"findings": [asdict(finding) for finding in found]})
    else:
        table = Table("", "what", "found", "what to do")
        for finding in found:
            sign = Text("ok", "green") if finding.well else Text("no", "red")
            cells = (finding.what, finding.found, finding.remedy)
            table.add_row(sign, *(Text(cell) for cell in cells))
        console.print(table)
    if not all(finding.well for finding in found):
        raise typer.Exit(Exit.FINDINGS)


def version(as_json: Json = False) -> None:
    """Print the versions of Tocsin and of what it stands on.

    Example: tocsin version --json
    """
    names = ("tocsin", "torch", "aiokafka", "numpy", "influxdb-client")
    found = {name: installed(name) for name in names} | {"python": platform.python_version()}
    if as_json:
        print_json(found)
    else:
        print_facts(found)
