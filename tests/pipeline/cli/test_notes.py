import pytest

from tocsin.cli.blunting import Blunted
from tocsin.cli.notes import take_notes
from tocsin.settings import Settings
from tocsin.settings.model import TrainSettings

AT_NS = 1_767_571_200 * 10**9
FACTS = {"windows": 2_000, "windows_apart": 0, "noise_lost": 0.8, "copies": 0}
APART = {
    **FACTS,
    "windows_apart": 130,
    "apart_from_ns": AT_NS,
    "apart_to_ns": AT_NS + 3_600 * 10**9,
}
BLUNTED = Blunted("flow", -9999.0, 0.003)


def test_of_what_is_as_it_should_be_nothing_is_said() -> None:
    assert list(take_notes(FACTS, [], Settings())) == []
    assert list(take_notes({**APART, "windows_apart": 39}, [], Settings())) == []


@pytest.mark.parametrize("asset", [{}, {"apart_asset": "pump-2"}])
@pytest.mark.parametrize("taken", ["rare but normal", "faults"])
def test_what_lies_far_from_all_else_is_said_and_when_it_was(
    asset: dict[str, str], taken: str
) -> None:
    settings = Settings(train=TrainSettings(sifted=taken == "faults"))

    (said,) = take_notes({**APART, **asset}, [], settings)

    whose = "of pump-2 from" if asset else "run of them from"
    assert said.startswith("6.5% of the windows lie far from all others")
    assert f"{whose} 2026-01-05 00:00:00 UTC to 2026-01-05 01:00:00 UTC" in said
    assert f"they are taken for {taken}; if" in said


def test_of_a_model_that_copies_it_is_said_what_to_do() -> None:
    settings = Settings(train=TrainSettings(latent=128))

    (said,) = take_notes({**FACTS, "noise_lost": 0.02, "copies": 1}, [], settings)

    assert said.startswith("98% of white noise comes back: the model copies what it sees")
    assert "choose a smaller train.latent, which is 128" in said


def test_where_nothing_moves_nobody_knows_whether_it_copies() -> None:
    facts = {"windows": 100, "windows_apart": 0}

    assert list(take_notes(facts, [], Settings())) == []


def test_of_a_blunted_channel_it_is_said_by_what_and_what_to_do() -> None:
    (said,) = take_notes(FACTS, [BLUNTED], Settings())

    assert said.startswith("0.3% of the values of flow lie far from all others, as far as -9999")
    assert "so it is with" not in said
    assert "if that is an error code, take such values out, or send null" in said


def test_many_blunted_channels_are_one_note() -> None:
    others = [Blunted(name, 1e9, 0.01) for name in ("heat", "level")]

    (said,) = take_notes(FACTS, [BLUNTED, *others], Settings())

    assert "next to nothing; so it is with heat, level; if" in said


def test_all_that_is_worth_a_look_is_said() -> None:
    facts = {**APART, "noise_lost": 0.1, "copies": 1}

    assert len(list(take_notes(facts, [BLUNTED], Settings()))) == 3
