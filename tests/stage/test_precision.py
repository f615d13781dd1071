"""Hardware settings that may change speed and memory, and what they may change besides."""

import copy
import math

import pytest
import torch

from medllm.model.adapter import Lora
from tests.conftest import tiny_llama
from tests.stage import lessons


def lora(seed=0, *, dropout=0.0):
    torch.manual_seed(seed)
    adapter = Lora(rank=4, alpha=8, dropout=dropout, targets="all-linear", export="merged")
    return adapter.attach(tiny_llama(seed))


def checkpointed(network):
    network.activation_checkpointing_enable({"use_reentrant": False})
    return network


@pytest.mark.parametrize("make", [tiny_llama, lora])
def test_gradient_checkpointing_gives_the_same_gradients(tokenizer, make):
    batch = lessons.talk(tokenizer)
    loss, grads = lessons.learn(lessons.sft(make), batch)
    network = checkpointed(make())
    again, recomputed = lessons.learn(lessons.sft(lambda: network), batch)
    assert network.is_activation_checkpointing
    assert again == loss
    for name, grad in grads.items():
        torch.testing.assert_close(recomputed[name], grad, rtol=1e-6, atol=1e-9)


def test_gradient_checkpointing_gives_the_same_preference_gradients(tokenizer):
    """The reference pass with the adapter off must not leak into the recomputation."""
    batch = lessons.pairs(tokenizer)
    moved = lora()
    for name, p in moved.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.1)
    loss, grads = lessons.learn(lessons.dpo(lambda: copy.deepcopy(moved)), batch)
    assert loss != pytest.approx(math.log(2), abs=1e-3)
    again, recomputed = lessons.learn(lessons.dpo(lambda: checkpointed(moved)), batch)
    assert again == loss
    for name, grad in grads.items():
        torch.testing.assert_close(recomputed[name], grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("precision", ["bf16-true", "bf16-mixed"])
def test_a_few_steps_in_bfloat16_learn(tokenizer, precision):
    stage = lessons.sft(steps=6)
    batch = lessons.talk(tokenizer)
    before = lessons.learn(lessons.sft(), batch)[0]
    lessons.fit(stage, batch, precision=precision)
    figures = stage.meter.read(lambda total: total)
    assert math.isfinite(figures["train/loss"])
    assert figures["train/loss"] < before  # the mean of six falling losses
    kept = torch.bfloat16 if precision == "bf16-true" else torch.float32
    assert {p.dtype for p in stage.network.parameters()} == {kept}


def test_bfloat16_does_not_round_the_rotary_frequencies(tokenizer):
    """0.1 would be 0.10009766: 200 positions on, 200 * 0.00009766 rad = 1.1 degrees too far."""
    stage = lessons.sft(steps=1)
    lessons.fit(stage, lessons.talk(tokenizer), precision="bf16-true")
    exact = tiny_llama().model.rotary_emb.inv_freq
    assert stage.network.model.rotary_emb.inv_freq.dtype == torch.float32
    assert torch.equal(stage.network.model.rotary_emb.inv_freq, exact)
    assert not torch.equal(exact, exact.bfloat16().float())  # so it would have been rounded


@pytest.mark.parametrize("precision", ["bf16-true", "bf16-mixed"])
@pytest.mark.parametrize("reference", ["adapter", "stored"])
def test_preference_tuning_in_bfloat16_starts_at_log_2(tokenizer, precision, reference):
    """Policy and reference are computed alike, so that their difference is 0 to the last bit."""
    stage = lessons.dpo(lora, reference=reference, steps=1)
    lessons.fit(stage, lessons.pairs(tokenizer), precision=precision)
    figures = stage.meter.read(lambda total: total)
    assert figures["train/loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert figures["train/margin"] == 0
