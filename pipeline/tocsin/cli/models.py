"""Models: which there are, why, and which one scores."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.table import Table

from tocsin.cli.limits import for_people, limit_facts
from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    ProfileName,
    add_row,
    choose_profile,
    console,
    fail,
    print_facts,
    print_json,
    run_async,
    settings_from,
)
from tocsin.core.instants import clock_time, rfc3339
from tocsin.ports import Registry, Version
from tocsin.settings import Settings
from tocsin.wiring import demand_topics, open_log

if TYPE_CHECKING:
    from tocsin_models.bundle import Bundle

app = typer.Typer(help="See models, let one score, go back.", no_args_is_help=True)
T = TypeVar("T")


@app.command("list")
def list_models(config: Config = None, profile: ProfileName = "", as_json: Json = False) -> None:
    """List all versions, oldest first, with their verdicts.

    Example: tocsin models list --profile pump
    """
    settings = settings_from(config)
    name = choose_profile(settings, profile)
    found = _ask(settings, lambda registry: registry.versions(name))
    if as_json:
        print_json({"models": [_plain(version) for version in found]})
        return
    table = Table("version", "made", "standing", "why")
    for version in found:
        why = version.verdict.failing or "all checks passed"
        add_row(table, version.version, clock_time(version.created_ns), version.standing, why)
    console.print(table)


@app.command()
def show(
    version: str, config: Config = None, profile: ProfileName = "", as_json: Json = False
) -> None:
    """Show one version: what it was learned from, its limit, and its verdict.

    Fetching it checks its digests and its golden probe.

    Example: tocsin models show 3f9a0c5be1d2 --json
    """
    settings = settings_from(config)
    name = choose_profile(settings, profile)

    async def fetch(registry: Registry) -> "tuple[Bundle, Sequence[Version]]":
        return await registry.fetch(name, version), await registry.versions(name)

    bundle, versions = _ask(settings, fetch)
    entry = next(one for one in versions if one.version == version)
    content = {**_plain(entry), **limit_facts(bundle.calibration), "facts": dict(bundle.facts)}
    if as_json:
        print_json(content)
    else:
        print_facts(for_people(content))


@app.command()
def promote(
    version: str, config: Config = None, profile: ProfileName = "", as_json: Json = False
) -> None:
    """Let a version score, whatever its verdict; detectors take it up at their next checkpoint.

    Example: tocsin models promote 3f9a0c5be1d2
    """
    settings = settings_from(config)
    name = choose_profile(settings, profile)

    async def change(registry: Registry) -> str | None:
        before = await registry.champion(name)
        await registry.promote(name, version)
        return before

    _say_champion(name, version, _ask(settings, change), as_json=as_json)


@app.command()
def rollback(config: Config = None, profile: ProfileName = "", as_json: Json = False) -> None:
    """Let the model that scored before the present one score again: the two change places.

    So a second rollback undoes the first. To go further back, promote an older version.

    Example: tocsin models rollback --profile pump
    """
    settings = settings_from(config)
    name = choose_profile(settings, profile)

    async def change(registry: Registry) -> tuple[str, str | None]:
        before = await registry.champion(name)
        return await registry.rollback(name), before

    version, before = _ask(settings, change)
    _say_champion(name, version, before, as_json=as_json)


def _ask(settings: Settings, question: Callable[[Registry], Awaitable[T]]) -> T:
    from tocsin.wiring.models import make_registry  # noqa: PLC0415 - loads torch

    async def ask() -> T:
        async with open_log(settings) as log:
            await demand_topics(log, settings, ["registry"])
            return await question(make_registry(settings, log))

    try:
        return run_async(ask())
    except KeyError as missing:
        told = str(missing.args[0])
        fail(told if " " in told else f"there is no model {told}; see tocsin models list")
    except ValueError as error:
        fail(str(error), Exit.FAILED)


def _say_champion(profile: str, version: str, before: str | None, *, as_json: bool) -> None:
    replaced = None if before == version else before
    if as_json:
        print_json({"profile": profile, "champion": version, "replaced": replaced})
        return
    said = f"{version} scores {profile} from the next checkpoint on"
    said += f", in place of {replaced}; a rollback lets that one score again" if replaced else ""
    console.print(said, soft_wrap=True)


def _plain(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "profile": version.profile,
        "made": rfc3339(version.created_ns),
        "standing": version.standing,
        "promoted": version.verdict.promoted,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "value": check.value,
                "bound": check.bound,
                "why": check.sentence,
            }
            for check in version.verdict.checks
        ],
    }
