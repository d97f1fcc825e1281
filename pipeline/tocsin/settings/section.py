"""What the tables of the settings are made of."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tocsin.core.points import unwritable
from tocsin.settings.secret_files import read_secret


class Misfits(ValueError):  # noqa: N818 - what does not fit together, one by one
    """Mistakes of one table: what is said about which of its keys."""

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {sentence}" for key, sentence in found))
        self.found = tuple(found)


def _holds_a_secret(path: Path | None) -> Path | None:
    if path is not None:
        read_secret(path)
    return path


def _writable(name: str) -> str:
    if reason := unwritable(name):
        raise ValueError(f"choose another name for {name!r}: {reason}")
    return name


Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")]
"""A name that Kafka takes."""

Name = Annotated[str, AfterValidator(_writable)]
"""A name that InfluxDB takes."""

File = Annotated[Path | None, BeforeValidator(lambda path: path or None)]
"""The path of a file, or none; an empty variable means none too."""

SecretFile = Annotated[File, AfterValidator(_holds_a_secret)]
"""The path of a file with a secret in it, or none."""


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_secrets(values: Any) -> Any:
    """Put the content of every ``NAME_file`` in the place of ``NAME``.

    A file that cannot be read is left to the validation of `SecretFile`, which says so.
    """
    if not isinstance(values, dict):
        return values
    read = dict(values)
    for key, path in values.items():
        if key.endswith("_file") and key != "ca_file" and path:
            with suppress(TypeError, ValueError):
                read[key.removesuffix("_file")] = read_secret(Path(path))
    return read
