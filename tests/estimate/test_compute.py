"""Operations for each token, by hand."""

import pytest

from medllm.estimate.compute import flops_per_token, mfu
from medllm.estimate.size import size
from tests.estimate.made import composed, published

MULTIPLIED = 8_030_261_248 - 128256 * 4096  # 7.5e9, without the embedding


def test_training_all_weights_takes_6_operations_for_each_and_attention(tmp_path):
    """46.6e9 with half of attention masked (performance.md); PaLM counts the whole: 48.2e9."""
    cfg = published(tmp_path, "data.seq_len=2048")
    expected = 6 * MULTIPLIED + 12 * 32 * 4096 * 2048
    assert flops_per_token(size(cfg, {}), cfg) == expected == pytest.approx(48.25e9, rel=1e-3)


def test_adapters_take_4_for_each_weight_and_6_for_each_of_theirs(tmp_path):
    cfg = published(tmp_path, "data.seq_len=2048", "model/adapter=lora")
    theirs = size(cfg, {}).trained
    expected = 4 * MULTIPLIED + 6 * theirs + 12 * 32 * 4096 * 2048
    assert flops_per_token(size(cfg, {}), cfg) == expected


def test_a_reference_without_adapter_is_one_more_forward_pass(tmp_path):
    """world_s: 3 layers of 96, rows of 128; 479,904 weights and 43,776 of the adapter."""
    cfg = composed(tmp_path, "model/start=world_s", "previous=none", experiment="world/dpo")
    stored = composed(
        tmp_path, "model/start=world_s", "previous=none", "stage.reference=stored",
        experiment="world/dpo",
    )  # fmt: skip
    found = size(cfg, {})
    more = flops_per_token(found, cfg) - flops_per_token(found, stored)
    assert more == 2 * (479904 + 43776) + 4 * 3 * 96 * 128


def test_checkpointing_is_no_useful_work(tmp_path):
    plain, again = composed(tmp_path), composed(
        tmp_path, "hardware.gradient_checkpointing=true"
    )  # fmt: skip
    assert flops_per_token(size(plain, {}), plain) == flops_per_token(size(again, {}), again)


def test_utilisation_is_what_was_done_over_what_could_be():
    """8 devices of 1e12; 1000 tokens a second of 4e9 operations are half of them."""
    assert mfu(1000, flops_per_token=4e9, peak_flops=1e12, devices=8) == 0.5
