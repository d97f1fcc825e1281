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
    settings_from,
)
from tocsin.settings import ConfigError
from tocsin.wiring import ROLES, check_settings


def check(config: Config = None, as_json: Json = False) -> None:
    """Say whether the settings are valid, without looking at any server.

    Exit code 78 if they are not.

    Example: tocsin check --config plant.toml
    """
    settings = settings_from(config)
    try:
        check_settings(settings, ROLES)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    found = {
        "log": settings.kafka.bootstrap_servers or f"embedded in {settings.data_dir}",
        "store": settings.influx.url or f"embedded in {settings.data_dir}",
        "profiles": [profile.name for profile in settings.profiles],
        "receivers": [receiver.name for receiver in settings.receivers],
    }
    if as_json:
        print_json({"valid": True, **found})
    else:
        console.print("The settings are valid.")
        print_facts(found)


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Look at everything that Tocsin needs: log, topics, readings, models, store, receivers.

    Exit code 3 if something is wrong; every complaint says what to do.

    Example: tocsin doctor --config plant.toml
    """
    from tocsin.doctor import examine  # noqa: PLC0415 - loads torch

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
