"""The first settings file: every key with what it means, made from the settings themselves."""

from collections.abc import Iterator
from textwrap import wrap

from tocsin.settings.outline import Key, Table, outline

SCHEMA_NAME = "tocsin.schema.json"

_WIDTH = 96
_HEAD = f"""\
#:schema ./{SCHEMA_NAME}
# Settings of Tocsin. What stands behind a # is the default, or an example where there is none.
#
#   tocsin check                     are the settings valid?
#   tocsin doctor                    are the servers there?
#   tocsin config show --origin      what counts, and where it was said
#   tocsin config schema > {SCHEMA_NAME}    lets an editor help with this file
#
# Environment variables win over this file, files in the folder $TOCSIN_SECRETS_DIR over both, and
# --set table.key=value over all. Durations are written like 30s, 5m, 1h30m or 250ms.
"""


def render_starter() -> str:
    """Return a file that is valid as it is; what has to be given stands there with an example."""
    return "\n".join([_HEAD.rstrip(), *_table(outline())]) + "\n"


def _table(table: Table) -> Iterator[str]:
    """Give the lines of a table; one that needs something nobody has yet is commented out."""
    needed = [key for key in table.keys if key.field.is_required()]
    optional = table.array and len(needed) > 1
    if table.path:
        yield ""
        yield from _comment(table.meaning)
        yield f"# {table.title}" if optional else table.title
    for key in table.keys:
        yield ""
        yield from _comment(f"{key.meaning} ({_facts(key)})")
        value = key.default if key.default not in ("", '""') else key.example or key.default
        live = key.field.is_required() and not optional
        yield f"{'' if live else '# '}{key.name} = {value}"
    for inner in table.tables:
        yield from _table(inner)


def _facts(key: Key) -> str:
    needed = "needed" if key.field.is_required() else ""
    return "; ".join(filter(None, [key.kind, needed, key.variable, key.secret_file]))


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in wrap(text.replace("``", "`"), _WIDTH))
