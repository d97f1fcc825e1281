import pytest
import torch

from tocsin_models.losses import Loss, find_kept, trimmed_mean, window_losses


@pytest.mark.parametrize(("loss", "expected"), [(Loss.MSE, 5.0), (Loss.MAE, 2.0)])
def test_the_mean_is_over_measured_cells(loss: Loss, expected: float) -> None:
    said = torch.tensor([[[1.0, 99.0], [3.0, 99.0]], [[1.0, 1.0], [1.0, 1.0]]])
    x = torch.zeros_like(said)
    mask = torch.tensor([[[True, False], [True, False]], [[False, False], [False, False]]])

    assert window_losses(said, x, mask, loss).tolist() == [expected, 0.0]


def test_a_cross_entropy_is_least_at_the_truth_and_zero_there() -> None:
    x = torch.tensor([0.0, 0.25, 1.0]).view(3, 1, 1)
    mask = torch.ones_like(x, dtype=torch.bool)
    offers = torch.linspace(0, 1, 101)

    costs = torch.stack(
        [window_losses(torch.full_like(x, each), x, mask, Loss.BCE) for each in offers]
    )

    assert offers[costs.argmin(dim=0)].tolist() == pytest.approx([0.0, 0.25, 1.0])
    assert costs.min(dim=0).values.tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert torch.isfinite(costs).all()


def test_a_cross_entropy_is_the_usual_one_above_that_of_the_best_answer() -> None:
    chance = torch.Generator().manual_seed(0)
    said, x = (torch.rand(4, 5, 2, generator=chance) for _ in range(2))
    usual = torch.nn.functional.binary_cross_entropy

    expected = usual(said, x) - usual(x, x)

    found = window_losses(said, x, torch.ones_like(x, dtype=torch.bool), Loss.BCE).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_shares_outside_of_the_range_are_cut() -> None:
    mask = torch.ones(1, 1, 1, dtype=torch.bool)

    high, one = (
        window_losses(torch.full((1, 1, 1), 0.7), torch.full((1, 1, 1), x), mask, Loss.BCE)
        for x in (5.0, 1.0)
    )

    assert high == one


def test_only_what_lies_far_apart_is_left_out() -> None:
    losses = torch.tensor([1.0] * 9 + [1000.0])

    assert find_kept(losses, 0.1).tolist() == [True] * 9 + [False]
    assert find_kept(losses, 0).all()
    assert find_kept(torch.tensor([1.0] * 9 + [5.0]), 0.1).all()
    assert trimmed_mean(losses, 0.1) == 1
