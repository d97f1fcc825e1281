"""The members of the family by name, each as a recipe."""

from dataclasses import replace
from enum import StrEnum

from tocsin_models.learning import Recipe
from tocsin_models.losses import Loss
from tocsin_models.networks import Form, Output

_OVERCOMPLETE = 4  # times as many latent numbers as may be other than zero


class Member(StrEnum):
    """What there is to choose from; docs/models.md says when to choose which."""

    LSTM = "lstm"
    DENSE = "dense"
    CONV = "conv"
    VARIATIONAL = "variational"
    PCA = "pca"
    SPARSE = "sparse"
    """A dense one with four times as many latent numbers, of which the largest are kept."""
    DENOISING = "denoising"
    """A dense one that learns to take noise away, and to do without whole channels."""


def choose_member(member: Member, recipe: Recipe | None = None) -> Recipe:
    """Return ``recipe``, sizes and all, for another member of the family."""
    recipe = recipe or Recipe()
    network = recipe.network
    match member:
        case Member.SPARSE:
            wide = min(_OVERCOMPLETE * network.latent, 4096)
            network = replace(network, form=Form.DENSE, latent=wide, active=network.latent)
            return replace(recipe, network=network)
        case Member.DENOISING:
            training = replace(recipe.training, noise=0.3, hide=0.15)
            return replace(recipe, network=replace(network, form=Form.DENSE), training=training)
        case _:
            return replace(recipe, network=replace(network, form=Form(member.value)))


def choose_loss(loss: Loss, recipe: Recipe) -> Recipe:
    """Return ``recipe`` with a loss, and with what that loss asks of the network."""
    output = Output.UNIT if loss is Loss.BCE else recipe.network.output
    network, training = replace(recipe.network, output=output), replace(recipe.training, loss=loss)
    return replace(recipe, network=network, training=training)
