"""Learning-rate curves by hand, and which weights decay."""

import pytest
import torch

from medllm.errors import ConfigError
from medllm.stage.optimizer import AdamW


def adamw(**science):
    return AdamW(
        **{
            "learning_rate": 0.5, "weight_decay": 0.1, "betas": [0.9, 0.95], "warmup": 0.0,
            "schedule": "linear", "floor": 0.0, **science,
        }
    )  # fmt: skip


def rates(optimizer, steps):
    """The learning rate that each of `steps` updates is made with."""
    weight = torch.nn.Parameter(torch.ones(2, 2))
    built = optimizer.build([weight], steps=steps)
    seen = []
    for _ in range(steps):
        seen.append(built["optimizer"].param_groups[0]["lr"])
        built["optimizer"].step()
        built["lr_scheduler"]["scheduler"].step()
    return seen


def test_warm_up_rises_in_equal_steps_to_the_peak():
    """4 of 10 steps: 1/4, 2/4, 3/4, 1 of the peak of 0.5; then down from 1 by sixths."""
    peak = 0.5
    shares = [1 / 4, 2 / 4, 3 / 4, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]
    assert rates(adamw(warmup=0.4), 10) == pytest.approx([peak * share for share in shares])


def test_cosine_by_hand():
    """(1 + cos(pi * n / 4)) / 2 for n of 1 to 4: 0.853553, 0.5, 0.146447, 0."""
    expected = [0.4267767, 0.25, 0.0732233, 0.0]
    assert rates(adamw(schedule="cosine"), 4) == pytest.approx(expected, abs=1e-7)


def test_linear_by_hand():
    assert rates(adamw(), 4) == pytest.approx([0.375, 0.25, 0.125, 0.0])


def test_constant_stays_at_the_peak_after_the_warm_up():
    assert rates(adamw(schedule="constant", warmup=0.5), 4) == pytest.approx([0.25, 0.5, 0.5, 0.5])


def test_the_floor_is_what_is_left_of_the_peak_at_the_end():
    """0.2 + 0.8 * (3/4, 2/4, 1/4, 0) = 0.8, 0.6, 0.4, 0.2 of the peak."""
    assert rates(adamw(floor=0.2), 4) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert rates(adamw(floor=0.2, schedule="cosine"), 4)[-1] == pytest.approx(0.1)


def test_a_run_of_one_step_ends_on_the_floor():
    assert rates(adamw(floor=0.1), 1) == pytest.approx([0.05])


def test_matrices_decay_and_norms_and_biases_do_not():
    """With no gradient but decay 0.1 at rate 0.5, a matrix shrinks to 1 - 0.05 = 0.95."""
    matrix, norm = (torch.nn.Parameter(torch.ones(*shape)) for shape in ((2, 2), (2,)))
    frozen = torch.nn.Parameter(torch.ones(2, 2), requires_grad=False)
    built = adamw(schedule="constant").build([matrix, norm, frozen], steps=1)
    matrix.grad, norm.grad = torch.zeros(2, 2), torch.zeros(2)
    built["optimizer"].step()
    torch.testing.assert_close(matrix.data, torch.full((2, 2), 0.95))
    assert norm.tolist() == [1.0, 1.0]
    assert frozen.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_the_betas_reach_the_optimiser_and_the_curve_moves_every_step():
    built = adamw(betas=[0.8, 0.7]).build([torch.nn.Parameter(torch.ones(1))], steps=1)
    assert built["optimizer"].param_groups[0]["betas"] == (0.8, 0.7)
    assert built["lr_scheduler"]["interval"] == "step"


@pytest.mark.parametrize(
    ("science", "words"),
    [
        ({"warmup": 1.0}, r"stage.optimizer.warmup=1.0 must be a share in \[0, 1\)"),
        ({"floor": 10}, r"stage.optimizer.floor=10 must be a share in \[0, 1\]"),
        ({"betas": [0.9]}, r"stage.optimizer.betas=\[0.9\] must be two numbers"),
    ],
)
def test_what_is_no_share_is_refused(science, words):
    with pytest.raises(ConfigError, match=words):
        adamw(**science)
