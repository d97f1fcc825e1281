"""Docs whose commands can be run as they stand: what is hidden before a block says how.

Directives stand in a comment right before a block, apart by ``;``. ``file NAME`` and ``append
NAME`` write the block to a file; ``background`` runs it and goes on, once ``until TEXT`` was
printed; ``background each`` does so with every line; ``stop`` ends all that runs there before;
``repository`` runs it there; ``exit N`` is the code that is expected. What else there is, is told
to whoever reads the docs before the block is run.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 180.0

_BLOCK = re.compile(r"(?:<!-- ([^>]*?) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code and what is to be done with it."""

    language: str
    code: str
    directives: tuple[str, ...]

    def named(self, verb: str) -> list[str]:
        """Return what stands behind ``verb`` in every directive that begins with it."""
        found = (directive.partition(" ") for directive in self.directives)
        return [rest for first, _, rest in found if first == verb]


def blocks(paper: Path) -> Iterator[Block]:
    """Give the blocks of a paper in their order."""
    for comment, language, code in _BLOCK.findall(paper.read_text()):
        yield Block(language, code, tuple(filter(None, re.split(r";\s*", comment))))


@dataclass(slots=True)
class Reader:
    """Somebody who does in ``folder``, or in the ``repository``, what a paper says."""

    folder: Path
    repository: Path
    environment: dict[str, str]
    hints: Mapping[str, Callable[["Reader"], None]]
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, block: Block) -> None:
        for directive in block.directives:
            if hint := self.hints.get(directive):
                hint(self)
        if block.named("stop"):
            self.stop()
        for name in block.named("file"):
            (self.folder / name).write_text(block.code)
        for name in block.named("append"):
            with (self.folder / name).open("a") as file:
                file.write(block.code)
        if block.language == "sh":
            self._run(block)

    def said(self, number: int = -1) -> str:
        """Return what the newest, or another, program in the background printed."""
        return self._output(number % len(self._running)).read_text(errors="replace")

    def stop(self) -> None:
        """End what runs in the background, as Ctrl-C does."""
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        for process in self._running:
            process.wait(30)

    def kill(self) -> None:
        """End what runs in the background at once."""
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _run(self, block: Block) -> None:
        kinds = block.named("background")
        if not kinds:
            self._run_to_end(block)
            return
        for line in block.code.splitlines() if kinds == ["each"] else [block.code]:
            self._start(line, self._place(block))
            self._await(block.named("until"))

    def _place(self, block: Block) -> Path:
        return self.repository if block.named("repository") else self.folder

    def _run_to_end(self, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-euc", block.code],
            cwd=self._place(block),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        wanted = [int(code) for code in block.named("exit")] or [0]
        assert done.returncode == wanted[0], (
            f"{block.code} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )

    def _start(self, code: str, place: Path) -> None:
        with self._output(len(self._running)).open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euc", code],
                cwd=place,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)

    def _await(self, texts: list[str]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not all(text in self.said() for text in texts):
            assert self._running[-1].poll() is None, f"it ended too early:\n{self.said()}"
            assert time.monotonic() < deadline_s, f"it did not say {texts}:\n{self.said()}"
            time.sleep(0.1)

    def _output(self, number: int) -> Path:
        return self.folder / f"output-{number}.txt"


@contextmanager
def reading(reader: Reader) -> Iterator[Reader]:
    """Give a reader whose programs end with the block, however it ends."""
    try:
        yield reader
    finally:
        reader.kill()
