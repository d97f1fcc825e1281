import re

import pytest
import typer

from desk import Desk
from tocsin.cli.main import app

COMMANDS = {
    *("demo", "run", "detect", "sink", "notify", "retrain", "train", "simulate", "replay"),
    "backtest",
    "benchmark",
    "suggest",
    *("topics create", "topics list", "models list", "models show", "models promote"),
    *("models rollback", "check", "doctor", "version"),
    *("secrets", "tokens", "page"),
    *("config init", "config show", "config schema"),
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def all_commands(group: typer.Typer = app, before: str = "") -> set[str]:
    names = set()
    for command in group.registered_commands:
        callback = command.callback
        assert callback is not None
        names.add(before + (command.name or callback.__name__))
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        names |= all_commands(inner.typer_instance, f"{before}{inner.name} ")
    return names


def test_there_are_the_commands_that_are_tested_here() -> None:
    assert all_commands() == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_every_command_has_an_example_of_it(desk: Desk, command: str) -> None:
    result = desk.call(*command.split(), "--help")
    text = " ".join(_COLOURS.sub("", result.stdout).split())
    assert result.exit_code == 0
    assert f"Example: tocsin {command}" in text


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_without_its_like_is_a_mistake_of_use(desk: Desk, command: str) -> None:
    result = desk.call(*command.split(), "--no-such-option")
    assert result.exit_code == 2
    assert "--no-such-option" in _COLOURS.sub("", result.stderr)


def test_without_a_command_there_is_help(desk: Desk) -> None:
    assert "tocsin demo" in desk.call().output
