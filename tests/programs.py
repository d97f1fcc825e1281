"""The program `tocsin` as a person runs it: settings in a file, processes that can be killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.servers import GUARD
from tocsin.settings import Settings, load_settings

TOCSIN = Path(sys.executable).with_name("tocsin")
PATIENCE_S = 30.0

Tables = Sequence[tuple[str, Mapping[str, object]]]


class Program:
    """A running process; it ends with the tests, however they end."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(GUARD), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end with SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return what it has logged of one kind."""
        lines = self._log.read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.startswith("{") and line.endswith("\n")]
        return [entry for entry in map(json.loads, whole) if entry["event"] == event]

    def _end(self, number: int) -> int:
        process = self._process
        try:
            if process.poll() is None:
                os.killpg(process.pid, number)
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            if process.stdin:
                process.stdin.close()


@dataclass(frozen=True, slots=True)
class Site:
    """One Tocsin: its settings file and what stands in it."""

    config: Path
    settings: Settings

    def call(self, *words: str | Path) -> Any:
        """Run a command to its end and return the JSON that it printed."""
        command = [str(TOCSIN), *map(str, words), "--config", str(self.config), "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    @contextmanager
    def runs(self, role: str) -> Iterator[Program]:
        """Run a role for as long as the block lasts; what it said is told where that fails."""
        log = self.config.with_name(f"{self.config.stem}-{role}-{os.urandom(4).hex()}.log")
        program = Program([str(TOCSIN), role, "--config", str(self.config)], log)
        try:
            yield program
        except BaseException as error:
            error.add_note(f"{log.name}:\n{log.read_text()}")
            raise
        finally:
            program.kill()


def make_site(config: Path, tables: Tables) -> Site:
    """Write a settings file of ``tables``; a name in brackets is one of an array of tables."""
    lines = []
    for name, table in tables:
        lines.append(f"[{name}]" if name else "")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("\n".join(lines))
    return Site(config, load_settings(config))
