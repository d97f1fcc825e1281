"""The commands that look: check, doctor, version."""

import platform
from importlib.metadata import version as installed
from typing import Any

import typer
from rich.table import Table

from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    console,
    fail,
    print_json,
    run_async,
    settings_from,
)
from tocsin.doctor import Finding, examine
from tocsin.settings import ConfigError
from tocsin.wiring import make_notifier, profiles_of


def check(config: Config = None, as_json: Json = False) -> None:
    """Say whether the settings are valid, without looking at any server.

    Exit code 78 if they are not.

    Example: tocsin check --config plant.toml
    """
    settings = settings_from(config)
    try:
        profiles = profiles_of(settings)
        for receiver in settings.receivers:
            make_notifier(receiver, lambda: 0)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    found = {
        "log": settings.kafka.bootstrap_servers or f"embedded in {settings.data_dir}",
        "store": settings.influx.url or f"embedded in {settings.data_dir}",
        "profiles": [profile.name for profile in profiles],
        "receivers": [receiver.name for receiver in settings.receivers],
    }
    if as_json:
        print_json({"valid": True, **found})
    else:
        console.print("The settings are valid.", found)


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Look at everything that Tocsin needs: log, topics, readings, models, store, receivers.

    Exit code 3 if something is wrong; every complaint says what to do.

    Example: tocsin doctor --config plant.toml
    """
    found = run_async(examine(settings_from(config)))
    if as_json:
        print_json({"findings": [_plain(finding) for finding in found]})
    else:
        table = Table("", "what", "found", "what to do")
        for finding in found:
            sign = "[green]ok[/]" if finding.well else "[red]no[/]"
            table.add_row(sign, finding.what, finding.found, finding.remedy)
        console.print(table)
    if not all(finding.well for finding in found):
        raise typer.Exit(Exit.FINDINGS)


def version(as_json: Json = False) -> None:
    """Print the versions of Tocsin and of what it stands on."""
    names = ("tocsin", "torch", "aiokafka", "numpy", "influxdb-client")
    found = {name: installed(name) for name in names} | {"python": platform.python_version()}
    if as_json:
        print_json(found)
    else:
        console.print(
            " ".join(f"{name} {number}" for name, number in found.items()), soft_wrap=True
        )


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "well": finding.well,
        "found": finding.found,
        "remedy": finding.remedy,
    }
