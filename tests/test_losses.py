"""The losses by hand. Their equality with TRL's is in tests/stage/test_trl.py."""

import math

import pytest
import torch

from medllm.losses import dpo, ipo, sequence_logps, token_nll
from medllm.types import IGNORE

ONE_PAIR = [torch.tensor([value]) for value in (-1.0, -4.0, -2.0, -2.0)]


def test_dpo_by_hand():
    """0.1 * ((-1 - -2) - (-4 - -2)) = 0.1 * (1 + 2) = 0.3; loss = log(1 + e**-0.3)."""
    loss, margin = dpo(*ONE_PAIR, beta=0.1, label_smoothing=0.0)
    torch.testing.assert_close(margin, torch.tensor([0.3]))
    torch.testing.assert_close(loss, torch.tensor([0.5543552]))


def test_smoothed_dpo_by_hand():
    """0.75 * log(1 + e**-0.3) + 0.25 * log(1 + e**0.3) = 0.75 * 0.5543552 + 0.25 * 0.8543552."""
    loss, margin = dpo(*ONE_PAIR, beta=0.1, label_smoothing=0.25)
    torch.testing.assert_close(margin, torch.tensor([0.3]))
    torch.testing.assert_close(loss, torch.tensor([0.6293552]))


def test_dpo_of_an_untouched_policy_is_log_2_whatever_the_smoothing():
    same = torch.tensor([-3.0, -7.0])
    for smoothing in (0.0, 0.3):
        loss, _ = dpo(same, same, same, same, beta=0.5, label_smoothing=smoothing)
        torch.testing.assert_close(loss, torch.full((2,), 0.6931472))


def test_dpo_does_not_overflow():
    """A margin of -1000 costs 1000, and one of 1000 nothing."""
    far = torch.tensor([-1000.0, 0.0])
    zero = torch.zeros(2)
    loss, _ = dpo(far, far.flip(0), zero, zero, beta=1.0, label_smoothing=0.0)
    assert loss.tolist() == [1000.0, 0.0]


def test_ipo_by_hand():
    """Ratio (1 - -2) = 3, drawn to 1 / (2 * 0.25) = 2: loss (3 - 2)**2 = 1; margin 0.25 * 3."""
    loss, margin = ipo(*ONE_PAIR, beta=0.25)
    assert loss.tolist() == [1.0]
    assert margin.tolist() == [0.75]


def test_a_margin_carries_no_gradient():
    policy = torch.tensor([-1.0], requires_grad=True)
    for loss in (lambda *s: dpo(*s, beta=0.1, label_smoothing=0.0), lambda *s: ipo(*s, beta=0.1)):
        assert not loss(policy, *ONE_PAIR[1:])[1].requires_grad


# Logits log 1, log 1, log 2 are chances 1/4, 1/4, 1/2.
QUARTERS = torch.tensor([[[0.0, 0.0, math.log(2)]] * 3])


def test_token_nll_by_hand_and_zero_where_nothing_is_learnt():
    nll = token_nll(QUARTERS, torch.tensor([[2, IGNORE, 0]]))
    torch.testing.assert_close(nll, torch.tensor([[math.log(2), 0.0, math.log(4)]]))


def test_sequence_logps_sum_what_is_learnt():
    """Chances 1/2 and 1/4: log 1/2 + log 1/4 = -log 8."""
    targets = torch.tensor([[2, IGNORE, 0], [IGNORE, IGNORE, IGNORE]])
    logps = sequence_logps(QUARTERS.expand(2, 3, 3), targets)
    torch.testing.assert_close(logps, torch.tensor([-math.log(8), 0.0]))


def test_token_nll_is_reduced_in_float32_even_from_bfloat16():
    """4,096 equal logits: log 4096 = 8.317766, which bfloat16 would make 8.3125."""
    nll = token_nll(torch.zeros(1, 1, 4096, dtype=torch.bfloat16), torch.tensor([[7]]))
    assert nll.dtype == torch.float32
    assert nll.item() == pytest.approx(8.317766, abs=1e-6)
