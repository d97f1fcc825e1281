"""A folder with settings in it, and the command line called there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from tocsin.cli.main import app
from tocsin.tools.plan import Plan
from tocsin.tools.plant import CHANNELS, Plant
from tocsin.tools.simulate import make_table

CHANNEL_NAMES = [channel.name for channel in CHANNELS]

SMALL = f"""
[[profiles]]
name = "pump"
channels = {json.dumps(CHANNEL_NAMES)}
length = 16
stride = 4

[train]
hidden = 4
latent = 2
epochs = 2
budget = 0.05
"""
"""Settings of a plant of pumps on the embedded log, with a network that learns in no time."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The current folder of a person who types commands."""

    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def write(self, text: str, name: str = "tocsin.toml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def call(self, *words: str | Path) -> Result:
        result = self.runner.invoke(app, [str(word) for word in words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ask(self, *words: str | Path, code: int = 0) -> Any:
        """Return what a command prints as JSON, which has to be all that it prints."""
        result = self.call(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def table(self, rows: int, name: str = "pump.csv") -> Path:
        """Write what one pump measures in its first ``rows`` seconds."""
        path = self.folder / name
        start_ns = 1_767_571_200_000_000_000
        with path.open("w") as file:
            file.write(",".join(["datetime", *CHANNEL_NAMES]) + "\n")
            for chunk in make_table(Plan(Plant(1, ["pump-1"])), start_ns, rows):
                for time_ns, values in zip(chunk.time_ns, chunk.values, strict=True):
                    cells = [str(time_ns), *(str(v) for v in values)]
                    file.write(",".join(cells) + "\n")
        return path
