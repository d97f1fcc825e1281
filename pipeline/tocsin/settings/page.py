"""The page about settings, made from the settings: ``python -m tocsin.settings.page``."""

import sys
from collections.abc import Iterator

from tocsin.settings.outline import Key, Table, choices_of, outline

_INTRODUCTION = """\
# Settings

<!-- made by: python -m tocsin.settings.page > docs/settings.md -->

`tocsin config init` writes a first file with every key in it and what it means. Everything has a
default but the channels of a profile, and the name and address of a receiver.

## Where a setting comes from

From low to high; where several say something about the same key, the last one counts:

1. **A TOML file**: the one named by `--config`, else the one named by `TOCSIN_CONFIG`, else
   `tocsin.toml` in the current folder, if it is there.
2. **Environment variables**: `TOCSIN_`, the table, two underscores and the key, as in
   `TOCSIN_KAFKA__BOOTSTRAP_SERVERS`. Lists of tables are JSON there:
   `TOCSIN_PROFILES='[{"channels": ["flow"]}]'`.
3. **Secret files** in the folder that `TOCSIN_SECRETS_DIR` names, such as `/run/secrets` in a
   container. Their names, where a receiver's own name stands for `NAME`:
   @SECRETS@.
   No folder is looked into that is not named, and links that lead out of it are not followed.
4. **Flags**: `--set table.key=value`, any number of times, on every command that reads settings.
   Tables in a list go by their name: `--set profiles.pump.stride=4`. Secrets are refused here,
   since everybody on a machine can read its command lines.

`tocsin config show --origin` says what counts, and where it was said.

`tocsin check` says whether settings are valid, every mistake in a line of its own with the place
where it stands, and looks at no server. What is valid but probably not meant, such as a secret that
everybody can read, it tells as a warning. `tocsin doctor` looks at the servers.

- **Durations** are written like `30s`, `5m`, `1h30m` or `250ms`, with ns, us, ms, s, m, h and d; a
  bare number in the file counts seconds.
- **Secrets** are best kept in files: in the folder of secrets, or named by `token_file`,
  `secret_file` and `sasl_password_file`. Such a name wins over the setting without `_file`,
  wherever either stands; a file in the folder of secrets wins over both, unless a flag says
  otherwise. Secrets are never logged or shown.
- **Editors** can check and complete the file: `tocsin config schema > tocsin.schema.json` writes a
  [JSON Schema](tocsin.schema.json), and the first line of a file made by `tocsin config init` names
  it.
"""


def render() -> str:
    """Return the page, in Markdown."""
    keys = [key.secret_file for table in outline().tables for key in table.keys]
    names = ", ".join(f"`{name}`" for name in keys if name)
    return "\n".join([_INTRODUCTION.replace("@SECRETS@", names), *_table(outline())])


def _table(table: Table) -> Iterator[str]:
    """Give the lines about one table, then those about the tables in it."""
    listed = all(key.variable for key in table.keys)
    yield f"## `{table.title}`\n" if table.path else "## At the top of the file\n"
    if table.path:
        yield f"{table.meaning.replace('``', '`')}\n"
    yield f"| key | type | default | meaning |{' environment |' if listed else ''}"
    yield f"| --- | --- | --- | --- |{' --- |' if listed else ''}"
    for key in table.keys:
        cells = [f"`{key.name}`", _kind(key), _default(key), key.meaning]
        cells += [f"`{key.variable}`"] if listed else []
        yield f"| {' | '.join(cells)} |"
    yield ""
    for inner in table.tables:
        yield from _table(inner)


def _kind(key: Key) -> str:
    return " or ".join(f"`{choice}`" for choice in choices_of(key.field)) or key.kind


def _default(key: Key) -> str:
    if key.field.is_required():
        return "needed"
    return f"`{key.default}`" if key.default not in ("", '""') else ""


if __name__ == "__main__":
    sys.stdout.write(render())
