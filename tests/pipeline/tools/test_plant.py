import numpy as np
import pytest

from tocsin.tools.plant import Plant, PlantPolicy

START_NS = 1_700_000_000 * 10**9
ASSETS = ("P1", "P2", "P3")


def correlation(plant: Plant, first: str, second: str) -> float:
    values = plant.stretch(START_NS, 20_000)[0]
    pair = values[:, [plant.channels.index(first), plant.channels.index(second)]]
    return float(np.corrcoef(pair[np.isfinite(pair).all(axis=1)].T)[0, 1])


@pytest.mark.parametrize("cut", [1, 500, 1_023, 1_024, 1_025, 2_999])
def test_two_adjoining_stretches_are_the_bytes_of_one(cut: int) -> None:
    whole = Plant(7, ASSETS).stretch(START_NS, 3_000)
    plant = Plant(7, ASSETS)
    second = plant.stretch(START_NS + cut * 10**9, 3_000 - cut)
    first = plant.stretch(START_NS, cut)
    assert np.concatenate([first, second], axis=1).tobytes() == whole.tobytes()
    times = [plant.times(START_NS, cut), plant.times(START_NS + cut * 10**9, 3_000 - cut)]
    assert np.array_equal(np.concatenate(times, axis=1), plant.times(START_NS, 3_000))


def test_an_asset_does_not_depend_on_how_many_others_there_are() -> None:
    alone = Plant(7, ("P1",)).stretch(START_NS, 100)
    assert alone[0].tobytes() == Plant(7, ASSETS).stretch(START_NS, 100)[0].tobytes()


def test_seeds_and_assets_differ() -> None:
    plant = Plant(7, ASSETS).stretch(START_NS, 100)
    other = Plant(8, ASSETS).stretch(START_NS, 100)
    assert plant.shape == (3, 100, 8)
    assert not np.array_equal(plant, other, equal_nan=True)
    assert not np.array_equal(plant[0], plant[1], equal_nan=True)


def test_channels_are_linked_as_in_a_pump() -> None:
    plant = Plant(3, ("P1",))
    assert correlation(plant, "load", "current") > 0.99
    assert correlation(plant, "flow", "pressure") < -0.9
    assert correlation(plant, "load", "vibration") > 0.95
    assert 0.6 < correlation(plant, "load", "temperature") < 0.99


def test_a_temperature_comes_after_the_load() -> None:
    quiet = PlantPolicy(missing_share=0.0, gap_share=0.0)
    values = Plant(3, ("P1",), policy=quiet).stretch(START_NS, 20_000)[0]
    load, bearing = values[:, 0], values[:, 6]
    lags = [
        float(np.corrcoef(load[:-1_000], bearing[k : k - 1_000])[0, 1]) for k in range(0, 900, 20)
    ]
    assert np.argmax(lags) >= 3


def test_regimes_change_without_jumps() -> None:
    quiet = PlantPolicy(missing_share=0.0, gap_share=0.0)
    load = Plant(3, ("P1",), policy=quiet).stretch(START_NS, 20_000)[0, :, 0]
    assert load.min() < 20
    assert load.max() > 85
    assert np.abs(np.diff(load)).max() < 5


def test_readings_stay_in_their_step_and_some_are_missing() -> None:
    plant = Plant(3, ASSETS, period_ns=10**8)
    times = plant.times(START_NS, 5_000)
    steps = START_NS // 10**8 + np.arange(5_000)
    assert (times // 10**8 == steps).all()
    assert len(np.unique(times % 10**8)) > 1_000
    missing = np.isnan(plant.stretch(START_NS, 50_000))
    assert 0.001 < missing.mean() < 0.02
    assert missing.all(axis=2).any()


def test_the_spread_of_a_channel_is_about_what_is_said() -> None:
    plant = Plant(3, [f"P{i}" for i in range(8)])
    found = np.nanstd(plant.stretch(START_NS, 20_000), axis=(0, 1))
    assert (found / plant.spread < 2).all()
    assert (found / plant.spread > 0.5).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"transition_steps": 0},
        {"regime_steps": 10, "transition_steps": 20},
        {"jitter_share": 1.0},
        {"gap_steps": 0},
    ],
)
def test_an_impossible_policy_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="plant"):
        PlantPolicy(**wrong)


def test_an_impossible_plant_or_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="plant"):
        Plant(1, ())
    with pytest.raises(ValueError, match="plant"):
        Plant(1, ASSETS, period_ns=0)
    with pytest.raises(ValueError, match="stretch"):
        Plant(1, ASSETS).stretch(START_NS, 0)
