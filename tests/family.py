"""Every member of the family of autoencoders, and every option, as small recipes and models."""

from dataclasses import replace
from functools import cache

import torch

from small_plant import run_plant, training_set
from tocsin_models.bundle import Bundle
from tocsin_models.learning import Recipe, train_bundle
from tocsin_models.losses import Loss
from tocsin_models.members import Member, choose_loss, choose_member
from tocsin_models.networks import Form, NetworkPolicy, Order
from tocsin_models.training import TrainingPolicy

RECIPE = Recipe(
    NetworkPolicy(hidden=16, latent=4), TrainingPolicy(epochs=16, batches=16, learning_rate=1e-2)
)


def _network(recipe: Recipe, **changes: object) -> Recipe:
    return replace(recipe, network=replace(recipe.network, **changes))  # type: ignore[arg-type]


MEMBERS = {member.value: choose_member(member, RECIPE) for member in Member}
RECIPES = MEMBERS | {
    "lstm reversed": _network(RECIPE, order=Order.REVERSED),
    "lstm forecast": _network(RECIPE, forecast=True),
    "lstm sparse": _network(RECIPE, latent=12, active=4),
    "lstm denoising": replace(RECIPE, training=replace(RECIPE.training, noise=0.3)),
    "lstm mae": choose_loss(Loss.MAE, RECIPE),
    "dense bce": choose_loss(Loss.BCE, MEMBERS["dense"]),
    "conv bce": choose_loss(Loss.BCE, MEMBERS["conv"]),
    "variational forecast": _network(MEMBERS["variational"], forecast=True),
    "pca forecast": _network(MEMBERS["pca"], forecast=True),
}
POLICIES: dict[str, NetworkPolicy] = {name: recipe.network for name, recipe in RECIPES.items()}
DRAWN = [name for name, policy in POLICIES.items() if policy.form is not Form.PCA]
"""Those that begin with random weights."""


@cache
def model(name: str) -> Bundle:
    """Return a member that has learned the small plant."""
    torch.set_num_threads(1)
    return train_bundle(training_set(run_plant(1_200)), RECIPES[name])
