"""Topics: make them, and see whether they are as they should be."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    add_row,
    console,
    print_json,
    run_async,
    settings_from,
)
from tocsin.ports import TopicFinding
from tocsin.settings import Settings
from tocsin.wiring import declare_topics, make_log

app = typer.Typer(help="Make and check the topics.", no_args_is_help=True)


@app.command()
def create(
    config: Config = None,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
) -> None:
    """Create the topics that are missing, and check those that are there.

    A topic of readings that is there already stays as it is, and the others get its number of
    partitions. Exit code 3 if a topic is missing still or is not as Tocsin needs it.

    Example: tocsin topics create --config plant.toml
    """
    _show(settings_from(config), as_json=as_json, create=not dry_run)


@app.command("list")
def list_topics(config: Config = None, as_json: Json = False) -> None:
    """Say of every topic whether it is there and as it should be.

    Exit code 3 if one is not.

    Example: tocsin topics list --json
    """
    _show(settings_from(config), as_json=as_json, create=False)


def _show(settings: Settings, *, as_json: bool, create: bool) -> None:
    async def declare() -> Sequence[TopicFinding]:
        async with make_log(settings) as log:
            return await declare_topics(log, settings, create=create)

    found = run_async(declare())
    if as_json:
        print_json(
            {"topics": [{"name": f.name, "state": f.state, "detail": f.detail} for f in found]}
        )
    else:
        table = Table("topic", "state", "detail")
        for finding in found:
            add_row(table, finding.name, finding.state, finding.detail)
        console.print(table)
    if any(finding.state in ("missing", "different") for finding in found):
        raise typer.Exit(Exit.FINDINGS)
