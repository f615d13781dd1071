"""Preferring the better reply: where it starts, where it goes, and what it refuses."""

import math

import pytest
import torch

from medllm.errors import ConfigError
from medllm.model.adapter import Lora
from tests.conftest import tiny_llama
from tests.stage import lessons


def lora():
    torch.manual_seed(0)
    adapter = Lora(rank=4, alpha=8, dropout=0.0, targets="all-linear", export="merged")
    return adapter.attach(tiny_llama())


def taught(batch, **science):
    stage = lessons.dpo(lora, **science)
    lessons.fit(stage, batch)
    return stage, stage.meter.read(lambda total: total)


@pytest.mark.parametrize("reference", ["adapter", "stored"])
def test_the_first_step_costs_log_2(tokenizer, reference):
    _, figures = taught(lessons.pairs(tokenizer), reference=reference)
    assert figures["train/loss"] == pytest.approx(math.log(2), abs=1e-7)
    assert figures["train/margin"] == 0


def test_the_first_step_of_ipo_costs_its_distance(tokenizer):
    """(0 - 1 / (2 * 0.1))**2 = 25."""
    _, figures = taught(lessons.pairs(tokenizer), loss="ipo")
    assert figures["train/loss"] == pytest.approx(25.0, rel=1e-6)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_both_references_train_the_same_weights(tokenizer, loss):
    batch = lessons.pairs(tokenizer)
    adapter, one = taught(batch, steps=4, loss=loss, reference="adapter")
    stored, other = taught(batch, steps=4, loss=loss, reference="stored")
    assert one == pytest.approx(other, rel=1e-6)
    for p, q in zip(adapter.network.parameters(), stored.network.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-6)


def test_the_stored_reference_is_that_of_the_disabled_adapter_after_training(tokenizer):
    batch = lessons.pairs(tokenizer)
    stage, _ = taught(batch, steps=3, reference="stored")
    with stage.network.disable_adapter(), torch.no_grad():
        now = torch.stack(stage._scores(batch).chunk(2), dim=1)
    assert sorted(stage.stored) == [-1, 0, 1, 2]  # and what fills a last step up
    for pair in range(3):
        scores = stage.stored[pair]
        torch.testing.assert_close(scores, now[pair], rtol=1e-5, atol=1e-5)


def test_dropout_is_on_again_after_the_reference_is_stored(tokenizer):
    stage, _ = taught(lessons.pairs(tokenizer), reference="stored")
    assert all(module.training for module in stage.network.modules())


def test_the_margin_rises(tokenizer):
    batch = lessons.pairs(tokenizer)
    _, early = taught(batch, steps=2)
    stage, figures = taught(batch, steps=8)
    assert figures["train/margin"] > early["train/margin"] > 0
    assert figures["train/loss"] < early["train/loss"] < math.log(2)
    assert stage.meter.sums == {}  # a reading starts again


def test_accuracy_is_the_share_of_pairs_with_a_margin_above_0(tokenizer):
    """At the first step no margin is above 0; then one of two steps has all: 1/2."""
    assert taught(lessons.pairs(tokenizer), steps=1)[1]["train/accuracy"] == 0.0
    assert taught(lessons.pairs(tokenizer), steps=2)[1]["train/accuracy"] == 0.5


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
@pytest.mark.parametrize("reference", ["adapter", "stored"])
def test_an_empty_row_carries_nothing(tokenizer, loss, reference):
    full, empty = (
        taught(lessons.pairs(tokenizer, empty=rows), steps=3, loss=loss, reference=reference)
        for rows in (0, 1)
    )
    assert full[1] == pytest.approx(empty[1], rel=1e-6)
    for p, q in zip(full[0].network.parameters(), empty[0].network.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-6)


def test_a_micro_batch_of_empty_rows_only_has_zero_gradients(tokenizer):
    batch = lessons.pairs(tokenizer, judged=lessons.JUDGED[:1], empty=1)
    nothing = batch._replace(
        ids=batch.ids[1::2], targets=batch.targets[1::2], pairs=batch.pairs[1:], judged=3
    )
    loss, grads = lessons.learn(lessons.dpo(lora), nothing)
    assert loss == 0
    assert all(not grad.any() for grad in grads.values())


def test_only_the_adapter_is_trained(tokenizer):
    stage, _ = taught(lessons.pairs(tokenizer), steps=3)
    base = {name: p for name, p in lora().named_parameters() if "lora" not in name}
    for name, p in stage.network.named_parameters():
        assert p.requires_grad == ("lora" in name)
        if name in base:
            assert torch.equal(p, base[name])


def test_the_adapter_reference_needs_an_adapter():
    stage = lessons.dpo(tiny_llama, reference="adapter")
    with pytest.raises(
        ConfigError, match=r"stage.reference=adapter needs an adapter to switch off"
    ):
        stage.configure_model()


@pytest.mark.parametrize(
    ("science", "words"),
    [
        ({"beta": 0.0}, r"stage.beta=0.0 must be above 0"),
        ({"label_smoothing": 0.5}, r"stage.label_smoothing=0.5 must be in \[0, 0.5\)"),
        ({"loss": "ipo", "label_smoothing": 0.1}, r"0.1 does nothing with stage.loss=ipo; set 0"),
    ],
)
def test_science_that_cannot_be_meant_is_refused(science, words):
    with pytest.raises(ConfigError, match=words):
        lessons.dpo(lora, **science)
