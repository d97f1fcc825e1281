"""Small bundles, made in a moment, and verdicts on them."""

from math import nan

import numpy as np
import torch

from tocsin.core.records import Check, Floats, Verdict
from tocsin_models.bundle import Bundle, empty_probe, make_bundle
from tocsin_models.calibration import calibrate, fit_spans, weigh_run
from tocsin_models.inference import Model
from tocsin_models.networks import NetworkPolicy, build_network
from tocsin_models.scaling import RobustScaler
from tocsin_models.scoring import ScoringPolicy, fit_scorer

torch.set_num_threads(1)

ACCEPTED = Verdict(
    promoted=True, checks=(Check("weights", passed=True, value=0.0, bound=0.0, sentence="Good."),)
)
REFUSED = Verdict(
    promoted=False,
    checks=(Check("holdout", passed=False, value=nan, bound=0.25, sentence="It has no error."),),
)
CHANNELS = ("flow", "heat")
LENGTH = 8


def tiny_bundle(seed: int, hidden: int = 4) -> Bundle:
    """Return an untrained bundle that answers all the same."""
    policy = NetworkPolicy(hidden=hidden, latent=2)
    network = build_network(len(CHANNELS), LENGTH, policy, seed)
    scaler, stride = RobustScaler(np.zeros(2), np.ones(2)), 4
    scoring = ScoringPolicy()
    evidence = Model(network, scaler, LENGTH).evidence(
        some_windows(64), stride + scoring.lags, encode=False
    )
    scorer = fit_scorer(evidence, stride, scoring)
    run = scorer.surprise(evidence).nats
    spans = fit_spans([run], (1, 4, 16), scoring.cap, 2)
    draft = Bundle(
        channels=CHANNELS,
        length=LENGTH,
        period_ns=1_000_000_000,
        stride=stride,
        scaler=scaler,
        policy=policy,
        weights={name: weight.numpy() for name, weight in network.state_dict().items()},
        typical=np.ones(2),
        scorer=scorer,
        calibration=calibrate([weigh_run(run, spans)], spans),
        facts={"seed": seed},
        probe=empty_probe(LENGTH, len(CHANNELS)),
    )
    return make_bundle(draft, some_windows(4))


def some_windows(count: int, seed: int = 0) -> Floats:
    """Return normal noise ``[count, LENGTH, 2]``."""
    return np.random.default_rng(seed).normal(size=(count, LENGTH, len(CHANNELS)))
