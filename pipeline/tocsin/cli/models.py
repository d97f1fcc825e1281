"""Models: which there are, why, and which one scores."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

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
from tocsin.ports import Registry, Version
from tocsin.settings import Settings
from tocsin.wiring import outside
from tocsin_models.bundle import Bundle

app = typer.Typer(help="See models, let one score, go back.", no_args_is_help=True)
T = TypeVar("T")

Profile = Annotated[str, typer.Option("--profile", "-p", help="Which kind of asset.")]


@app.command("list")
def list_models(config: Config = None, profile: Profile = "default", as_json: Json = False) -> None:
    """List all versions, oldest first, with their verdicts."""
    found = _ask(settings_from(config), lambda registry: registry.versions(profile))
    if as_json:
        print_json({"models": [_plain(version) for version in found]})
        return
    table = Table("version", "made", "standing", "why")
    for version in found:
        failed = [check.sentence for check in version.verdict.checks if not check.passed]
        table.add_row(
            version.version,
            _time(version.created_ns),
            version.standing,
            "; ".join(failed) or "all checks passed",
        )
    console.print(table)


@app.command()
def show(
    version: str, config: Config = None, profile: Profile = "default", as_json: Json = False
) -> None:
    """Show one version: what it was learned from, its limit, and its verdict.

    Fetching it checks its digests and its golden probe.
    """

    async def fetch(registry: Registry) -> tuple[Bundle, Sequence[Version]]:
        return await registry.fetch(profile, version), await registry.versions(profile)

    bundle, versions = _ask(settings_from(config), fetch)
    entry = next(one for one in versions if one.version == version)
    content = {**_plain(entry), "limit": bundle.calibration.limit, "facts": dict(bundle.facts)}
    if as_json:
        print_json(content)
        return
    for name, value in content.items():
        console.print(f"[bold]{name}[/]", value)


@app.command()
def promote(version: str, config: Config = None, profile: Profile = "default") -> None:
    """Let a version score, whatever its verdict; detectors take it up at their next checkpoint."""
    _ask(settings_from(config), lambda registry: registry.promote(profile, version))
    console.print(f"{version} scores {profile} from the next checkpoint on")


@app.command()
def rollback(config: Config = None, profile: Profile = "default") -> None:
    """Let the version before the present one score again."""
    version = _ask(settings_from(config), lambda registry: registry.rollback(profile))
    console.print(f"{version} scores {profile} from the next checkpoint on")


def _ask(settings: Settings, question: Callable[[Registry], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with outside(settings) as ports:
            return await question(ports.registry)

    try:
        return run_async(ask())
    except KeyError as missing:
        fail(f"there is no model {missing}; see tocsin models list", Exit.FAILED)
    except ValueError as error:
        fail(str(error), Exit.FAILED)


def _plain(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "profile": version.profile,
        "made": _time(version.created_ns),
        "standing": version.standing,
        "promoted": version.verdict.promoted,
        "checks": [
            {
                "name": c.name,
                "passed": c.passed,
                "value": c.value,
                "bound": c.bound,
                "why": c.sentence,
            }
            for c in version.verdict.checks
        ],
    }


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="seconds")
