"""What the table ``train`` of the settings makes of a recipe, and what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin.settings import Settings, TrainSettings
from tocsin.wiring.models import recipe_of
from tocsin_models.learning import Recipe
from tocsin_models.members import Member, choose_member
from tocsin_models.networks import Order
from tocsin_models.scaling import Scale


def recipe(**train: Any) -> Recipe:
    return recipe_of(Settings(train=TrainSettings(**train)))


def test_every_option_of_the_family_reaches_the_recipe() -> None:
    found = recipe(
        sparsity=4,
        forecast=True,
        reversed=True,
        noise=0.2,
        scale="own",
        sifted=True,
        learning_rate=0.001,
    )

    assert (found.network.active, found.network.forecast) == (4, True)
    assert found.network.order is Order.REVERSED
    assert found.scale is Scale.OWN
    assert found.scoring.sifted
    assert (found.training.noise, found.training.learning_rate) == (0.2, 0.001)


@pytest.mark.parametrize("member", Member)
def test_what_is_not_said_is_what_the_member_is_made_with(member: Member) -> None:
    found, made = recipe(model=member.value), choose_member(member)

    assert found.network == made.network
    assert (found.training.noise, found.training.hide) == (made.training.noise, made.training.hide)


def test_what_is_said_goes_before_what_the_member_is_made_with() -> None:
    assert recipe(model="denoising", noise=0.1).training.noise == 0.1
    assert recipe(model="sparse", sparsity=40).network.active == 40


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"model": "pca", "noise": 0.1}, "noise: a pca is found in one step"),
        ({"model": "pca", "sparsity": 2}, "sparsity: a model of pca cannot be sparse"),
        ({"model": "variational", "sparsity": 2}, "sparsity: a model of variational cannot"),
        ({"model": "conv", "reversed": True}, "reversed: only an lstm has an order"),
        ({"sparsity": 17}, "sparsity: choose at most 16"),
        ({"model": "sparse", "sparsity": 65}, "sparsity: choose at most 64"),
        ({"noise": -0.1}, "noise"),
        ({"learning_rate": 0}, "learning_rate"),
    ],
)
def test_what_makes_no_sense_together_is_refused_with_what_to_do(
    train: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainSettings(**train)
