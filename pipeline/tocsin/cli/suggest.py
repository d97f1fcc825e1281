"""The command ``suggest``: a profile and sizes for a table of one's own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.shared import Exit, fail, warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.core.formats.table import Chunk
    from tocsin.tools.backtest.columns import Columns
    from tocsin.tools.suggest import Suggestion


def suggest(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")
    ],
    name: Annotated[str, typer.Option("--name", "-n", help="What to call the profile.")] = "mine",
    time_column: Annotated[
        str, typer.Option("--time-column", "-t", help="Column with the time.")
    ] = "time",
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Column that is no channel, such as a label; may be given often."),
    ] = None,
) -> None:
    """Print a profile and sizes for recorded rows of one asset in normal operation, as TOML.

    Channels are the columns that hold numbers, but for those whose names say that they are labels.
    The period is how far rows are apart, and the length of a window comes from how fast the
    channels move. The sizes of the network are those of all profiles: where the settings have a
    [train] already, its two keys belong there.

    Example: tocsin suggest pump.csv --time-column datetime --ignore batch >> tocsin.toml
    """
    from tocsin.adapters.csv import TableFormat, read_table  # noqa: PLC0415 - brings numpy
    from tocsin.tools.backtest.columns import read_columns  # noqa: PLC0415
    from tocsin.tools.suggest import suggest_profile  # noqa: PLC0415

    def read(path: Path, column: str) -> "Iterable[Chunk]":
        return read_table(path, TableFormat(column, ignore=tuple(ignore or ())))

    try:
        table = read_columns(file, time_column, read)
        for said in table.notes:
            warn(said)
        found = suggest_profile(_drop_labels(table))
        said = render_settings(name, found, file.name)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    for still in found.still:
        warn(f"{still} never moves in {file.name}; is it a channel? if not: --ignore {still}")
    typer.echo(said, nl=False)


def _drop_labels(table: "Columns") -> "Columns":
    """Return the table without what says whether something was wrong, and say so."""
    from tocsin.tools.backtest.loaders import find_changes, find_labels  # noqa: PLC0415

    dropped = [*find_labels(table.found), *find_changes(table.found)]
    for name in dropped:
        warn(f"{table.path}: column {name!r} is left out: by its name it is a label, no channel")
    found = {name: cells for name, cells in table.found.items() if name not in dropped}
    return replace(table, found=found)


def render_settings(name: str, found: "Suggestion", source: str) -> str:
    """Return a profile and the sizes of its network as TOML, with what speaks for them.

    Raises:
        ValueError: If a name cannot be one of a profile or of a channel; says which.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from tocsin.settings.durations import format_duration  # noqa: PLC0415
    from tocsin.settings.outline import as_toml  # noqa: PLC0415
    from tocsin.settings.profiles import ProfileSettings  # noqa: PLC0415

    values = {
        "name": name,
        "channels": list(found.channels),
        "period": format_duration(found.period_ns),
        "length": found.sizes.length,
        "stride": found.stride,
        "max_gap": format_duration(found.max_gap_ns),
        "silent_after": format_duration(found.silent_after_ns),
    }
    try:
        ProfileSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(
            f"{first['loc'][0]}: {first['msg']}; choose another, or --ignore"
        ) from None
    sizes = found.sizes
    lines = [
        f"# From {found.rows} rows of {as_toml(source)}. {sizes.why}",
        "[[profiles]]",
        *(f"{key} = {as_toml(value)}" for key, value in values.items()),
        f"alerts.calm_count = {found.calm_count}",
        "",
        "# One for all profiles; if there is a [train] already, these two belong there.",
        "[train]",
        f"hidden = {sizes.hidden}",
        f"latent = {sizes.latent}",
    ]
    return "\n".join(lines) + "\n"
