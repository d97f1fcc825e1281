"""Who takes part in a benchmark, by name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from tocsin.tools.backtest.controls import Always, Forest, Pca, T2Ewma
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.names import DEFAULT, MEMBERS, MODELS
from tocsin.tools.backtest.series import Entrant
from tocsin_models.learning import Recipe
from tocsin_models.members import Member, choose_member
from tocsin_models.scoring import OWN_ASPECTS


def make_entrants(
    recipe: Recipe, policy: ReplayPolicy | None = None
) -> Mapping[str, Callable[[], Entrant]]:
    """Return what makes each entrant, in the order of the tables.

    The family's PCA is one of the controls: there is no other.

    Args:
        recipe: How ``default`` is learned. The members of the family differ from it in what
            ``own_recipe`` says, and in nothing else.
        policy: How series become windows, for all of our models.
    """
    policy = policy or ReplayPolicy()
    made: dict[str, Callable[[], Entrant]] = {
        DEFAULT: partial(ModelEntrant, DEFAULT, recipe, policy),
        **{name: partial(_make_member, Member(name), recipe, policy) for name in MEMBERS},
        "always": Always,
        "t2-ewma": T2Ewma,
        "pca": partial(_make_pca, recipe, policy),
        "iforest": Forest,
    }
    return {name: made[name] for name in MODELS}


def own_recipe(member: Member, recipe: Recipe) -> Recipe:
    """Return how a member of the family is learned that stands for itself, by its own score."""
    own = choose_member(member, recipe)
    return replace(own, scoring=replace(own.scoring, aspects=OWN_ASPECTS))


def _make_member(member: Member, recipe: Recipe, policy: ReplayPolicy) -> Entrant:
    return ModelEntrant(member.value, own_recipe(member, recipe), policy)


def _make_pca(recipe: Recipe, policy: ReplayPolicy) -> Entrant:
    return Pca(own_recipe(Member.PCA, recipe), policy)
