"""Two ranks stop together, lose each other, and go on alone or together."""

import signal

import pytest
import torch
from safetensors.torch import load_file

from medllm.checkpoint.seen import rows
from medllm.journal import AGAIN, Journal
from tests.checkpoint import small

EVERY = ["checkpointing.steps=2", "checkpointing.minutes=null", "hardware.timeout=60"]
TWO = ["hardware.devices=2"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def whole(places):
    """A run of two processes that nothing happens to."""
    run_dir = small.frozen(places, "whole", "sft", *EVERY, *TWO)
    assert small.in_two_children(run_dir) == (0, 0)
    return run_dir


@pytest.mark.slow
def test_a_lost_rank_ends_the_other_and_both_go_on_to_the_same_bits(places, whole):
    """Two micro-batches a rank and step: the second rank dies within step 4."""
    run_dir = small.frozen(places, "lost", "sft", *EVERY, *TWO)
    assert small.in_two_children(run_dir, at=8) == (AGAIN, -9)
    assert small.in_two_children(run_dir) == (0, 0)
    starts = [line["step"] for line in Journal(run_dir).attempts() if "started" in line]
    assert starts == [0, 2]
    assert small.outcome(run_dir) == small.outcome(whole)


@pytest.mark.slow
def test_a_signal_that_one_rank_hears_stops_both_at_the_same_step(places, whole):
    """Heard in step 2 by the second rank alone, agreed on at its end, obeyed at the end of 3."""
    run_dir = small.frozen(places, "told", "sft", *EVERY, *TWO)
    statuses = small.in_two_children(run_dir, at=4, number=signal.SIGUSR1)
    assert statuses == (AGAIN, AGAIN)
    assert Journal(run_dir).attempts()[-1]["step"] == 3
    assert small.in_two_children(run_dir) == (0, 0)
    assert small.outcome(run_dir) == small.outcome(whole)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["two then one", "one then two"])
def test_another_number_of_processes_goes_on_to_the_same_weights(places, whole, order):
    first, then = ([*TWO], []) if order == "two then one" else ([], [*TWO])
    run_dir = small.frozen(places, order.replace(" ", "-"), "sft", *EVERY, *first)
    if first:
        assert small.in_two_children(run_dir, at=8) == (AGAIN, -9)
    else:
        assert small.in_child(run_dir, at=15) == -9
    small.frozen(places, order.replace(" ", "-"), "sft", *EVERY, *then)
    if then:
        assert small.in_two_children(run_dir) == (0, 0)
    else:
        assert small.in_child(run_dir) == 0
    weights = load_file(whole / "export/model.safetensors")
    for name, tensor in load_file(run_dir / "export/model.safetensors").items():
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=1e-6, msg=name)
    assert {step: sorted(seen) for step, seen in rows(run_dir / "seen").items()} == {
        step: sorted(seen) for step, seen in rows(whole / "seen").items()
    }


@pytest.mark.slow
def test_a_done_run_started_again_waits_for_nobody(whole):
    before = len(Journal(whole).attempts())
    assert small.in_two_children(whole) == (0, 0)
    assert len(Journal(whole).attempts()) == before
