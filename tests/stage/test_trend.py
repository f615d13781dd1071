"""When a loss diverges, and all that is not divergence."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from medllm.stage.trend import Trend

SHIPPED = {"window": 100, "patience": 50, "rise": 3.0}


def trips(losses, **limits):
    """Number of the loss at which the trend diverges, from 0; None if it does not."""
    trend = Trend(**{**SHIPPED, **limits})
    return next((at for at, loss in enumerate(losses) if trend.add(loss)), None)


def test_a_loss_diverges_at_the_last_of_its_patience():
    """The median of 2, 2, 2, 2 is 2, and their deviation 0; 5.1 > 2 + 3, three times in a row."""
    losses = [2.0, 2.0, 2.0, 2.0, 5.1, 5.1, 5.1]
    assert trips(losses, window=4, patience=3) == 6


def test_a_loss_that_comes_down_within_patience_does_not_diverge():
    losses = [2.0] * 4 + [9.0, 9.0, 2.0] * 10
    assert trips(losses, window=4, patience=3) is None


def test_noise_as_wide_as_usual_does_not_diverge():
    """Median 10, deviations 4: up to 10 + 6 * 1.4826 * 4 = 45.58."""
    usual = [6.0, 14.0, 6.0, 14.0]
    assert trips([*usual, 45.5, 45.5, 45.5], window=4, patience=3) is None
    assert trips([*usual, 45.6, 45.6, 45.6], window=4, patience=3) == 6


def test_nothing_diverges_before_the_window_is_full():
    assert trips([2.0, 9.0, 9.0, 9.0, 9.0], window=6, patience=2) is None


def test_without_patience_nothing_diverges():
    assert trips([2.0] * 200 + [99.0] * 200, patience=None) is None


def test_a_trend_goes_on_from_its_state():
    losses = [2.0] * 4 + [5.1] * 3
    for cut in range(len(losses)):
        first, second = (Trend(window=4, patience=3, rise=3.0) for _ in range(2))
        assert not any(first.add(loss) for loss in losses[:cut])
        second.load(first.state())
        assert [second.add(loss) for loss in losses[cut:]] == [False] * (6 - cut) + [True]


def ordinary(rng, *, start, end, noise, steps, spikes, height, shift):
    """A curve that falls from `start` to `end` nats, with noise, spikes and one change of data.

    Args:
        noise: standard deviation of the loss's logarithm, as of steps of few rows.
        spikes: how many; each lasts up to 24 steps and falls away again.
        height: factor at the top of a spike.
        shift: nats by which the loss jumps, for good, somewhere.
    """
    curve = [end + (start - end) * math.exp(-8 * step / steps) for step in range(steps)]
    jump = rng.randrange(steps)
    curve = [loss + shift * (step >= jump) for step, loss in enumerate(curve)]
    for _ in range(spikes):
        top, lasts = rng.randrange(steps), rng.randint(1, 24)
        for step in range(top, min(top + lasts, steps)):
            curve[step] *= 1 + (height - 1) * (1 - (step - top) / lasts)
    return [loss * math.exp(rng.gauss(0, noise)) for loss in curve]


@given(
    seed=st.integers(0, 2**32),
    start=st.floats(0.7, 12.0),
    end=st.floats(0.001, 4.0),
    noise=st.floats(0.0, 0.6),
    spikes=st.integers(0, 2),
    height=st.floats(1.0, 20.0),
    shift=st.floats(-2.0, 2.0),
)
def test_ordinary_curves_never_diverge(seed, start, end, noise, spikes, height, shift):
    curve = ordinary(
        random.Random(seed), start=max(start, end), end=end, noise=noise, steps=600,
        spikes=spikes, height=height, shift=max(shift, 0.001 - end),
    )  # fmt: skip
    assert trips(curve) is None


@given(
    seed=st.integers(0, 2**32),
    level=st.floats(0.01, 4.0),
    noise=st.floats(0.0, 0.1),
    broken=st.floats(8.5, 12.0),
)
def test_a_model_that_breaks_is_stopped_after_50_steps(seed, level, noise, broken):
    """Down at `level`, then at `broken` nats, about what knowing nothing of 32,000 words costs."""
    rng = random.Random(seed)
    losses = [level * math.exp(rng.gauss(0, noise)) for _ in range(300)]
    losses += [broken + rng.random() for _ in range(100)]
    assert trips(losses) == 349
