"""How large a model is, by hand, wherever it comes from."""

import json
import re
import time

import pytest

from medllm.estimate.architecture import Unknown
from medllm.estimate.size import size, size_of
from tests.estimate.made import LLAMA_3_8B_WEIGHTS, composed, published

# world_s: embeddings 1536 x 96, shared with the head; each of 3 layers 4 x 96 x 96 for attention,
# 3 x 96 x 256 for the rest and 2 x 96 for norms; a last norm of 96.
WORLD_S = 1536 * 96 + 3 * (4 * 96 * 96 + 3 * 96 * 256 + 2 * 96) + 96


def test_a_fresh_model_is_counted_by_hand(tmp_path):
    found = size(composed(tmp_path), {})
    assert found.parameters == found.trained == WORLD_S == 479904
    assert (found.layers, found.hidden, found.vocabulary, found.attention) == (3, 96, 1536, 96)


def test_a_head_that_shares_the_embedding_multiplies_with_it(tmp_path):
    assert size(composed(tmp_path), {}).multiplied == 479904


def test_an_embedding_of_its_own_is_looked_up_and_not_multiplied(tmp_path):
    found = size(published(tmp_path), {})
    assert found.multiplied == LLAMA_3_8B_WEIGHTS - 128256 * 4096


def test_an_adapter_trains_rank_times_the_sides_of_each_matrix(tmp_path):
    """Per layer and rank: 4 of 96 + 96, 2 of 96 + 256, 1 of 256 + 96; rank 8, 3 layers."""
    found = size(composed(tmp_path, "model/adapter=lora"), {})
    assert found.trained == 8 * 3 * (4 * 192 + 2 * 352 + 352) == 43776
    assert found.parameters == 479904 + 43776


def test_an_adapter_on_two_matrices_of_each_layer_counts_these(tmp_path):
    """BenTsao's: rank 8 on queries and values, 96 x 96 both."""
    targets = "model.adapter.targets=[q_proj,v_proj]"
    found = size(composed(tmp_path, "model/adapter=lora", targets), {})
    assert found.trained == 8 * 3 * 2 * 192


def test_an_adapter_to_be_exported_beside_its_base_is_counted_too(tmp_path):
    cfg = published(tmp_path, "model/adapter=lora", "model.adapter.export=beside",
                    num_hidden_layers=1)  # fmt: skip
    assert size(cfg, {}).trained == 8 * (2 * 8192 + 2 * 5120 + 3 * 18432)


def test_a_layer_is_what_repeats(tmp_path):
    assert size(composed(tmp_path), {}).layer == (479904 - 1536 * 96) // 3
    assert size(published(tmp_path), {}).layer == (LLAMA_3_8B_WEIGHTS - 2 * 128256 * 4096) // 32


def test_eight_billion_weights_are_counted_in_no_time_and_in_no_memory(tmp_path):
    size(composed(tmp_path), {})  # imports
    size_of.cache_clear()
    began = time.process_time()
    assert size(published(tmp_path), {}).parameters == LLAMA_3_8B_WEIGHTS
    assert time.process_time() - began < 3


def test_a_run_after_one_that_is_not_trained_has_its_architecture(tmp_path):
    base, middle = (
        composed(tmp_path, "model=world_m"),
        composed(tmp_path, "previous=world/base/1", experiment="world/cpt"),
    )
    last = composed(tmp_path, "previous=world/cpt/2", experiment="world/sft")
    earlier = {"world/base/1": base, "world/cpt/2": middle}
    assert size(last, earlier) == size(base, {})


def test_a_run_after_one_that_is_frozen_reads_its_config(tmp_path):
    from medllm import config

    base = composed(tmp_path, "model=world_m")
    config.freeze(base, tmp_path / "runs" / "world" / "base" / "1")
    after = composed(tmp_path, "previous=world/base/1", experiment="world/cpt")
    assert size(after, {}) == size(base, {})


def test_a_run_after_one_that_is_exported_reads_what_it_exported(tmp_path):
    from tests.conftest import tiny_llama

    tiny_llama().save_pretrained(tmp_path / "runs" / "world" / "base" / "1" / "export")
    after = composed(tmp_path, "previous=world/base/1", experiment="world/cpt")
    assert size(after, {}).vocabulary == 320


def test_an_adapter_exported_beside_its_base_is_merged_first(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    small = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4,
             "intermediate_size": 128, "num_hidden_layers": 1, "vocab_size": 320}  # fmt: skip
    (base / "config.json").write_text(json.dumps(small))
    beside = tmp_path / "runs" / "world" / "base" / "1" / "export"
    beside.mkdir(parents=True)
    said = {"base_model_name_or_path": str(base)}
    (beside / "adapter_config.json").write_text(json.dumps(said))
    after = composed(tmp_path, "previous=world/base/1", experiment="world/cpt")
    assert size(after, {}).parameters == 2 * 320 * 64 + 4 * 64 * 64 + 3 * 64 * 128 + 3 * 64


def test_a_longer_vocabulary_has_a_longer_embedding(tmp_path):
    """The base has 128,256 rows; 5 entries are new, after the 128,254 that its tokenizer uses."""
    folder = tmp_path / "longer"
    folder.mkdir()
    said = {"base": 128254, "parts": [[1]] * 5}
    (folder / "extension.json").write_text(json.dumps(said))
    base = published(tmp_path).model.start.path
    cfg = composed(tmp_path, "model/start=extended", f"model.start.base.path='{base}'",
                   f"model.start.folder='{folder}'")  # fmt: skip
    assert size(cfg, {}).vocabulary == 128259


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (
            ["model/start=previous", "+previous=world/base/9"],
            "the run before, world/base/9, is not in",
        ),
        (
            ["model/start=pretrained", "model.start.path=nobody/nothing"],
            "no readable config.json of nobody/nothing here; fetch it: hf download nobody/nothing",
        ),
        (["model=real_smoke"], "no folder .*minimind; change model.start.vocabulary.path"),
    ],
)
def test_what_cannot_be_known_says_why(tmp_path, overrides, why):
    found = size(composed(tmp_path, *overrides), {})
    assert isinstance(found, Unknown)
    assert re.search(why, found.why)


def test_a_model_that_needs_code_of_its_own_is_unknown(tmp_path):
    """Baichuan's config.json names code beside it, which nobody here runs."""
    found = size(published(tmp_path, model_type="baichuan"), {})
    assert isinstance(found, Unknown)
    assert "baichuan" in found.why
