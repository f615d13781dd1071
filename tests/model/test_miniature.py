"""A small model of the same family."""

import pytest
import torch
from peft import LoraConfig
from transformers import Qwen3Config
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from medllm.errors import ConfigError
from medllm.model.load import Extended, Fresh, Pretrained
from medllm.model.miniature import miniature
from medllm.model.vocabulary import BytePairs

LLAMA = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}


def published(folder, config):
    config.save_pretrained(folder)
    return Pretrained(path=str(folder), revision=None)


def test_a_fresh_llama_is_made_small():
    start = Fresh(architecture=LLAMA, vocabulary=BytePairs(files=[], size=262))
    network = miniature(start, seed=0)
    assert network.config.model_type == "llama"
    assert network.num_parameters() < 1e6
    assert network.dtype == torch.float64
    assert not network.training


def test_a_published_model_keeps_its_family(tmp_path):
    """Qwen3 lists the kind of every layer."""
    network = miniature(published(tmp_path, Qwen3Config()), seed=0)
    assert network.config.model_type == "qwen3"
    assert network.config.num_hidden_layers == len(network.config.layer_types) == 2


def test_the_same_seed_gives_the_same_weights(tmp_path):
    start = published(tmp_path, Qwen3Config())
    one, same, other = (miniature(start, seed=seed).state_dict() for seed in (0, 0, 1))
    name = "lm_head.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])


@pytest.mark.parametrize(
    "family", ["llama", "qwen2", "mistral", "gemma2", "gpt2", "glm", "mixtral"]
)
def test_known_families_run_and_heed_the_seams_of_a_packed_row(family, tmp_path):
    network = miniature(published(tmp_path, CONFIG_MAPPING[family]()), seed=0)
    ids, positions = torch.arange(1, 10)[None], torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]])
    with torch.no_grad():
        packed = network(input_ids=ids, position_ids=positions, use_cache=False).logits
        alone = network(input_ids=ids[:, 4:], use_cache=False).logits
    torch.testing.assert_close(packed[:, 4:], alone, atol=1e-12, rtol=0)


def test_a_longer_vocabulary_changes_no_family(tmp_path):
    base = published(tmp_path, Qwen3Config())
    longer = Extended(base=base, folder="anywhere", mean_of="parts")
    assert miniature(longer, seed=0).config.model_type == "qwen3"


def test_adapters_beside_a_base_are_of_its_family(tmp_path):
    base = published(tmp_path / "base", Qwen3Config())
    LoraConfig(base_model_name_or_path=base.path).save_pretrained(tmp_path / "beside")
    beside = Pretrained(path=str(tmp_path / "beside"), revision=None)
    assert miniature(beside, seed=0).config.model_type == "qwen3"


def test_a_family_that_cannot_be_made_small_is_told_with_the_way_around(tmp_path):
    start = published(tmp_path, CONFIG_MAPPING["xglm"]())
    with pytest.raises(
        ConfigError, match=r"cannot be made small, .*; set limits.compared=0 to go without"
    ):
        miniature(start, seed=0)
