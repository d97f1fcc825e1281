"""The commands about the settings themselves: write a first file, show what counts, the schema."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from tocsin.cli.shared import (
    Config,
    Json,
    add_row,
    console,
    fail,
    found_from,
    print_json,
)
from tocsin.settings.schema import render_schema
from tocsin.settings.shown import show as show_settings
from tocsin.settings.sources import DEFAULT_FILE
from tocsin.settings.starter import render_starter

app = typer.Typer(help="Write, show and describe the settings.", no_args_is_help=True)

_STANDARD_OUTPUT = Path("-")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write; - for standard output.")] = (
        DEFAULT_FILE
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a first settings file: every key, what it means, and its default.

    It is valid as it is, on the embedded log and store: put your own channels into it.

    Example: tocsin config init plant.toml
    """
    if path == _STANDARD_OUTPUT:
        sys.stdout.write(render_starter())
        return
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(render_starter())
    except FileExistsError:
        fail(f"{path} is there already: name another file, or overwrite it with --force")
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror}")
    named = "" if path == DEFAULT_FILE else f" --config {path}"
    console.print(f"Wrote {path}. Put your channels into it, then: tocsin check{named}")


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="And where each was said.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show every setting that counts; secrets are masked.

    Example: tocsin config show --origin
    """
    shown = list(show_settings(found_from(config)))
    if as_json:
        entries = ({"key": e.key, "value": e.value, "origin": e.origin} for e in shown)
        print_json({"settings": list(entries)})
        return
    if not origin:
        for each in shown:
            console.print(
                f"{each.key} = {each.text}", markup=False, highlight=False, soft_wrap=True
            )
        return
    table = Table("setting", "value", "from")
    for each in shown:
        add_row(table, each.key, each.text, each.origin)
    console.print(table)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the settings, with which editors check and complete the file.

    Example: tocsin config schema > tocsin.schema.json
    """
    sys.stdout.write(render_schema())
