from dataclasses import replace

import pytest

from backtesting import QUICK
from tocsin.tools.backtest.controls import Pca
from tocsin.tools.backtest.entrants import make_entrants, own_recipe
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.names import CONTROLS, MEMBERS, MODELS
from tocsin_models.members import Member
from tocsin_models.networks import Output
from tocsin_models.senses import Aspect


def test_everyone_who_can_be_named_takes_part_under_that_name() -> None:
    entrants = make_entrants(QUICK)

    assert tuple(entrants) == MODELS
    assert [make().name for make in entrants.values()] == list(MODELS)


def test_every_member_of_the_family_takes_part_once() -> None:
    assert sorted([*MEMBERS, "pca"]) == sorted(Member)
    assert "pca" in CONTROLS


def test_the_default_is_learned_as_told_and_a_member_as_that_member() -> None:
    policy = ReplayPolicy(length=16)
    entrants = make_entrants(QUICK, policy)

    assert entrants["default"]() == ModelEntrant("default", QUICK, policy)
    assert entrants["conv"]() == ModelEntrant("conv", own_recipe(Member.CONV, QUICK), policy)
    assert entrants["pca"]() == Pca(own_recipe(Member.PCA, QUICK), policy)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_is_judged_by_what_its_network_alone_has_to_say(name: str) -> None:
    entrant = make_entrants(QUICK)[name]()

    assert isinstance(entrant, ModelEntrant)
    assert entrant.recipe.scoring.aspects == (Aspect.RESIDUAL, Aspect.ERROR)


def test_a_member_that_cannot_be_made_keeps_nobody_else_away() -> None:
    unit = replace(QUICK, network=replace(QUICK.network, output=Output.UNIT))
    entrants = make_entrants(replace(unit))

    assert entrants["t2-ewma"]().name == "t2-ewma"
    with pytest.raises(ValueError, match="network: "):
        own_recipe(Member.PCA, unit)
