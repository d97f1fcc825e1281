from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from desk import Desk

Learn = Callable[[int], str]


@pytest.fixture
def learn(plant: Desk, lesson: Path) -> Learn:
    """Learn from some rows and let the model score, whatever its verdict; give its version."""

    def train(rows: int) -> str:
        words = ("train", str(lesson), "-t", "datetime", "--rows", str(rows), "--json")
        assert plant.call(*words).exit_code in (0, 3)
        version = str(plant.ask("models", "list")["models"][-1]["version"])
        plant.ask("models", "promote", version)
        return version

    return train


def standings(desk: Desk) -> dict[str, str]:
    listed = desk.ask("models", "list")["models"]
    return {each["version"]: each["standing"] for each in listed}


def test_without_models_the_list_is_empty(plant: Desk) -> None:
    assert plant.ask("models", "list") == {"models": []}
    assert plant.call("models", "list").exit_code == 0


def test_a_model_can_be_gone_back_from_and_promoted_again(plant: Desk, learn: Learn) -> None:
    first, second = learn(1_000), learn(1_200)
    assert standings(plant) == {first: "previous", second: "champion"}
    gone = {"profile": "pump", "champion": first, "replaced": second}
    assert plant.ask("models", "rollback") == gone
    assert standings(plant) == {first: "champion", second: "previous"}
    assert plant.ask("models", "promote", second)["champion"] == second
    assert standings(plant) == {first: "previous", second: "champion"}
    assert plant.ask("models", "promote", second)["replaced"] is None  # it scored already
    assert plant.call("models", "rollback").stdout == (
        f"{first} scores pump from the next checkpoint on, in place of {second}; "
        "a rollback lets that one score again\n"
    )


def test_a_model_tells_what_it_was_learned_from(plant: Desk, learn: Learn) -> None:
    version = learn(1_200)
    shown = plant.ask("models", "show", version)
    assert (shown["version"], shown["standing"], shown["profile"]) == (version, "champion", "pump")
    assert shown["limit"] > 0
    assert all(check["why"] for check in shown["checks"])
    told = plant.call("models", "show", version).stdout
    assert version in told
    assert f"limit {shown['limit']:.4g}, {shown['limit_method']}: {shown['limit_reason']}" in told
    listed = plant.call("models", "list").stdout
    assert version in listed
    assert f"{datetime.fromisoformat(shown['made']):%Y-%m-%d %H:%M:%S} UTC" in listed


@pytest.mark.parametrize("command", ["show", "promote"])
def test_a_version_that_is_not_there_is_said_not_to_be(plant: Desk, command: str) -> None:
    result = plant.call("models", command, "0000")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "tocsin: there is no model 0000; see tocsin models list\n"


def test_there_is_no_way_back_from_the_first_model(plant: Desk, learn: Learn) -> None:
    learn(1_200)
    result = plant.call("models", "rollback")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "tocsin: profile pump has no previous model\n"


def test_with_two_profiles_one_has_to_be_chosen(plant: Desk) -> None:
    plant.write("[[profiles]]\nname = 'a'\nchannels = ['x']\n[[profiles]]\nchannels = ['y']")
    result = plant.call("models", "list")
    assert (result.exit_code, result.stderr) == (
        2,
        "tocsin: --profile is needed; the settings have a, default\n",
    )
    assert plant.ask("models", "list", "--profile", "a") == {"models": []}
