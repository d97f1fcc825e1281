import tomllib
from pathlib import Path

import numpy as np
import pytest

from desk import Desk
from tocsin.cli.benchmarking import read_csv
from tocsin.core.profile import Profile
from tocsin.settings import ConfigError, load_settings
from tocsin.tools.backtest.columns import read_columns
from tocsin.wiring.models import recipe_of
from tocsin_models.networks import NetworkPolicy
from tocsin_models.sizes import choose_sizes


def write_table(desk: Desk, *, rows: int = 1_200, step_s: int = 10) -> Path:
    """Write a swing of 48 rows in two channels, a channel that rests, a label and a word."""
    chance = np.random.default_rng(0)
    turn = 2 * np.pi * np.arange(rows) / 48
    lines = ["datetime;flow;heat;valve;anomaly;state"]
    for row in range(rows):
        flow, heat = np.sin(turn[row] + np.arange(2)) + 0.1 * chance.normal(size=2)
        time_s = 1_700_000_000 + row * step_s
        lines.append(f"{time_s};{flow:.4f};{heat:.4f};1.5;{row % 2};running")
    path = desk.folder / "swing.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def suggested(desk: Desk, *words: str | Path) -> Profile:
    """Return the profile that the settings have when what is suggested is all that is in them."""
    result = desk.call("suggest", *words, "--ignore", "anomaly", "-t", "datetime")
    assert result.exit_code == 0, result.stderr
    path = desk.write(result.stdout)
    return load_settings(path).profiles[0].profile()


def test_what_is_suggested_can_be_used_as_it_is(desk: Desk) -> None:
    profile = suggested(desk, write_table(desk), "--name", "swing")

    assert profile.name == "swing"
    assert profile.channels == ("flow", "heat", "valve")
    assert profile.period_ns == 10 * 10**9
    assert (profile.length, profile.stride) == (48, 2)
    assert profile.alerts.calm_count == 10


def test_labels_and_changes_are_no_channels(desk: Desk) -> None:
    table = write_table(desk)
    text = table.read_text().replace("valve", "changepoint", 1)
    table.write_text(text)

    result = desk.call("suggest", table, "-t", "datetime")

    assert 'channels = ["flow", "heat"]' in result.stdout
    for name in ("anomaly", "changepoint"):
        assert f"column '{name}' is left out: by its name it is a label" in result.stderr
    assert "never moves" not in result.stderr


def test_a_model_is_learned_in_the_sizes_that_are_suggested(desk: Desk) -> None:
    table = write_table(desk)
    desk.write(desk.call("suggest", table, "-t", "datetime", "--ignore", "anomaly").stdout)

    assert desk.call("check").exit_code == 0
    sizes = choose_sizes(read_columns(table, "datetime", read_csv).matrix(["flow", "heat"]))
    recipe = recipe_of(load_settings(desk.folder / "tocsin.toml"))
    assert (recipe.network.hidden, recipe.network.latent) == (sizes.hidden, sizes.latent)
    assert (sizes.hidden, sizes.latent) != (NetworkPolicy().hidden, NetworkPolicy().latent)
    learned = desk.ask("train", table, "-t", "datetime", "--set", "train.epochs=1")
    assert learned["version"]


def test_a_second_table_of_sizes_is_no_secret(desk: Desk) -> None:
    said = desk.call("suggest", write_table(desk), "-t", "datetime").stdout
    path = desk.write("[train]\nepochs = 3\n" + said)

    with pytest.raises(ConfigError, match="'train'"):
        load_settings(path)
    assert "if there is a [train] already" in said


def test_it_says_why(desk: Desk) -> None:
    said = desk.call("suggest", write_table(desk), "-t", "datetime", "--ignore", "anomaly")

    assert "1200 rows" in said.stdout
    assert "a cycle of 48 rows" in said.stdout
    assert "valve never moves" in said.stderr


@pytest.mark.parametrize("step_s", [1, 60, 3_600])
def test_rare_readings_have_wider_holes(desk: Desk, step_s: int) -> None:
    profile = suggested(desk, write_table(desk, step_s=step_s))

    assert profile.period_ns == step_s * 10**9
    assert profile.max_gap_ns >= profile.period_ns
    assert profile.silent_after_ns >= 20 * profile.period_ns


@pytest.mark.parametrize("rows", [120, 700, 1_200, 5_000])
def test_the_stride_divides_the_length_and_leaves_enough_windows(desk: Desk, rows: int) -> None:
    profile = suggested(desk, write_table(desk, rows=rows))

    assert profile.length % profile.stride == 0
    assert profile.alerts.calm_count == max(5, np.ceil(20 / profile.stride))
    assert profile.stride == 1 or (rows - profile.length) // profile.stride + 1 >= 500


def test_a_column_that_is_not_there_is_named(desk: Desk) -> None:
    result = desk.call("suggest", write_table(desk), "-t", "date_time")

    assert result.exit_code == 2
    assert "did you mean 'datetime'?" in result.stderr


def test_times_that_go_back_are_a_mistake(desk: Desk) -> None:
    path = write_table(desk)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")

    result = desk.call("suggest", path, "-t", "datetime")

    assert result.exit_code == 2
    assert "sort the rows" in result.stderr


def test_a_table_without_numbers_is_a_mistake(desk: Desk) -> None:
    path = desk.write("time,state\n1700000000,on\n1700000001,off\n", "words.csv")

    result = desk.call("suggest", path)

    assert result.exit_code == 2
    assert "no column but the time holds numbers" in result.stderr


def test_a_name_that_nothing_can_be_called_is_a_mistake(desk: Desk) -> None:
    result = desk.call("suggest", write_table(desk), "-t", "datetime", "--name", "a\nb")

    assert result.exit_code == 2
    assert "name: " in result.stderr


def test_the_snippet_can_stand_behind_what_is_there(desk: Desk) -> None:
    result = desk.call("suggest", write_table(desk), "-t", "datetime")

    both = tomllib.loads('[[profiles]]\nname = "old"\nchannels = ["a"]\n' + result.stdout)

    assert [each["name"] for each in both["profiles"]] == ["old", "mine"]
