"""docs/models.md does what it says: its examples run, and its tables name what there is."""

import re
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tocsin_models.losses import Loss
from tocsin_models.members import Member
from tocsin_models.networks import Form, NetworkPolicy
from tocsin_models.training import TrainingPolicy

WORDS = {"False": "off", "0.0": "0"}
PAPER = (Path(__file__).parents[2] / "docs" / "models.md").read_text()


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What the page's examples leave behind, run one after the other."""
    torch.set_num_threads(1)
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", PAPER, re.DOTALL):
        exec(code, names)  # noqa: S102 - our own page
    return names


def test_the_fault_is_found_and_its_channel_is_blamed(said: dict[str, Any]) -> None:
    abnormal = said["abnormal"]

    assert abnormal[:90].sum() == 0
    assert abnormal[100:].mean() > 0.8
    assert said["CHANNELS"][said["blame"].argmax()] == "flow"


def test_noise_is_taken_away_and_the_lost_sensor_is_told(said: dict[str, Any]) -> None:
    assert (said["still_wrong"][:2] < 0.7 * said["was_wrong"]).all()
    assert said["still_wrong"][2] < 0.5 * said["windows"][:, :, 2].std()


def test_what_runs_otherwise_lies_apart_on_the_map(said: dict[str, Any]) -> None:
    outside, usual = said["outside"], len(said["usual"])

    assert outside[:usual].sum() == 0
    assert outside[usual:].mean() > 0.9


def test_latent_numbers_serve_another_model(said: dict[str, Any]) -> None:
    assert said["right"] > 0.9


def test_little_is_lost_when_windows_become_latent_numbers(said: dict[str, Any]) -> None:
    assert said["found"].ratio == 16
    assert (said["found"].error < 0.5).all()
    assert said["back"].shape == said["windows"].shape


def test_windows_that_are_made_keep_the_channels_linked(said: dict[str, Any]) -> None:
    made = said["made"]

    assert made.shape == (100, 16, 3)
    assert np.corrcoef(made[:, -1, 0], made[:, -1, 1])[0, 1] > 0.9


def test_sizes_are_chosen_from_rows(said: dict[str, Any]) -> None:
    assert said["sizes"].period == 44  # the pump's speed turns once in 2 pi * 7 seconds
    assert said["sizes"].length == 48


def test_a_model_that_has_learned_does_not_copy(said: dict[str, Any]) -> None:
    assert not said["asked"].copies
    assert said["asked"].noise > 0.75
    assert said["asked"].ratio > 5


def test_every_member_and_loss_is_told_of() -> None:
    table = PAPER.split("## The family")[1].split("## Learning")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Member)
    assert [name for name in (*Form, *Loss) if f"`{name}`" not in PAPER] == []


@pytest.mark.parametrize("policy", [NetworkPolicy, TrainingPolicy])
def test_options_in_the_tables_are_those_that_there_are(policy: type) -> None:
    title = "of the network" if policy is NetworkPolicy else "of the training"
    table = PAPER.split(f"| {title} |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", table, re.MULTILINE)
    told = dict[str, str]()
    for names, defaults in rows:
        told |= dict(
            zip_longest(re.findall(r"\w+", names), re.findall(r"[\w.]+", defaults), fillvalue="")
        )
    known = {each.name: each.default for each in fields(policy)}

    shown = {name: default for name, default in told.items() if default}
    assert shown == {name: WORDS.get(str(known[name]), str(known[name])) for name in shown}
    assert len(shown) >= 5
