"""Settings -> whatever has to do with models: the registry, and the roles that need it."""

from dataclasses import replace

from tocsin.adapters.registry import LogRegistry
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.lessons import LessonPolicy
from tocsin.core.profile import SECOND_NS
from tocsin.ports import Log, Registry
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.outputs import Topics
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin.settings import Settings
from tocsin.wiring.checks import group_of, profiles_of
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.losses import Loss
from tocsin_models.members import Member, choose_loss, choose_member
from tocsin_models.networks import NetworkPolicy, Order
from tocsin_models.scaling import Scale
from tocsin_models.scoring import ScoringPolicy
from tocsin_models.training import TrainingPolicy

_LEASE_SHARE = 0.9
"""Of the session timeout: before that time no other member can have taken over."""


def make_registry(settings: Settings, log: Log) -> Registry:
    """Return the models in ``log``."""
    return LogRegistry(log, settings.topics.models)


def make_detector(settings: Settings, log: Log) -> Detector:
    """Return a detector; torch then keeps to one thread."""
    settle_threads()
    lease_s = settings.kafka.session_timeout / SECOND_NS * _LEASE_SHARE
    policy = DetectPolicy(
        topics=topics_of(settings), group=group_of(settings, "detect"), lease_s=lease_s
    )
    return Detector(log, make_registry(settings, log), Engine(profiles_of(settings)), policy)


def make_retrainer(settings: Settings, log: Log) -> Retrainer:
    """Return a retrainer; torch then keeps to one thread."""
    settle_threads()
    policy = RetrainPolicy(
        topics=topics_of(settings),
        lessons=LessonPolicy(history_ns=settings.retrain.history),
        challenge=ChallengePolicy(recipe_of(settings)),
        first_windows=settings.retrain.first_windows,
        every_ns=settings.retrain.every,
    )
    return Retrainer(log, make_registry(settings, log), profiles_of(settings), policy)


def topics_of(settings: Settings) -> Topics:
    """Return the topics' names."""
    names = settings.topics
    return Topics(
        names.readings,
        names.scores,
        names.alerts,
        names.state,
        names.dead_letters,
        names.models,
        names.deliveries,
        names.operations,
    )


def recipe_of(settings: Settings) -> Recipe:
    """Return how models are learned."""
    train = settings.train
    recipe = Recipe(
        NetworkPolicy(hidden=train.hidden, latent=train.latent, forecast=train.forecast),
        TrainingPolicy(seed=train.seed, epochs=train.epochs, learning_rate=train.learning_rate),
        ScoringPolicy(sifted=train.sifted),
        calibration=CalibrationPolicy(budget=train.budget),
        scale=Scale(train.scale),
    )
    member = choose_member(Member(train.model), recipe)
    network = replace(
        member.network,
        active=train.sparsity or member.network.active,
        order=Order.REVERSED if train.reversed else Order.FORWARD,
    )
    training = replace(member.training, noise=train.noise or member.training.noise)
    return choose_loss(Loss(train.loss), replace(member, network=network, training=training))
