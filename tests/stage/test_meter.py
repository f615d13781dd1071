"""Sums by source, by hand."""

import pytest
import torch

from medllm.stage.meter import Meter
from medllm.types import IGNORE


def alone(total):
    return total


def two_devices(total):
    """What a reduction over two devices that saw the same gives."""
    return 2 * total


def counted():
    """Books: 1 + 2 over 2 tokens; papers: 5 over 1; one target unlearnt, one place padding."""
    meter = Meter(["books", "papers", "general"])
    meter.add_tokens(
        torch.tensor([[1.0, 2.0, 0.0], [5.0, 0.0, 0.0]]),
        torch.tensor([[7, 8, IGNORE], [9, IGNORE, IGNORE]]),
        torch.tensor([[0, 0, 0], [1, 1, -1]]),
    )
    return meter


def test_loss_and_share_are_told_by_source():
    """(1 + 2 + 5) / 3 tokens; a source that brought nothing has a share of 0 and no loss."""
    assert counted().read(alone) == pytest.approx(
        {
            "train/loss": 8 / 3,
            "train/tokens": 3,
            "train/source/books/share": 2 / 3,
            "train/source/books/loss": 1.5,
            "train/source/papers/share": 1 / 3,
            "train/source/papers/loss": 5.0,
            "train/source/general/share": 0.0,
        }
    )


def test_a_reading_starts_the_sums_again_but_not_the_tokens():
    meter = counted()
    meter.read(alone)
    assert meter.read(alone) == {}
    meter.add_tokens(torch.tensor([[4.0]]), torch.tensor([[1]]), torch.tensor([[2]]))
    figures = meter.read(alone)
    assert figures["train/loss"] == 4.0
    assert figures["train/tokens"] == 4
    assert figures["train/source/general/share"] == 1.0


def test_devices_are_summed_before_anything_is_divided():
    figures = counted().read(two_devices)
    assert figures["train/loss"] == pytest.approx(8 / 3)
    assert figures["train/tokens"] == 6


def test_other_figures_are_divided_by_their_count():
    """Margins 1 + 3 over 1 + 3 pairs; loss 2 + 0 over 4."""
    meter = Meter([])
    meter.add(loss=torch.tensor(2.0), margin=torch.tensor(1.0), count=torch.tensor(1))
    meter.add(loss=torch.tensor(0.0), margin=torch.tensor(3.0), count=torch.tensor(3))
    assert meter.read(two_devices) == {"train/loss": 0.5, "train/margin": 1.0}
    assert meter.read(alone) == {}


def test_tokens_of_pairs_count_too():
    """Two pairs of up to 5 places: 1 + 2 learnt above, 1 + 0 below; read 3 + 4 and 5 + 0.

    A row ends one token after its last target: targets at 1, at 1 and 2, at 3.
    """
    meter = Meter([])
    no = IGNORE
    meter.add_pairs(
        torch.tensor(
            [[no, 7, no, no, no], [no, 7, 8, no, no], [no, no, no, 9, no], [no, no, no, no, no]]
        )
    )
    assert meter.read(alone, seconds=2.0) == {"train/tokens": 4, "speed/tokens_per_second": 6.0}
    assert meter.learnt == 4


def test_speed_counts_what_was_read_after_the_watch_was_started():
    """4 places read before, 4 after, in 2 seconds; padding is not read."""
    meter = counted()
    meter.start_watch()
    meter.add_tokens(
        torch.zeros(2, 3), torch.full((2, 3), IGNORE), torch.tensor([[0, 0, 0], [1, -1, -1]])
    )
    assert meter.read(two_devices, seconds=2.0)["speed/tokens_per_second"] == 2 * 4 / 2


def test_nothing_timed_tells_no_speed():
    assert "speed/tokens_per_second" not in counted().read(alone)


def test_a_meter_goes_on_from_what_it_gave():
    whole, half, other = counted(), counted(), Meter(["books", "papers", "general"])
    for meter in (whole, half):
        meter.add(loss=torch.tensor(2.0), count=torch.tensor(1))
    other.load([half.state()])
    for meter in (whole, other):
        meter.add(loss=torch.tensor(4.0), count=torch.tensor(1))
    assert other.read(alone) == whole.read(alone)


def test_the_sums_of_two_processes_may_go_to_one():
    one = Meter(["books", "papers", "general"])
    one.load([counted().state(), counted().state()])
    assert one.read(alone) == counted().read(two_devices)


def test_what_a_meter_gave_does_not_change_afterwards():
    meter = counted()
    state = meter.state()
    meter.read(alone)
    assert state["nll"].tolist() == [3.0, 5.0, 0.0]


def test_a_watch_that_was_started_is_not_kept():
    """All ranks must sum the same things, and only some may have loaded anything."""
    meter = counted()
    meter.start_watch()
    assert meter.state().keys() == counted().state().keys()


def test_a_meter_keeps_no_graph():
    meter = counted()
    nll = torch.ones(1, 1, requires_grad=True)
    meter.add_tokens(nll, torch.tensor([[1]]), torch.tensor([[0]]))
    meter.add(loss=nll.sum(), count=torch.tensor(1))
    assert not meter.nll.requires_grad
    assert not meter.sums["loss"].requires_grad


def test_ten_million_small_losses_are_not_lost():
    """Float32 would stop counting tokens at 2**24; here 2**24 + 1 are counted."""
    meter = Meter(["books"])
    meter.tokens += 2**24
    meter.add_tokens(torch.ones(1, 1), torch.tensor([[1]]), torch.tensor([[0]]))
    assert meter.read(alone)["train/tokens"] == 2**24 + 1
