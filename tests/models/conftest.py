"""One small model for all tests here, and one thread for torch."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from small_plant import RECIPE, cut_windows, run_plant, training_set
from tocsin_models.arrays import Floats
from tocsin_models.bundle import Bundle
from tocsin_models.learning import train_bundle


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    torch.set_num_threads(1)
    return train_bundle(training_set(run_plant(1_200)), RECIPE, {"parent": "none"})


@pytest.fixture
def windows() -> Floats:
    """Windows that the model has never seen, [193, 16, 3], a few cells missing."""
    values = cut_windows(run_plant(400, seed=9)).values
    values[np.random.default_rng(1).random(values.shape) < 0.05] = np.nan
    return values
